"""What a score is at a moment: points that fade, are limited, and lie within a range. Pure.

Times are whole microseconds since 1970 (UTC), as the store keeps them, so that what SQL works out
of the same numbers is the same. A standing is exact as of its own moment, and is read lazily: no
clock has to touch it for it to be right.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

SECOND = 1_000_000
"""Microseconds in a second, as everything here counts."""

NEAREST = 0.5 + 1e-6
"""Added before a total is cut to whole points. Were it cut alone, 50 points would be 49 a second
later; the little more is what arithmetic may have taken from an exact half."""

MOST_HALVES = 200
"""After so many half-lives nothing is left that anybody could read."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MARGIN = SECOND // 1000


def micros(at: datetime) -> int:
    """A moment as this module counts."""
    return (at - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """The other way round."""
    return _EPOCH + timedelta(microseconds=at)


@dataclass(frozen=True, slots=True)
class Idle:
    """Points that are taken when nothing happened for `after`, and then in each `every`."""

    points: float
    every: int
    after: int

    def times(self, active_at: int, now: int) -> int:
        """How often they were taken since the last activity."""
        since = now - active_at - self.after
        return 0 if since < 0 else 1 + since // self.every


@dataclass(frozen=True, slots=True)
class Standing:
    """A lead's score as of a moment.

    Attributes:
        fit: points for what the lead is; they never fade.
        behavior: points for what it did, as of `at`.
        half_life: seconds in which half of these are gone; 0: they do not fade so.
        idle: what is taken from whoever does nothing, if anything is.
        active_at: when the last points were given.
        low: the total is never read below; None: no bound.
        high: the total is never read above.
        told: thresholds that have fired, or were passed over, since the total was below them.
    """

    fit: float = 0.0
    behavior: float = 0.0
    at: int = 0
    half_life: float = 0.0
    idle: Idle | None = None
    active_at: int = 0
    low: float | None = None
    high: float | None = None
    told: tuple[str, ...] = ()

    def behavior_at(self, now: int) -> float:
        """What is left of the behavior points at `now`, exactly."""
        if now <= self.at or not self.behavior:
            return self.behavior
        if self.half_life:
            halves = min((now - self.at) / SECOND / self.half_life, MOST_HALVES)
            return float(self.behavior * 2.0**-halves)
        if self.idle is not None and self.behavior > 0:
            times = self.idle.times(self.active_at, now) - self.idle.times(self.active_at, self.at)
            return max(0.0, self.behavior - self.idle.points * times)
        return self.behavior

    def exactly(self, now: int) -> float:
        """The total at `now`, neither rounded nor limited."""
        return self.fit + self.behavior_at(now)

    def total(self, now: int) -> int:
        """The total as everybody reads it: the nearest whole points, within the range."""
        found = self.exactly(now)
        if self.high is not None:
            found = min(found, self.high)
        if self.low is not None:
            found = max(found, self.low)
        return math.floor(found + NEAREST)

    def since(self, now: int) -> "Standing":
        """The same standing as of `now`."""
        if now <= self.at:
            return self
        return replace(self, behavior=self.behavior_at(now), at=now)

    def added(self, points: float, at: int) -> "Standing":
        """With points for something that happened at `at`, be that earlier than the last.

        What is late is worth what is left of it. With `idle`, or a limit of points, what came
        after it may change too: then the ledger is folded anew (`fold`).
        """
        if at >= self.at:
            # As `replace` would, at a third of its cost: this runs for every point that is given.
            return Standing(
                self.fit, self.behavior_at(at) + points, at, self.half_life, self.idle,
                max(at, self.active_at), self.low, self.high, self.told,
            )  # fmt: skip
        left = replace(self, behavior=points, at=at, active_at=at).behavior_at(self.at)
        return replace(self, behavior=self.behavior + left)

    def next_look(self, levels: Sequence[float], now: int) -> int | None:
        """When the total, left alone, next crosses one of `levels`; None: never.

        With `idle` it is when points are next taken.
        """
        if self.idle is not None:
            return self._next_taken(now)
        left = self.behavior_at(now)
        if not self.half_life or not left:
            return None
        passed = _passing(self, [math.ceil(level) for level in levels], now, left)
        if passed is None:
            return None
        halves = math.log2(left / (passed - NEAREST - self.fit))
        at = max(now, self.at) + math.ceil(halves * self.half_life * SECOND)
        return max(at + _MARGIN, now + SECOND)

    def _next_taken(self, now: int) -> int | None:
        idle, since = self.idle, max(now, self.at)
        if idle is None or self.behavior_at(since) <= 0:
            return None
        return self.active_at + idle.after + idle.times(self.active_at, since) * idle.every

    def as_json(self) -> dict[str, Any]:
        """As the store keeps it; what is usual is left out."""
        found = _Kept(fit=self.fit, behavior=self.behavior, at=self.at)
        found.standing = self
        if self.half_life:
            found["half_life"] = self.half_life
        bounds = {"low": self.low, "high": self.high}
        found |= {name: value for name, value in bounds.items() if value is not None}
        if self.idle is not None:
            found["idle"] = [self.idle.points, self.idle.every, self.idle.after]
            found["active_at"] = self.active_at
        if self.told:
            found["told"] = list(self.told)
        return found


class _Kept(dict[str, Any]):
    """A standing as the store keeps it, which knows what it was read as; it is never changed."""

    __slots__ = ("standing",)
    standing: Standing


def remembered(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the store keeps it, read once for whoever asks `standing_of` it."""
    found = _Kept(kept)
    found.standing = standing_of(kept)
    return found


def standing_of(kept: Mapping[str, Any]) -> Standing:
    """The standing that `as_json` wrote."""
    if type(kept) is _Kept:
        return kept.standing
    get = kept.get
    idle = get("idle")
    return Standing(
        kept["fit"], kept["behavior"], kept["at"], get("half_life", 0.0),
        Idle(*idle) if idle else None, get("active_at", kept["at"]), get("low"), get("high"),
        tuple(get("told", ())),
    )  # fmt: skip


def _passing(one: Standing, levels: Sequence[int], now: int, left: float) -> int | None:
    """The next level that the total passes as `left` fades towards nothing."""
    total = one.total(now)
    if left > 0:
        lower = [
            level
            for level in levels
            if level <= total and (one.low is None or level > one.low)
            and level - NEAREST > one.fit
        ]  # fmt: skip
        return max(lower, default=None)
    upper = [
        level
        for level in levels
        if level > total and (one.high is None or level <= one.high) and level - NEAREST < one.fit
    ]
    return min(upper, default=None)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger, for behavior.

    Attributes:
        rule: what gave the points; lines of one rule share its limit.
        worth: the rule's points.
        most: how many points the rule gives at most in `per`; None: there is no limit.
        points: what was given of them.
    """

    id: str
    rule: str
    at: int
    worth: float
    most: float | None = None
    per: int = 0
    points: float = 0.0


def granted(worth: float, most: float | None, used: float) -> float:
    """What a rule gives, where `used` of its limit is used up; points taken are limited alike."""
    if most is None:
        return worth
    return math.copysign(min(abs(worth), max(0.0, most - used)), worth)


def recounted(entries: Iterable[Entry]) -> list[Entry]:
    """The lines in the order of their own times, each with what it gives in that order."""
    ordered = sorted(entries, key=lambda one: (one.at, one.id))
    found: list[Entry] = []
    given: dict[str, list[tuple[int, float]]] = {}
    for one in ordered:
        before = given.setdefault(one.rule, [])
        used = 0.0
        if one.most is not None:
            used = sum(points for at, points in before if at > one.at - one.per)
        points = granted(one.worth, one.most, used)
        before.append((one.at, abs(points)))
        found.append(replace(one, points=points))
    return found


def fold(entries: Sequence[Entry], blank: Standing) -> Standing:
    """The standing that a whole ledger comes to, over what never fades: `blank`."""
    standing = replace(blank, behavior=0.0, at=0, active_at=0)
    for one in entries:
        standing = standing.added(one.points, one.at)
    return standing
