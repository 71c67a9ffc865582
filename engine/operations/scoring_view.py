"""Scores as people see them: what one lead's comes from, and what a playbook gives points for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa

from engine.errors import NotFoundError
from engine.operations import published, rescoring
from engine.operations.lead_changes import found_lead
from engine.operations.published import Current
from engine.operations.rulebooks import by_name, rulebooks
from engine.operations.scopes import load_histories, scope_of
from engine.operations.selecting import selection
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.spelling import did_you_mean
from engine.runtime.rulebook import Rulebook
from engine.runtime.scoring import Standing, micros, moment, standing_of
from engine.store import leads, scores
from engine.store.database import Store, Transaction
from engine.store.lead_facts import STANDINGS


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """Points for one reason, and what is left of them now."""

    at: datetime
    score: str
    part: str
    points: float
    left: float
    reason: str
    event: str

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "at": self.at.isoformat(), "score": self.score, "part": self.part,
            "points": self.points, "left": self.left, "reason": self.reason,
            "event": self.event or None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Level:
    """A threshold or a grade, and whether the lead is there."""

    name: str
    at: float
    is_reached: bool


@dataclass(frozen=True, slots=True)
class ScoreShown:
    """One score of a lead.

    Attributes:
        exactly: the total, neither rounded nor held within its range.
        fits: the rules of fit that hold, as (points, reason).
        next_at: when it next crosses a level if nothing happens.
    """

    name: str
    total: int
    exactly: float
    fit: float
    behavior: float
    grade: str | None
    fits: tuple[tuple[float, str], ...] = ()
    thresholds: tuple[Level, ...] = ()
    next_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "score": self.name, "total": self.total, "exactly": self.exactly, "fit": self.fit,
            "behavior": self.behavior, "grade": self.grade,
            "fits": [{"points": points, "reason": why} for points, why in self.fits],
            "thresholds": [
                {"name": one.name, "at": one.at, "reached": one.is_reached}
                for one in self.thresholds
            ],
            "next_at": self.next_at.isoformat() if self.next_at else None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explained:
    """Where a lead's scores come from: each score, and the ledger, newest first."""

    lead: str
    scores: tuple[ScoreShown, ...]
    lines: tuple[LedgerLine, ...]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "lead": self.lead,
            "scores": [one.as_json() for one in self.scores],
            "ledger": [one.as_json() for one in self.lines],
        }


def explain(store: Store, lead: str, score: str = "", *, at: datetime | None = None) -> Explained:
    """Why a lead's scores are what they are, now or at another moment.

    Raises:
        NotFoundError: there is no such lead, or no such score.
    """
    return store.read(lambda tx: explain_in(tx, lead, score, at=at))


def explain_in(
    tx: Transaction, lead: str, score: str = "", *, at: datetime | None = None
) -> Explained:
    """`explain` within a transaction."""
    current = published.current(tx)
    id, now = found_lead(tx, lead), at or tx.now
    facts = leads.load(tx, [id], current.custom)[id]
    kept = cast("Mapping[str, Any]", facts.get(STANDINGS) or {})
    known = {*kept, *by_name(current), PRIMARY}
    if score and score not in known:
        raise NotFoundError(f"no score is named '{score}'", help=did_you_mean(score, known))
    counted = sorted({name for plan in current.plans.values() for name in plan.history})
    history = load_histories(tx, [id], counted).get(id) if counted else None
    scope = scope_of(current, facts, now=now, history=history)
    names = [score] if score else sorted({*kept, *by_name(current)})
    rows = [row for row in scores.of_lead(tx, id, score) if row["at"] <= now]
    shown = []
    for name in names:
        book = by_name(current).get(name)
        standing = _standing(kept.get(name), book, name, rows, now, is_past=at is not None)
        shown.append(_shown(name, standing, book, scope, micros(now)))
    lines = [_line(row, kept.get(row["name"]), micros(now)) for row in reversed(rows)]
    return Explained(str(facts.get("email") or id), tuple(shown), tuple(lines))


def _standing(
    kept: Mapping[str, Any] | None, book: Rulebook | None, name: str, rows: Any, now: datetime,
    *, is_past: bool,
) -> Standing:  # fmt: skip
    """The standing that is kept; of the past, what the ledger came to then."""
    if not is_past and kept is not None:
        return standing_of(kept)
    standing = book.blank() if book is not None else Standing()
    for row in rows:
        if row["name"] != name:
            continue
        if row["part"] == "fit":
            standing = replace(standing, fit=standing.fit + row["points"])
        else:
            standing = standing.added(row["points"], micros(row["at"]))
    return standing


def _shown(
    name: str, standing: Standing, book: Rulebook | None, scope: Any, now: int
) -> ScoreShown:
    total = standing.total(now)
    fits: tuple[tuple[float, str], ...] = ()
    thresholds: tuple[Level, ...] = ()
    grade, next_at = None, None
    if book is not None:
        fits = tuple(book.fit(scope)[1])
        thresholds = tuple(
            Level(one.name, one.at, total >= one.at) for one in book.scoring.thresholds
        )
        grade = book.grade(total)
        look = standing.next_look(book.levels, now)
        next_at = moment(look) if look is not None else None
    return ScoreShown(
        name, total, round(standing.exactly(now), 4), standing.fit,
        round(standing.behavior_at(now), 4), grade, fits, thresholds, next_at,
    )  # fmt: skip


def _line(row: Any, kept: Mapping[str, Any] | None, now: int) -> LedgerLine:
    left, reason = row["points"], row["reason"]
    if row["part"] == "behavior" and kept is not None and kept.get("half_life"):
        alone = Standing(behavior=left, at=micros(row["at"]), half_life=kept["half_life"])
        left = round(alone.behavior_at(now), 2)
    if row["most"] is not None and row["points"] != row["worth"]:
        reason += f" (at most {row['most']:g} in {_length(row['per'])})"
    return LedgerLine(
        row["at"], row["name"], row["part"], row["points"], left, reason, row["event"]
    )


def _length(per: int) -> str:
    length = timedelta(microseconds=per)
    if length.seconds == 0:
        return "1 day" if length.days == 1 else f"{length.days} days"
    return f"{length.total_seconds() / 3600:g} hours"


@dataclass(frozen=True, slots=True)
class Kept:
    """A score that a playbook keeps, and how leads stand in it."""

    name: str
    playbook: str
    rules: int
    leads: int
    grades: tuple[tuple[str, int], ...]
    thresholds: tuple[tuple[str, float, int], ...]
    pending: int | None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "score": self.name, "playbook": self.playbook, "rules": self.rules,
            "leads": self.leads, "grades": dict(self.grades),
            "thresholds": [
                {"name": name, "at": at, "above": above} for name, at, above in self.thresholds
            ],
            "pending": self.pending,
        }  # fmt: skip


def kept(store: Store, score: str = "") -> list[Kept]:
    """The scores that published playbooks keep.

    Raises:
        NotFoundError: there is no such score.
    """

    def read(tx: Transaction) -> list[Kept]:
        current = published.current(tx)
        names = [book.name for book in rulebooks(current)]
        if score and score not in names:
            hint = did_you_mean(score, names) if names else "write a playbook of `kind: scoring`"
            raise NotFoundError(f"no scoring playbook keeps a score '{score}'", help=hint)
        under_way = {row["name"]: row["done"] for row in rescoring.pending(tx)}
        every = [book for book in rulebooks(current) if score in ("", book.name)]
        return [_kept(tx, current, book, under_way.get(book.name)) for book in every]

    return store.read(read)


def _kept(tx: Transaction, current: Current, book: Rulebook, pending: int | None) -> Kept:
    name = "lead.score" if book.name == PRIMARY else f"lead.scores.{book.name}.total"
    scoring = book.scoring

    def above(level: float) -> int:
        return selection(current, f"{name} >= {level:g}").count(tx).number

    grades, higher = [], 0
    for grade in scoring.grades:
        reach = above(grade.least)
        grades.append((grade.name, reach - higher))
        higher = reach
    number = tx.conn.execute(sa.select(sa.func.count()).select_from(leads.table)).scalar_one()
    thresholds = tuple((one.name, one.at, above(one.at)) for one in scoring.thresholds)
    return Kept(
        book.name, book.playbook, len(scoring.fit) + len(scoring.behavior), number,
        tuple(grades), thresholds, pending,
    )  # fmt: skip
