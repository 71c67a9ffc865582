"""The sales report: what is to come, what was won, how long it took, what customers are worth.

A read model; it changes nothing. Amounts of different currencies are never added. `EVER` takes
everything; a period narrows closed deals by when they were closed, and leads by when they came.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any

from engine.operations import published
from engine.operations.funnel import EVER, FunnelOfGroup, Period, leads_in
from engine.operations.grouping import MONTH, NOBODY, Key
from engine.operations.published import Current
from engine.playbook.durations import parse_offset
from engine.playbook.workspace_values import Rate
from engine.runtime.pipeline_health import OpenDeal, StageHealth, measured, observe
from engine.runtime.splitting import interval
from engine.store import closed_deals, deals, journeys
from engine.store.closed_deals import ClosedDeal
from engine.store.database import Store, Transaction

AGAIN_DAYS = (30, 90, 180, 365)
"""Within how many days customers are asked to have bought again."""

MOST_COHORTS = 24
_MONTH = timedelta(days=30.4375)
_DAY = timedelta(days=1)
_CUSTOMER = "customer"


@dataclass
class Results:
    """Deals of one group: those that are over, and what the open ones are worth."""

    won: int = 0
    lost: int = 0
    days: list[float] = field(default_factory=list)
    won_amount: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    open: int = 0
    amount: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_probability: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_history: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    unknown: int = 0

    def close(self, deal: ClosedDeal) -> None:
        """Counts a deal that is over."""
        if deal.closed == "lost":
            self.lost += 1
            return
        self.won += 1
        if deal.amount is not None:
            self.won_amount[deal.currency] += deal.amount
        if deal.is_dated:
            self.days.append(max((deal.closed_at - deal.created_at) / _DAY, 0.0))

    def expect(self, deal: OpenDeal, stage: StageHealth) -> None:
        """Counts an open deal, and what is expected of it."""
        self.open += 1
        if deal.amount is None:
            return
        chance = stage.chance(stage.age(deal))
        self.amount[deal.currency] += deal.amount
        self.by_probability[deal.currency] += deal.amount * stage.rules.probability / 100
        self.unknown += chance is None
        self.by_history[deal.currency] += deal.amount * (chance or 0.0)

    def expected(self) -> dict[str, Any]:
        """What the open deals are worth; by history None where one stage has too little of it."""
        return {
            "deals": self.open, "amount": _money(self.amount),
            "by_probability": _money(self.by_probability),
            "by_history": None if self.unknown else _money(self.by_history),
        }  # fmt: skip

    def win_rate(self) -> dict[str, Any]:
        """How many were won of those that are over."""
        over = self.won + self.lost
        return {
            "won": self.won, "lost": self.lost, "rate": self.won / over if over else None,
            "between": list(interval(over, self.won)) if over else None,
            "amount": _money(self.won_amount),
        }  # fmt: skip

    def cycle(self) -> dict[str, Any]:
        """How long the won ones took from being opened, in days."""
        if not self.days:
            return {"median": None, "from": None, "to": None, "deals": 0}
        several = len(self.days) > 1
        low, middle, high = (
            quantiles(self.days, n=4, method="inclusive") if several else self.days * 3
        )
        return {
            "median": round(middle, 1), "from": round(low, 1), "to": round(high, 1),
            "deals": len(self.days),
        }  # fmt: skip


def report(store: Store, *, by: str = "", period: Period = EVER) -> dict[str, Any]:
    """The report as contract.md says it.

    Raises:
        InputError: deals are not grouped so.
    """
    return store.read(lambda tx: report_in(tx, by=by, period=period))


def report_in(tx: Transaction, *, by: str = "", period: Period = EVER) -> dict[str, Any]:
    """The same, within a transaction that is open already."""
    current = published.current(tx)
    deal_part = _Deals(tx, current, by, period)
    seen = leads_in(tx, current, ["source", MONTH], period)
    whole, months = seen["source"], seen[MONTH]
    loyal = whole.whole.loyalty
    assert loyal is not None
    sources = [_source(tx, current, one, period) for one in whole.groups]
    return {
        **period.as_json(),
        "currency": current.workspace.currency,
        "by": by or None,
        "forecast": deal_part.forecast(),
        "win_rate": deal_part.whole.win_rate(),
        "cycle_days": deal_part.whole.cycle(),
        "lost_reasons": deal_part.lost_reasons(),
        "groups": deal_part.groups(),
        "clv": {
            "customers": loyal.customers, "purchases": loyal.purchases,
            "revenue": _money(loyal.revenue), "per_customer": loyal.per_customer(),
        },
        "cac": _cac(current, sources),
        "retention": {
            "customers": loyal.customers, "again": loyal.again, "rate": loyal.rate,
            "between": loyal.between,
            "again_within_days": {str(one): loyal.again_within(one) for one in AGAIN_DAYS},
        },
        "sources": sources,
        "cohorts": [_cohort(one) for one in months.groups[:MOST_COHORTS]],
    }  # fmt: skip


class _Deals:
    """The part of the report that is about deals."""

    def __init__(self, tx: Transaction, current: Current, by: str, period: Period) -> None:
        self._current, self._by = current, by
        self.whole = Results()
        self._groups: dict[str, Results] = defaultdict(Results)
        self._months: dict[tuple[str, str], Results] = defaultdict(Results)
        self._reasons: Counter[str] = Counter()
        self._lost: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        key = Key.of_deals(tx, current, by)
        where = period.clauses(deals.table.c.closed_at, current)
        currency = current.workspace.currency
        for deal in closed_deals.closed_deals(tx, currency, key.column, where):
            for one in self._of(key.label(deal.group)):
                one.close(deal)
            self._lose(deal)
        for name in current.workspace.pipelines:
            self._expect(tx, name, key)

    def _of(self, group: str | None) -> Iterable[Results]:
        return (self.whole,) if group is None else (self.whole, self._groups[group])

    def _lose(self, deal: ClosedDeal) -> None:
        if deal.closed == "lost":
            reason = deal.lost_reason or NOBODY
            self._reasons[reason] += 1
            if deal.amount is not None:
                self._lost[reason][deal.currency] += deal.amount

    def _expect(self, tx: Transaction, pipeline: str, key: Key) -> None:
        rules = self._current.workspace.pipelines[pipeline]
        observed = observe(journeys.of_deals(tx, pipeline), tx.now)
        currency = self._current.workspace.currency
        found = journeys.open_deals(tx, pipeline, currency, key.column)
        for stage in measured(rules, observed, found, tx.now):
            for deal in stage.deals:
                for one in self._of(key.label(deal.group)):
                    one.expect(deal, stage)
                self._months[pipeline, self._month(deal, tx.now)].expect(deal, stage)

    def _month(self, deal: OpenDeal, now: datetime) -> str:
        at = deal.expected_close_at
        if at is None:
            return ""
        return f"{max(at, now).astimezone(self._current.zone):%Y-%m}"

    def forecast(self) -> dict[str, Any]:
        """What is to come: in all, and by pipeline and month; what is overdue comes this month."""
        rows = sorted(self._months.items(), key=lambda one: (one[0][0], one[0][1] or "~"))
        return {
            **self.whole.expected(),
            "months": [
                {"pipeline": pipeline, "month": month or None, **one.expected()}
                for (pipeline, month), one in rows
            ],
        }

    def groups(self) -> list[dict[str, Any]]:
        """Each group: what was won, and what is to come."""
        rows = [
            {
                "group": name, "forecast": one.expected(), "win_rate": one.win_rate(),
                "cycle_days": one.cycle(),
            }
            for name, one in self._groups.items()
        ]  # fmt: skip
        if self._by == MONTH:
            return sorted(rows, key=lambda row: str(row["group"]), reverse=True)
        return sorted(rows, key=lambda row: (-_size(self._groups[str(row["group"])]), row["group"]))

    def lost_reasons(self) -> list[dict[str, Any]]:
        """Why deals were lost, the commonest reason first."""
        return [
            {"reason": reason, "deals": number, "amount": _money(self._lost.get(reason, {}))}
            for reason, number in self._reasons.most_common(20)
        ]


def _size(one: Results) -> int:
    return one.won + one.lost + one.open


def _source(
    tx: Transaction, current: Current, one: FunnelOfGroup, period: Period
) -> dict[str, Any]:
    """A source: who came, who became a customer, and what that cost."""
    loyal = one.loyalty
    assert loyal is not None
    gained = _customers(one)
    named = current.workspace.sources.get(one.group)
    cost = _cost(named.cost, period, tx.now, current) if named and named.cost else None
    return {
        "source": None if one.group == NOBODY else one.group,
        "leads": one.records,
        "reached": {stage.stage: stage.reached for stage in one.stages},
        "customers": gained,
        "rate": gained / one.records if one.records else None,
        "revenue": _money(loyal.revenue),
        "cost": cost,
        "cac": round(cost / gained, 2) if cost is not None and gained else None,
    }


def _customers(one: FunnelOfGroup) -> int:
    """Leads that reached the stage `customer`; without such a stage, those that bought."""
    reached = [stage.reached for stage in one.stages if stage.stage == _CUSTOMER]
    return reached[0] if reached else one.loyalty.customers if one.loyalty else 0


def _cost(rate: Rate, period: Period, now: datetime, current: Current) -> float | None:
    """What a source has cost in a period that has a beginning; None: nobody said since when."""
    if period.first is None:
        return None
    begin = datetime.combine(period.first, datetime.min.time(), current.zone)
    end = now
    if period.last is not None:
        last = datetime.combine(period.last + _DAY, datetime.min.time(), current.zone)
        end = min(now, last)
    span = parse_offset(rate.per)
    length = span.months * _MONTH + span.days * _DAY + span.exact
    elapsed = max(end.astimezone(UTC) - begin.astimezone(UTC), timedelta(0))
    return round(rate.count * (elapsed / length), 2)


def _cac(current: Current, sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a customer of the sources that cost something has cost."""
    paid = [one for one in sources if one["cost"] is not None]
    cost, gained = sum(one["cost"] for one in paid), sum(one["customers"] for one in paid)
    return {
        "cost": round(cost, 2) if paid else None, "customers": gained if paid else None,
        "per_customer": round(cost / gained, 2) if paid and gained else None,
        "currency": current.workspace.currency,
    }  # fmt: skip


def _cohort(one: FunnelOfGroup) -> dict[str, Any]:
    """The leads of a month: how many reached each stage, and bought again."""
    loyal = one.loyalty
    return {
        "month": one.group,
        "leads": one.records,
        "reached": {stage.stage: stage.reached for stage in one.stages},
        "customers": loyal.customers if loyal else 0,
        "again": loyal.again if loyal else 0,
    }


def _money(amounts: Mapping[str, float]) -> dict[str, float]:
    return {currency: round(amounts[currency], 2) for currency in sorted(amounts)}
