"""How well crossings of a threshold foretell an outcome: counts, shares with intervals. Pure.

Times are whole microseconds. A share of few is shown with how little it says: Wilson's interval.
"""

import math
from array import array
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

from engine.runtime.splitting import interval

_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and where the true share lies with 95 % confidence."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share itself; None of none."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval."""
        return interval(self.of, self.hits)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "share": self.value, "hits": self.hits, "of": self.of,
            "interval": list(self.interval),
        }  # fmt: skip


@dataclass(slots=True)
class Foretold:
    """What the first crossings of one threshold foretold.

    Attributes:
        crossed: leads that crossed it before any outcome.
        judged: of them those who crossed long enough ago for the outcome to have come.
        right: of these those whose outcome came in time.
        caught: outcomes that a crossing came before, in time; judged or not.
        days: how many days before the outcome each of these was.
    """

    crossed: int = 0
    judged: int = 0
    right: int = 0
    caught: int = 0
    days: "array[float]" = field(default_factory=lambda: array("d"))

    def count(self, at: int | None, outcome: int | None, until: int, within: int) -> None:
        """Counts a lead.

        Args:
            at: its first crossing; one at or after the outcome is none.
            outcome: when its outcome came.
            until: the end of the window.
            within: how soon after the crossing the outcome must come.
        """
        if at is None or at > until or (outcome is not None and at >= outcome):
            return
        is_right = outcome is not None and outcome - at <= within
        self.crossed += 1
        if at <= until - within:
            self.judged += 1
            self.right += is_right
        if outcome is not None and is_right:
            self.caught += 1
            self.days.append((outcome - at) / _DAY)

    @property
    def precision(self) -> Share:
        """Of those who crossed, how many came to the outcome in time."""
        return Share(self.right, self.judged)

    def recall(self, outcomes: int) -> Share:
        """Of the outcomes, how many a crossing came before."""
        return Share(self.caught, outcomes)

    @property
    def lead_days(self) -> tuple[float, float, float] | None:
        """The quarters of the days between crossing and outcome; None: there are no two."""
        if len(self.days) < 2:
            return (self.days[0],) * 3 if self.days else None
        low, middle, high = quantiles(self.days, n=4, method="inclusive")
        return low, middle, high

    def as_json(self, outcomes: int) -> dict[str, Any]:
        """For scripts."""
        days = self.lead_days
        return {
            "crossed": self.crossed, "too_young": self.crossed - self.judged,
            "precision": self.precision.as_json(), "recall": self.recall(outcomes).as_json(),
            "days_before": {"low": days[0], "median": days[1], "high": days[2]} if days else None,
        }  # fmt: skip


@dataclass(slots=True)
class Matched:
    """The same leads under two sets of rules: who crosses by which, and whose outcome that caught.

    Pairs are `(both, only the old, only the new)`.
    """

    crossed: list[int] = field(default_factory=lambda: [0, 0, 0])
    caught: list[int] = field(default_factory=lambda: [0, 0, 0])

    def count(self, old: int | None, new: int | None, outcome: int | None, within: int) -> None:
        """Counts a lead by its first crossings."""
        _add(self.crossed, _is_before(old, outcome), _is_before(new, outcome))
        if outcome is not None:
            olds = _is_before(old, outcome) and outcome - (old or 0) <= within
            news = _is_before(new, outcome) and outcome - (new or 0) <= within
            _add(self.caught, olds, news)

    @property
    def chance(self) -> float:
        """How likely a difference like that of `caught`, or a greater one, is by chance alone.

        The exact sign test of McNemar: of the outcomes that only one of them caught, either is
        as likely to have done so.
        """
        old, new = self.caught[1:]
        return sign_test(old, new)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        names = ("both", "only_old", "only_new")
        return {
            "crossed": dict(zip(names, self.crossed, strict=True)),
            "caught": dict(zip(names, self.caught, strict=True)),
            "chance": self.chance,
        }


def sign_test(one: int, other: int) -> float:
    """The two-sided probability of a split at least as uneven, if both sides are as likely."""
    number = one + other
    if number == 0:
        return 1.0
    tail = math.fsum(
        math.exp(
            math.lgamma(number + 1) - math.lgamma(few + 1) - math.lgamma(number - few + 1)
            - number * math.log(2)
        )
        for few in range(min(one, other) + 1)
    )  # fmt: skip
    return min(1.0, 2 * tail)


def _is_before(at: int | None, outcome: int | None) -> bool:
    return at is not None and (outcome is None or at < outcome)


def _add(counts: list[int], old: bool, new: bool) -> None:
    if old or new:
        counts[0 if old and new else 1 if old else 2] += 1
