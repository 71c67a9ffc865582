"""A funnel: how many come to each stage, how many go on, and how long that takes.

Pure. A record reaches a stage when it enters it, or a later one: forward may skip stages, and back
again does not undo what was reached. Times are those between reaching a stage and reaching a later
one; who has not gone on yet counts as still waiting, never as lost.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from engine.runtime.splitting import interval
from engine.runtime.survival import Span, curve

FEWEST_GONE_ON = 5
"""So many must have gone on before a median means anything."""

_HOUR, _DAY = 3_600, 24


class LeadJourney(NamedTuple):
    """A lead's way: the stage it came in with, then every stage that it moved to, and when.

    `group` is what the caller groups by.
    """

    group: object
    entries: Sequence[tuple[str, datetime]]


class Resting(NamedTuple):
    """Leads that have never moved, alike: their stage, since when, and how many they are."""

    group: object
    stage: str
    since: datetime
    number: int


@dataclass(frozen=True, slots=True)
class StageCount:
    """A stage of a funnel in numbers.

    Attributes:
        now: records that are in it.
        entered: records that have ever been in it itself.
        reached: records that have been in it or in a later one.
        went_on: those of them that have reached a later one; None of the last stage.
        left_to: where records moved to from here, back included; every move counts.
        median_days: when half of those that go on at all have gone on; None: too few have.
    """

    stage: str
    now: int
    entered: int
    reached: int
    went_on: int | None
    left_to: dict[str, int]
    median_days: float | None

    @property
    def rate(self) -> float | None:
        """The share of those that reached it which went on."""
        if self.went_on is None or not self.reached:
            return None
        return self.went_on / self.reached

    @property
    def between(self) -> tuple[float, float] | None:
        """Where that share lies, with 95 % confidence."""
        if self.went_on is None or not self.reached:
            return None
        return interval(self.reached, self.went_on)


@dataclass
class Funnel:
    """The counts of a funnel, filled journey by journey.

    Args:
        stages: their names, in order.
        now: the moment that it is counted at.
    """

    stages: Sequence[str]
    now: datetime
    _place: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        size = len(self.stages)
        self._place = {name: place for place, name in enumerate(self.stages)}
        self._now, self._entered = [0] * size, [0] * size
        self._reached = [0] * size
        self._moves: list[Counter[str]] = [Counter() for _ in self.stages]
        self._spans: list[Counter[tuple[int, str]]] = [Counter() for _ in self.stages]
        self._records = 0

    @property
    def records(self) -> int:
        """How many are in it at all."""
        return self._records

    def rest(self, one: Resting) -> None:
        """Counts records that came into a stage and are still there."""
        self._records += one.number
        place = self._place.get(one.stage)
        if place is None:
            return
        self._now[place] += one.number
        self._entered[place] += one.number
        for earlier in range(place + 1):
            self._reached[earlier] += one.number
        self._spans[place][_hours(one.since, self.now), ""] += one.number

    def add(self, entries: Sequence[tuple[str, datetime]], *, is_dated: bool = True) -> None:
        """Counts a record that has moved; stages that the funnel has no more are passed over.

        Where it is not dated, nobody knows since when it was in the first of them.
        """
        self._records += 1
        known = [(self._place[name], at) for name, at in entries if name in self._place]
        last = self._place.get(entries[-1][0])
        if last is not None:
            self._now[last] += 1
        for place in {place for place, _ in known}:
            self._entered[place] += 1
        for (here, _), (there, _) in pairwise(entries):
            if here in self._place:
                self._moves[self._place[here]][there] += 1
        furthest = -1
        since: datetime | None = None
        for place, at in known:
            if place <= furthest:
                continue
            if since is not None:
                self._spans[furthest][_hours(since, at), "on"] += is_dated
            is_dated = is_dated or furthest >= 0
            for reached in range(furthest + 1, place + 1):
                self._reached[reached] += 1
            furthest, since = place, at
        if since is not None:
            self._spans[furthest][_hours(since, self.now), ""] += is_dated

    def counts(self) -> list[StageCount]:
        """The stages in order."""
        last = len(self.stages) - 1
        return [
            StageCount(
                stage=name,
                now=self._now[place],
                entered=self._entered[place],
                reached=self._reached[place],
                went_on=None if place == last else self._reached[place + 1],
                left_to=dict(self._moves[place].most_common()),
                median_days=None if place == last else median_days(self._spans[place].items()),
            )
            for place, name in enumerate(self.stages)
        ]


def median_days(spans: Iterable[tuple[tuple[int, str], int]]) -> float | None:
    """When half of those that go on at all have, of hours, ends and how many; None: too few."""
    found = curve(Span(hours / _DAY, end, number) for (hours, end), number in spans)
    return found.within(0.5) if found.ended >= FEWEST_GONE_ON else None


def _hours(since: datetime, until: datetime) -> int:
    return max(int((until - since).total_seconds()) // _HOUR, 0)
