"""The ledger of points: why a score is what it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import quick
from engine.store.database import Transaction
from engine.store.tables import ScoreEntry

table: sa.Table = ScoreEntry.__table__  # type: ignore[attr-defined]

_insert = sa.insert(table)


def add(tx: Transaction, entries: Sequence[Mapping[str, Any]]) -> None:
    """Appends entries: id, lead, name, points, reason, at."""
    quick.run(tx, _insert, entries)


def of_lead(tx: Transaction, lead: str) -> Sequence[sa.RowMapping]:
    """A lead's entries, oldest first."""
    query = sa.select(table).where(table.c.lead == lead).order_by(table.c.at, table.c.id)
    return tx.conn.execute(query).mappings().all()
