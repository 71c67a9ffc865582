"""Scores in SQL: what `engine.runtime.scoring` reads of a standing, worked out by the database.

The same numbers go through the same operations on doubles in the same order, so that both ways
read the same whole points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.runtime.scoring import MOST_HALVES, NEAREST, SECOND, micros
from engine.store.lead_facts import table
from engine.store.selecting.speech import Speech
from engine.store.selecting.values import NotInSql, Number, Sql, Value


@dataclass(frozen=True)
class Points:
    """The parts of a standing, each an expression that is NULL where there is none."""

    fit: Sql
    behavior: Sql
    at: Sql
    half_life: Sql
    low: Sql
    high: Sql

    def left(self, speech: Speech, now: int) -> Sql:
        """The behavior points that are left."""
        passed = sa.cast(sa.literal(now, sa.BigInteger) - self.at, sa.Double) / float(SECOND)
        halves = passed / self.half_life
        halves = speech.lesser(halves, _double(float(MOST_HALVES)))
        fading = sa.and_(self.half_life.is_not(None), passed > 0.0)
        faded = self.behavior * sa.func.pow(_double(2.0), -halves, type_=sa.Double)
        return sa.case((fading, faded), else_=self.behavior)

    def total(self, speech: Speech, now: int) -> Sql:
        """The total as everybody reads it."""
        # What is written twice is worked out twice, and a CASE of a CASE four times.
        found = self.fit + self.left(speech, now)
        found = speech.lesser(found, sa.func.coalesce(self.high, _double(float("inf"))))
        found = speech.greater(found, sa.func.coalesce(self.low, _double(float("-inf"))))
        there = sa.and_(self.fit.is_not(None), self.behavior.is_not(None))
        whole = speech.floor(found + _double(NEAREST))
        return sa.case((there, sa.cast(whole, sa.Double)))  # least() passes over what is missing


def score(speech: Speech, now: datetime) -> Value:
    """`lead.score`: what is kept, unless it fades."""
    c = table.c
    points = Points(
        c.score_fit, c.score_behavior, c.score_at, c.score_half_life, c.score_low, c.score_high
    )
    fading = c.score_half_life.is_not(None)
    return Number(sa.case((fading, points.total(speech, micros(now))), else_=c.score))


def named(path: Sequence[str], speech: Speech, now: datetime) -> Value:
    """`lead.scores.NAME.PART`.

    Raises:
        NotInSql: there is no such part, or points are taken from whoever is idle.
    """
    name, part = path
    parts = ("fit", "behavior", "at", "half_life", "low", "high")
    points = Points(*(speech.json_number(table.c.scores, (name, one)) for one in parts))
    match part:
        case "fit":
            return Number(points.fit)
        case "total":
            return Number(points.total(speech, micros(now)))
        case "behavior":
            hundred = _double(100.0)
            cut = speech.floor(points.left(speech, micros(now)) * hundred + _double(NEAREST))
            return Number(sa.cast(cut, sa.Double) / hundred)
        case _:
            raise NotInSql(f"'lead.scores.{name}.{part}'")


def _double(value: float) -> Sql:
    return sa.literal(value, sa.Double)
