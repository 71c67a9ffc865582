"""How long things last, where some have not ended yet: survival curves, and which end they come to.

A deal that is still in its stage says "at least so long". Leaving it out would make stages look
quick, and counting it as ended would make them look quicker. Both estimators below use it as what
it is: a censored observation.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

_NORMAL_95 = 1.959963984540054
"""Standard deviations on either side that hold 95 % of a normal distribution."""

FEWEST_AT_RISK = 10
"""Beyond the length that so few have reached, a curve is a rumor: it is read at that length."""


@dataclass(frozen=True, slots=True)
class Span:
    """So many lengths of time that are alike; `end` names what ended them, empty: nothing yet."""

    days: float
    end: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """A point of a curve: what was true just after `days`.

    Attributes:
        days: the length.
        at_risk: how many had lasted at least so long.
        ended: how many of them ended just then, whatever the end.
        share: of all, those that last longer.
        low: where that share lies with 95 % confidence: from `low` to `high`.
    """

    days: float
    at_risk: int
    ended: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """The share that lasts longer than a length of time.

    Attributes:
        steps: one for each length at which something ended, in order.
        count: all observations, and `ended`: those that are over.
    """

    steps: Sequence[Step]
    count: int
    ended: int

    def share(self, days: float) -> float:
        """The share that lasts longer than this."""
        place = bisect_right(self._lengths, days)
        return self.steps[place - 1].share if place else 1.0

    def by(self, share: float) -> float | None:
        """When so large a share has ended; None: so many never have."""
        reached = (step.days for step in self.steps if 1 - step.share >= share - 1e-12)
        return next(reached, None)

    @property
    def median(self) -> float | None:
        """When half have ended."""
        return self.by(0.5)

    def within(self, share: float) -> float | None:
        """When this share of those that end at all have ended.

        Where some never end, `by` would wait for what does not come. None: nothing ever ended.
        """
        return self.by(share * (1 - self.steps[-1].share)) if self.steps else None

    @property
    def mean(self) -> float:
        """The mean length, up to the longest one at which something ended (the restricted mean)."""
        total, share, since = 0.0, 1.0, 0.0
        for step in self.steps:
            total += share * (step.days - since)
            share, since = step.share, step.days
        return total

    @cached_property
    def _lengths(self) -> Sequence[float]:
        return [step.days for step in self.steps]


def curve(spans: Iterable[Span]) -> Curve:
    """The survival curve of what was observed.

    The estimator is the product of `1 - d/n` over the lengths at which `d` of `n` end (E. L. Kaplan
    and P. Meier, "Nonparametric Estimation from Incomplete Observations", JASA 53, 1958). Its
    variance is Greenwood's sum of `d / (n (n - d))`; the interval is that of `log(-log S)`, which
    stays between 0 and 1 (J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of
    Failure Time Data", 2nd edition, section 1.4).
    """
    found, share, variance = [], 1.0, 0.0
    ended_in_all = 0
    rows, count = _table(spans)
    for days, at_risk, ends in rows:
        ended = sum(ends.values())
        ended_in_all += ended
        share *= 1 - ended / at_risk
        variance = variance + ended / (at_risk * (at_risk - ended)) if ended < at_risk else math.inf
        found.append(Step(days, at_risk, ended, share, *_interval(share, variance)))
    return Curve(found, count, ended_in_all)


@dataclass(frozen=True)
class Ends:
    """Which end it comes to, by how long it has lasted.

    Attributes:
        days: the lengths at which something ended, in order.
        at_risk: how many had lasted so long, and `lasting`: the share that lasts longer.
        shares: end → the share of all that has come to it by each of these lengths.
    """

    days: Sequence[float]
    at_risk: Sequence[int]
    lasting: Sequence[float]
    shares: Mapping[str, Sequence[float]]

    def chance(self, end: str, days: float = 0.0) -> float | None:
        """How likely what has lasted so long comes to `end`, of all ends that it may come to.

        None: nothing that had lasted so long ever ended. Where fewer than `FEWEST_AT_RISK` had
        lasted so long, the answer is that of the longest length that so many had reached.
        """
        place = self._place(days)
        left = {name: shares[-1] - _upto(shares, place) for name, shares in self.shares.items()}
        whole = sum(left.values())
        return left.get(end, 0.0) / whole if whole > 1e-12 else None

    def ending(self, days: float = 0.0) -> float:
        """How likely what has lasted so long ends at all, as far as has been seen."""
        place = self._place(days)
        lasting = self.lasting[place - 1] if place else 1.0
        if not self.days or lasting <= 1e-12:
            return 0.0
        return (lasting - self.lasting[-1]) / lasting

    def within(self, share: float) -> float | None:
        """When this share of those that end at all have ended; None: nothing ever ended."""
        if not self.days:
            return None
        whole = 1 - self.lasting[-1]
        reached = zip(self.days, self.lasting, strict=True)
        return next(days for days, left in reached if 1 - left >= share * whole - 1e-12)

    def _place(self, days: float) -> int:
        return min(bisect_right(self.days, days), self._reached)

    @cached_property
    def _reached(self) -> int:
        """How many of the lengths enough have reached."""
        return sum(1 for number in self.at_risk if number >= FEWEST_AT_RISK)


def ends(spans: Iterable[Span]) -> Ends:
    """The shares that come to each end, where another end may come first.

    The cumulative incidence of an end is the sum of `S(t-) d/n` over the lengths at which `d` of
    `n` come to it, `S` being the curve of lasting at all (O. O. Aalen and S. Johansen, "An
    Empirical Transition Matrix for Non-homogeneous Markov Chains", Scand. J. Statist. 5, 1978).
    Counting only what is over would favor the end that comes sooner.
    """
    rows, _ = _table(spans)
    names = sorted({name for _, _, there in rows for name in there})
    shares: dict[str, list[float]] = {name: [] for name in names}
    reached = dict.fromkeys(names, 0.0)
    lasting = [1.0]
    for _, at_risk, there in rows:
        for name in names:
            reached[name] += lasting[-1] * there.get(name, 0) / at_risk
            shares[name].append(reached[name])
        lasting.append(lasting[-1] * (1 - sum(there.values()) / at_risk))
    return Ends([row[0] for row in rows], [row[1] for row in rows], lasting[1:], shares)


def _upto(shares: Sequence[float], place: int) -> float:
    return shares[place - 1] if place else 0.0


def _table(spans: Iterable[Span]) -> tuple[list[tuple[float, int, dict[str, int]]], int]:
    """For each length at which something ended: how many were at risk, and what ended; and all.

    What is censored at a length at which others end was still at risk then.
    """
    at: dict[float, dict[str, int]] = {}
    for one in spans:
        there = at.setdefault(one.days, {})
        there[one.end] = there.get(one.end, 0) + one.count
    count = sum(sum(there.values()) for there in at.values())
    rows, at_risk = [], count
    for days in sorted(at):
        ends = {name: number for name, number in at[days].items() if name and number}
        if ends:
            rows.append((days, at_risk, ends))
        at_risk -= sum(at[days].values())
    return rows, count


def _interval(share: float, variance: float) -> tuple[float, float]:
    """From where to where a share of this variance (Greenwood's sum) lies."""
    if share <= 0 or share >= 1:
        return (0.0, 0.0) if share <= 0 else (1.0, 1.0)
    spread = _NORMAL_95 * math.sqrt(variance) / abs(math.log(share))
    return share ** math.exp(spread), share ** math.exp(-spread)
