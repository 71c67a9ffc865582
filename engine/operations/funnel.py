"""The funnel as people and scripts see it: of leads through the lifecycle, or of deals.

Read models; they change nothing. Leads are taken by when they came, and followed until now. The
counting is `engine.runtime.funnel`'s; here it gets the rows, the groups and the form.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.operations import published
from engine.operations.grouping import MONTH, Key, month_of
from engine.operations.pipeline_health import pipeline_names, warned_as_json
from engine.operations.published import Current
from engine.runtime.funnel import FEWEST_GONE_ON, Funnel, StageCount
from engine.runtime.pipeline_warnings import Standing, Warned, piles
from engine.runtime.purchases import Loyalty, customers
from engine.store import deals, journeys, leads
from engine.store.database import Store, Transaction
from engine.store.purchases import purchases

MOST_GROUPS = 50
"""Groups that are shown; all are counted."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both included, in the workspace's zone; None: from the beginning, until now.

    Raises:
        InputError: nothing can have happened on such a day, or the last is before the first.
    """

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        for day in filter(None, (self.first, self.last)):
            if not 1970 <= day.year < 2200:
                raise InputError(f"nothing happened on {day}", help="use a year from 1970 on")
        if self.first and self.last and self.first > self.last:
            raise InputError(
                f"'{self.first}' is later than '{self.last}'", help="begin with the earlier day"
            )

    def clauses(
        self, column: sa.ColumnElement[Any], current: Current
    ) -> list[sa.ColumnElement[bool]]:
        """What narrows a column of instants to these days."""
        found = []
        if self.first:
            found.append(column >= datetime.combine(self.first, time(), current.zone))
        if self.last:
            following = self.last + timedelta(days=1)
            found.append(column < datetime.combine(following, time(), current.zone))
        return found

    def as_json(self) -> dict[str, date | None]:
        """The days."""
        return {"from": self.first, "to": self.last}


EVER = Period()


@dataclass(frozen=True)
class FunnelOfGroup:
    """A funnel of one group of leads or deals, and how many of them bought again."""

    group: str
    stages: Sequence[StageCount]
    loyalty: Loyalty | None

    @property
    def records(self) -> int:
        """How many reached the first stage, or a later one."""
        return self.stages[0].reached


@dataclass(frozen=True)
class SeenFunnel:
    """A funnel at a moment; `amounts`: of the open deals behind each stage, by currency."""

    pipeline: str
    by: str
    whole: FunnelOfGroup
    groups: Sequence[FunnelOfGroup]
    groups_in_all: int
    amounts: Mapping[str, Mapping[str, float]]


def funnel(
    store: Store, *, pipeline: str = "", by: str = "", period: Period = EVER
) -> dict[str, Any]:
    """The funnel as contract.md says it, of leads, or of the deals of a pipeline.

    Raises:
        InputError: there is no such pipeline, or nothing is grouped so.
    """
    return store.read(
        lambda tx: as_json(funnel_in(tx, pipeline=pipeline, by=by, period=period), period)
    )


def funnel_in(
    tx: Transaction, *, pipeline: str = "", by: str = "", period: Period = EVER
) -> SeenFunnel:
    """The same, within a transaction that is open already, as values."""
    current = published.current(tx)
    if pipeline:
        pipeline_names(current.workspace, pipeline)
        return _of_deals(tx, current, pipeline, by, period)
    return leads_in(tx, current, [by], period)[by]


def leads_in(
    tx: Transaction, current: Current, bys: Sequence[str], period: Period = EVER
) -> dict[str, SeenFunnel]:
    """The funnels of leads in each of these groupings, counted in one go.

    Beside `month` there may be one other; empty: no groups.

    Raises:
        InputError: leads are not grouped so.
    """
    (by,) = [one for one in bys if one != MONTH] or [""]
    key = Key.of_leads(tx, current, by)
    is_fine = MONTH in bys
    where = period.clauses(leads.table.c.created_at, current)
    counted = _Counted(current.workspace.lifecycle, tx.now)

    def groups(raw: object, came: datetime) -> Iterator[tuple[str, str]]:
        label = key.label(raw)
        if label is not None:
            yield by, label
        if is_fine:
            yield MONTH, month_of(came, current)

    for resting in journeys.resting_leads(tx, key.column, where, fine=is_fine):
        for one in counted.funnels(groups(resting.group, resting.since)):
            one.rest(resting)
    for journey in journeys.of_leads(tx, key.column, where):
        for one in counted.funnels(groups(journey.group, journey.entries[0][1])):
            one.add(journey.entries)
    for customer in customers(purchases(tx, current.workspace.currency, key.column, where)):
        for loyalty in counted.loyalties(groups(customer.group, customer.came)):
            loyalty.add(customer)
    amounts = _behind_leads(tx, current)
    return {one: counted.seen("", one, amounts) for one in bys}


def _of_deals(
    tx: Transaction, current: Current, pipeline: str, by: str, period: Period
) -> SeenFunnel:
    key = Key.of_deals(tx, current, by)
    where = period.clauses(deals.table.c.created_at, current)
    rules = current.workspace.pipelines[pipeline].stages
    counted = _Counted([one.name for one in rules if one.closes != "lost"], tx.now)
    for journey in journeys.of_deals(tx, pipeline, key.column, where):
        label = key.label(journey.group)
        for one in counted.funnels([] if label is None else [(by, label)]):
            one.add(journey.entries, is_dated=journey.is_dated)
    amounts: dict[str, dict[str, float]] = defaultdict(dict)
    for name, stage, _, currency, amount in deals.sums(tx):
        if name == pipeline:
            own = amounts[stage]
            named = currency or current.workspace.currency
            own[named] = own.get(named, 0.0) + amount
    return counted.seen(pipeline, by, amounts)


def _behind_leads(tx: Transaction, current: Current) -> dict[str, dict[str, float]]:
    """What the open deals of the leads in each stage are worth."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for stage, currency, amount in journeys.amounts_behind(tx):
        named = currency or current.workspace.currency
        found[stage][named] = found[stage].get(named, 0.0) + amount
    return found


class _Counted:
    """The funnels of all and of each group, while they are counted; a group is by what, and who."""

    def __init__(self, stages: Sequence[str], now: datetime) -> None:
        self._funnels: dict[tuple[str, str], Funnel] = defaultdict(lambda: Funnel(stages, now))
        self._loyalties: dict[tuple[str, str], Loyalty] = defaultdict(lambda: Loyalty(now))
        self._whole, self._loyal = Funnel(stages, now), Loyalty(now)

    def funnels(self, groups: Iterable[tuple[str, str]]) -> Iterator[Funnel]:
        """Those that a record of these groups is counted in."""
        yield self._whole
        for group in groups:
            yield self._funnels[group]

    def loyalties(self, groups: Iterable[tuple[str, str]]) -> Iterator[Loyalty]:
        """The same for customers."""
        yield self._loyal
        for group in groups:
            yield self._loyalties[group]

    def seen(
        self, pipeline: str, by: str, amounts: Mapping[str, Mapping[str, float]]
    ) -> SeenFunnel:
        """What was counted, the groups in order: months by time, others the largest first."""
        every = [
            FunnelOfGroup(name, one.counts(), None if pipeline else self._loyalties[of, name])
            for (of, name), one in self._funnels.items()
            if of == by
        ]
        if by == MONTH:
            every.sort(key=lambda one: one.group, reverse=True)
        else:
            every.sort(key=lambda one: (-one.records, one.group))
        whole = FunnelOfGroup("", self._whole.counts(), None if pipeline else self._loyal)
        return SeenFunnel(pipeline, by, whole, every[:MOST_GROUPS], len(every), amounts)


def as_json(seen: SeenFunnel, period: Period = EVER) -> dict[str, Any]:
    """A funnel as a document."""
    return {
        "pipeline": seen.pipeline or None,
        **period.as_json(),
        **_group(seen.whole, seen.amounts),
        "by": seen.by or None,
        "groups": [{"group": one.group, **_group(one, None)} for one in seen.groups],
        "groups_in_all": seen.groups_in_all,
        "warnings": [warned_as_json(one) for one in spindle(seen)],
    }


def spindle(seen: SeenFunnel) -> list[Warned]:
    """Piles in the middle of the lifecycle; those of a pipeline are told by its health.

    A funnel begins at the stage that most leads came into: those with an address skip the first.
    Customers stay customers: neither `customer` nor what comes after it, or else the last stage,
    is a pile.
    """
    if seen.pipeline:
        return []
    names = [one.stage for one in seen.whole.stages]
    end = names.index("customer") if "customer" in names else len(names) - 1
    entered = [one.entered for one in seen.whole.stages]
    begin = entered.index(max(entered))
    return piles([Standing(one.stage, one.now) for one in seen.whole.stages[begin:end]])


def _group(one: FunnelOfGroup, amounts: Mapping[str, Mapping[str, float]] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"stages": [_stage(stage, amounts) for stage in one.stages]}
    if one.loyalty is not None:
        loyal = one.loyalty
        gaps = loyal.gaps
        found["again"] = {
            "customers": loyal.customers, "again": loyal.again, "rate": loyal.rate,
            "between": loyal.between,
            "median_days": gaps.within(0.5) if gaps.ended >= FEWEST_GONE_ON else None,
        }  # fmt: skip
    return found


def _stage(one: StageCount, amounts: Mapping[str, Mapping[str, float]] | None) -> dict[str, Any]:
    median = one.median_days
    found: dict[str, Any] = {
        "stage": one.stage, "now": one.now, "entered": one.entered, "reached": one.reached,
        "went_on": one.went_on, "left_to": one.left_to, "rate": one.rate, "between": one.between,
        "median_days": None if median is None else round(median, 1),
    }  # fmt: skip
    if amounts is not None:
        found["amount"] = dict(amounts.get(one.stage, {}))
    return found
