"""What leads have bought, and when: their orders, or else the deals that they won."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from engine.runtime.purchases import Purchase
from engine.store import deals, events, leads
from engine.store.database import Transaction
from engine.store.journeys import NO_GROUP

_ORDER = "order.placed"


def purchases(
    tx: Transaction,
    currency: str,
    group: sa.ColumnElement[Any] = NO_GROUP,
    where: Iterable[sa.ColumnElement[bool]] = (),
) -> Iterator[Purchase]:
    """Every purchase, lead by lead; `where` narrows the leads.

    A lead with orders is told by them alone: a deal that is won and then ordered is one purchase.
    What names no currency is in `currency`.
    """
    event, deal, lead = events.table.c, deals.table.c, leads.table.c
    narrowed = [lead.stage != leads.ERASED, *where]
    ordered = (
        sa.select(event.lead, event.at, event.properties, lead.created_at, group)
        .join(leads.table, lead.id == event.lead)
        .where(event.name == _ORDER, lead.orders > 0, *narrowed)
        .order_by(event.lead, event.at, event.id)
    )
    for id, at, said, came, one in tx.conn.execute(ordered.execution_options(yield_per=10_000)):
        amount, named = _number(said.get("amount")), said.get("currency")
        yield Purchase(id, at, amount, str(named or currency), came, one)
    won = (
        sa.select(deal.lead, deal.closed_at, deal.amount, deal.currency, lead.created_at, group)
        .join(leads.table, lead.id == deal.lead)
        .where(deal.closed == "won", deal.closed_at.is_not(None), lead.orders == 0, *narrowed)
        .order_by(deal.lead, deal.closed_at, deal.id)
    )
    for id, at, amount, named, came, one in tx.conn.execute(
        won.execution_options(yield_per=10_000)
    ):
        yield Purchase(id, at, _number(amount), named or currency, came, one)


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else 0.0  # type: ignore[arg-type]
