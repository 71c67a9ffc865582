"""A pipeline's stages measured by their own history: how long deals stay, and what comes of them.

Pure: what happened comes in as journeys and open deals, what it means goes out. Nothing is judged
from fewer than `FEWEST` ends. Amounts of different currencies are never added.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple, TypeAlias

from engine.playbook.workspace import Pipeline, PipelineStage
from engine.runtime.splitting import interval
from engine.runtime.survival import Curve, Ends, Span, curve, ends

FEWEST = 20
"""Ends that must have been seen before anything is judged by them."""

USUAL = 0.9
"""Of the deals that leave a stage at all, so many leave it within the usual time."""

RECENT = timedelta(days=90)
"""What `entered` and `left` count."""

Money: TypeAlias = Mapping[str, float]
"""Amounts by currency."""

_DAY, _HOUR = 86_400, 3_600


class DealJourney(NamedTuple):
    """A deal's way through its present pipeline.

    Attributes:
        entries: the stages that were entered, and when.
        closed: `won`, `lost`, or empty while it is open; `closed_at` is when.
        is_dated: whether it is known when the first of them was entered.
        group: what the caller groups by.
    """

    entries: Sequence[tuple[str, datetime]]
    closed: str
    closed_at: datetime | None
    is_dated: bool = True
    group: object = ""


class OpenDeal(NamedTuple):
    """An open deal; `is_dated`: when it entered its stage is known, else it was there before.

    `group` is what the caller groups by.
    """

    id: str
    name: str
    stage: str
    owner: str | None
    amount: float | None
    currency: str
    entered_at: datetime
    expected_close_at: datetime | None
    is_dated: bool = True
    group: object = ""


@dataclass(slots=True)
class Observed:
    """What a stage's history says, in counts: by whole hours, and how it went on."""

    stays: Counter[tuple[int, str]] = field(default_factory=Counter)
    fates: Counter[tuple[int, str]] = field(default_factory=Counter)
    entered: int = 0
    left: int = 0


def observe(journeys: Iterable[DealJourney], now: datetime) -> dict[str, Observed]:
    """What the journeys say of each stage, by the name that the log has for it."""
    found: dict[str, Observed] = defaultdict(Observed)
    since = now - RECENT
    for entries, closed, closed_at, is_dated, _ in journeys:
        seen = set()
        for place, (stage, at) in enumerate(entries):
            if not place and not is_dated:
                continue
            until = entries[place + 1][1] if place + 1 < len(entries) else None
            here = found[stage]
            here.stays[_hours(at, until or now), "left" if until else ""] += 1
            here.entered += at >= since
            here.left += until is not None and until >= since
            if stage not in seen:
                seen.add(stage)
                here.fates[_hours(at, closed_at or now), closed] += 1
    return dict(found)


@dataclass(frozen=True, slots=True)
class Stalled:
    """A deal that has been in its stage for longer than the usual time there.

    Attributes:
        days: how long; at least so long, where the deal is not dated.
        limit: the usual time there, in days.
        chance: of winning it yet, by history; None: too little is known.
    """

    deal: OpenDeal
    days: float
    limit: float
    chance: float | None


@dataclass(frozen=True)
class StageHealth:
    """A stage that closes nothing, in numbers.

    Attributes:
        rules: the stage as the workspace has it.
        deals: the open deals in it.
        entered: how many came in lately, and `left` went (`RECENT`).
        stays: how long deals stay, and `fates`: what comes of those that were ever in it.
        won: of the deals that were ever in it and are over (`over`), those that were won.
    """

    rules: PipelineStage
    deals: Sequence[OpenDeal]
    now: datetime
    entered: int
    left: int
    stays: Curve
    fates: Ends
    won: int
    over: int

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.rules.name

    @cached_property
    def limit(self) -> float | None:
        """The usual time here, in days; None: too few have left to say."""
        return self.stays.within(USUAL) if self.stays.ended >= FEWEST else None

    def chance(self, days: float = 0.0) -> float | None:
        """How likely a deal that has been here so long is won; None: too few are over to say.

        Fresh deals are taken to end sometime. One that has been here for longer than nine of ten of
        those that ended is taken to end only as often as others did that had been here as long.
        """
        if self.over < FEWEST:
            return None
        won = self.fates.chance("won", days) or 0.0
        return won if days <= self._usual_end else won * self.fates.ending(days)

    @cached_property
    def _usual_end(self) -> float:
        return self.fates.within(USUAL) or 0.0

    @property
    def between(self) -> tuple[float, float]:
        """Where the share that is won lies, with 95 % confidence."""
        return interval(self.over, self.won)

    @cached_property
    def stalled(self) -> Sequence[Stalled]:
        """Those of its deals that have stayed too long, the largest of each currency first."""
        limit = self.limit
        if limit is None:
            return ()
        ages = ((deal, self.age(deal)) for deal in self.deals)
        found = [Stalled(one, days, limit, self.chance(days)) for one, days in ages if days > limit]
        most: dict[str, float] = defaultdict(float)
        for one in found:
            most[one.deal.currency] = max(most[one.deal.currency], one.deal.amount or 0.0)

        def size(one: Stalled) -> float:
            # Beside the largest of its currency: what is not added is not compared either.
            return (one.deal.amount or 0.0) / (most[one.deal.currency] or 1.0)

        return sorted(found, key=lambda one: (-size(one), -one.days, one.deal.id))

    def age(self, deal: OpenDeal) -> float:
        """How long a deal has been here, in days."""
        return max((self.now - deal.entered_at).total_seconds(), 0.0) / _DAY

    @cached_property
    def amounts(self) -> Money:
        """What its deals are worth."""
        return added(self.deals, lambda _: 1.0)

    @cached_property
    def by_probability(self) -> Money:
        """What is expected of them by the stage's own probability."""
        return added(self.deals, lambda _: self.rules.probability / 100)

    @cached_property
    def by_history(self) -> Money | None:
        """What is expected by what became of others that had been here as long; None: unknown."""
        if self.chance() is None:
            return None
        return added(self.deals, lambda deal: self.chance(self.age(deal)) or 0.0)

    @property
    def explained(self) -> float | None:
        """How many deals would stand here if they came as lately and stayed as ever.

        Little's law: those who come in a day, times the days they stay. None: too few have left.
        """
        if self.stays.ended < FEWEST:
            return None
        return self.entered / RECENT.days * self.stays.mean


def measured(
    pipeline: Pipeline, observed: Mapping[str, Observed], deals: Iterable[OpenDeal], now: datetime
) -> list[StageHealth]:
    """The stages of a pipeline that close nothing, in their order."""
    there: dict[str, list[OpenDeal]] = defaultdict(list)
    for deal in deals:
        there[deal.stage].append(deal)
    return [
        _stage(rules, observed.get(rules.name, Observed()), there[rules.name], now)
        for rules in pipeline.stages
        if not rules.closes
    ]


def _stage(
    rules: PipelineStage, seen: Observed, deals: Sequence[OpenDeal], now: datetime
) -> StageHealth:
    over: Counter[str] = Counter()
    for (_, closed), count in seen.fates.items():
        over[closed] += count
    return StageHealth(
        rules=rules,
        deals=deals,
        now=now,
        entered=seen.entered,
        left=seen.left,
        stays=curve(Span(hours / 24, end, count) for (hours, end), count in seen.stays.items()),
        fates=ends(Span(hours / 24, end, count) for (hours, end), count in seen.fates.items()),
        won=over["won"],
        over=over["won"] + over["lost"],
    )


def added(deals: Iterable[OpenDeal], weight: Callable[[OpenDeal], float]) -> dict[str, float]:
    """The amounts of deals, each by its weight, by currency."""
    found: dict[str, float] = defaultdict(float)
    for deal in deals:
        if deal.amount is not None:
            found[deal.currency] += deal.amount * weight(deal)
    return {currency: round(found[currency], 2) for currency in sorted(found)}


def together(parts: Iterable[Money]) -> dict[str, float]:
    """Sums by currency, added up currency by currency."""
    found: dict[str, float] = defaultdict(float)
    for part in parts:
        for currency, amount in part.items():
            found[currency] += amount
    return {currency: round(found[currency], 2) for currency in sorted(found)}


def _hours(since: datetime, until: datetime) -> int:
    """Whole hours; a clock that was set back makes none."""
    return max(int((until - since).total_seconds()) // _HOUR, 0)
