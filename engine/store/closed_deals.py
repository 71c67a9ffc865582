"""Deals that are over, for reports: read once, in rows, without holding them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.store.database import Transaction
from engine.store.deals import ELSEWHERE, change_table, table
from engine.store.journeys import NO_GROUP, text_of


class ClosedDeal(NamedTuple):
    """A deal that is won or lost; `is_dated`: when it was closed is known."""

    group: object
    closed: str
    created_at: datetime
    closed_at: datetime
    amount: float | None
    currency: str
    lost_reason: str | None
    is_dated: bool


def closed_deals(
    tx: Transaction,
    currency: str,
    group: sa.ColumnElement[Any] = NO_GROUP,
    where: Iterable[sa.ColumnElement[bool]] = (),
) -> Iterator[ClosedDeal]:
    """Deals that are over; an amount without a currency is in `currency`."""
    log, deal = change_table.c, table.c
    # It came closed from elsewhere: the moment of the import is not when it was won or lost.
    came = sa.exists().where(
        log.deal == deal.id, log.at >= deal.closed_at, log.field == "created",
        text_of(tx, log.before) == ELSEWHERE,
    )  # fmt: skip
    query = sa.select(
        group, deal.closed, deal.created_at, deal.closed_at, deal.amount,
        sa.func.coalesce(deal.currency, currency), deal.lost_reason, sa.not_(came),
    ).where(deal.closed != "", deal.closed_at.is_not(None), *where)  # fmt: skip
    for row in tx.conn.execute(query.execution_options(yield_per=10_000)):
        yield ClosedDeal(*row)
