"""Who bought how lately, how often and for how much, as conditions of the language say it.

The three numbers are asked of the very expressions that proposals are written in, so that what is
counted here is what a segment counts.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from engine.operations.pasts import Progress
from engine.operations.published import Current
from engine.playbook.conditions import condition
from engine.runtime.scoring import micros
from engine.store import events, leads
from engine.store.database import Store, Transaction

PAGE = 1_000
ORDER, WON = "order.placed", "deal.won"


@dataclass(frozen=True, slots=True)
class Asking:
    """The three expressions, for one event and one length of time."""

    event: str
    within: str

    @property
    def recency(self) -> str:
        """Days since the last purchase."""
        return f'(lead | last("{self.event}") | days_since)'

    @property
    def frequency(self) -> str:
        """How many purchases there were."""
        return f'(lead | count("{self.event}", "{self.within}"))'

    @property
    def amount(self) -> str:
        """What they come to."""
        return f'(lead | sum("{self.event}", "amount", "{self.within}"))'

    @property
    def every(self) -> tuple[str, str, str]:
        """All three, in this order."""
        return self.recency, self.frequency, self.amount


@dataclass(slots=True)
class Purchases:
    """Those who bought within that time: three numbers each, one after the other.

    Attributes:
        leads: how many leads there are in all.
    """

    asking: Asking
    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    leads: int = 0

    @property
    def buyers(self) -> int:
        """How many bought."""
        return len(self.numbers) // 3


def event_of_purchases(store: Store) -> str:
    """Orders where there are any, else deals that were won."""

    def read(tx: Transaction) -> str:
        column = events.table.c.name
        there = tx.conn.execute(sa.select(column).where(column == ORDER).limit(1)).first()
        return ORDER if there is not None else WON

    return store.read(read)


def purchases(store: Store, current: Current, asking: Asking, progress: Progress) -> Purchases:
    """Asks every lead; a page is in memory at a time, and of those who bought three numbers."""
    found, after = Purchases(asking), ""
    total = store.read(_count)
    while True:

        def page(tx: Transaction, after: str = after) -> Sequence[str]:
            return _page(tx, current, found, after)

        ids = store.read(page)
        found.leads += len(ids)
        progress(found.leads, total)
        if len(ids) < PAGE:
            return found
        after = ids[-1]


def _count(tx: Transaction) -> int:
    there = leads.table.c.stage != leads.ERASED
    query = sa.select(sa.func.count()).select_from(leads.table).where(there)
    return int(tx.conn.execute(query).scalar_one())


def _page(tx: Transaction, current: Current, found: Purchases, after: str) -> Sequence[str]:
    id, zone = leads.table.c.id, leads.table.c.timezone
    query = sa.select(id, zone).where(id > after, leads.table.c.stage != leads.ERASED)
    rows = tx.conn.execute(query.order_by(id).limit(PAGE)).all()
    histories = events.histories(tx, [row[0] for row in rows], [found.asking.event])
    zones = {row[0]: row[1] for row in rows}
    asked = [condition(text) for text in found.asking.every]
    now = micros(tx.now)
    for lead, history in histories.items():
        done = history.occurrences(found.asking.event)
        if not done or micros(done[0][0]) > now:
            continue
        scope = {
            "lead": {"id": lead}, "history": history, "now": tx.now,
            "zone": current.zone_of({"timezone": zones[lead]}),
        }  # fmt: skip
        numbers = [one.value(scope) for one in asked]
        known = [float(one) for one in numbers if isinstance(one, int | float)]
        if len(known) == 3 and known[1] > 0:
            found.numbers.extend(known)
    return [row[0] for row in rows]
