"""Destinations that take long for each mail: what one sender found out, all others heed.

Their mail goes apart: in batches and on a queue of its own, so that nobody else's waits behind it.
"""

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa

from engine.store import quick
from engine.store.database import Transaction
from engine.store.inserting import upsert
from engine.store.throttle_tables import Slow

table: sa.Table = Slow.__table__  # type: ignore[attr-defined]

STANDS = timedelta(minutes=5)
"""How long one is taken to be slow after it was last said; senders say it every minute."""

_all = sa.select(table.c.destination, table.c.at)


def standing(tx: Transaction) -> frozenset[str]:
    """The destinations that are slow now: few."""
    rows = quick.fetch(tx, _all)
    return frozenset(row["destination"] for row in rows if row["at"] > tx.now - STANDS)


def tell(tx: Transaction, news: Mapping[str, float | None]) -> None:
    """Writes down who is slow, with the seconds a mail takes, and who is no more (None)."""
    if not news:
        return
    well = [name for name, seconds in news.items() if seconds is None]
    past = sa.or_(table.c.destination.in_(well), table.c.at <= tx.now - STANDS)
    tx.conn.execute(sa.delete(table).where(past))
    rows = [
        {"destination": name, "seconds": seconds, "at": tx.now}
        for name, seconds in sorted(news.items())
        if seconds is not None
    ]
    if rows:
        upsert(tx, table, rows, keys=["destination"], update=["seconds", "at"])
