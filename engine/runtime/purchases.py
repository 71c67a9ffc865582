"""Buying again: how many customers do, how soon, and what they have brought in. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from engine.runtime.splitting import interval
from engine.runtime.survival import Curve, Span, curve

_HOUR, _DAY = 3_600, 24


class Purchase(NamedTuple):
    """Something that a lead bought, who `came` then; `group` is what the caller groups by."""

    lead: str
    at: datetime
    amount: float
    currency: str
    came: datetime
    group: object = ""


class Customer(NamedTuple):
    """A lead that has bought: when first, when again, and for how much in each currency."""

    lead: str
    group: object
    came: datetime
    first: datetime
    second: datetime | None
    purchases: int
    amounts: Mapping[str, float]


def customers(purchases: Iterable[Purchase]) -> Iterator[Customer]:
    """The customers, of purchases that come lead by lead, each lead's in the order of time."""
    for lead, found in groupby(purchases, lambda one: one.lead):
        bought = list(found)
        amounts: dict[str, float] = defaultdict(float)
        for one in bought:
            amounts[one.currency] += one.amount
        second = bought[1].at if len(bought) > 1 else None
        begin = bought[0]
        yield Customer(lead, begin.group, begin.came, begin.at, second, len(bought), dict(amounts))


@dataclass
class Loyalty:
    """Customers in numbers, filled one by one.

    Attributes:
        customers: leads that have bought at all, and `again`: those that have done so twice.
        purchases: all of them.
        paying: customers by the currencies that they paid in, and `revenue`: how much.
    """

    now: datetime
    customers: int = 0
    again: int = 0
    purchases: int = 0
    paying: Counter[str] = field(default_factory=Counter)
    revenue: dict[str, float] = field(default_factory=dict)
    _gaps: Counter[tuple[int, str]] = field(default_factory=Counter)

    def add(self, one: Customer) -> None:
        """Counts a customer."""
        self.customers += 1
        self.again += one.second is not None
        self.purchases += one.purchases
        for currency, amount in one.amounts.items():
            self.paying[currency] += 1
            self.revenue[currency] = self.revenue.get(currency, 0.0) + amount
        hours = int(((one.second or self.now) - one.first).total_seconds()) // _HOUR
        self._gaps[max(hours, 0), "again" if one.second else ""] += 1

    @property
    def rate(self) -> float | None:
        """The share that has bought again."""
        return self.again / self.customers if self.customers else None

    @property
    def between(self) -> tuple[float, float] | None:
        """Where that share lies, with 95 % confidence."""
        return interval(self.customers, self.again) if self.customers else None

    @property
    def gaps(self) -> Curve:
        """How long customers go without buying a second time."""
        return curve(Span(hours / _DAY, end, n) for (hours, end), n in self._gaps.items())

    def per_customer(self) -> dict[str, float]:
        """What a customer has brought in so far, on average, of those that paid in a currency."""
        return {
            currency: round(amount / self.paying[currency], 2)
            for currency, amount in sorted(self.revenue.items())
        }

    def again_within(self, days: int) -> float | None:
        """The share that buys again within so many days; None: nobody was watched for so long."""
        longest = max((hours for hours, _ in self._gaps), default=0)
        return 1 - self.gaps.share(days) if longest >= days * _DAY else None
