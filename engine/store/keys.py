"""The repository of the keys that programs and people come in with; it never sees a key itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.store.database import Transaction
from engine.store.key_tables import ApiKey

table: sa.Table = ApiKey.__table__  # type: ignore[attr-defined]


def insert(tx: Transaction, **values: Any) -> None:
    """A new key."""
    row = {"expires_at": None, "revoked_at": None, "used_at": None, **values}
    tx.conn.execute(sa.insert(table), row)


def every(tx: Transaction) -> Sequence[sa.RowMapping]:
    """All keys there ever were, the oldest first."""
    query = sa.select(table).order_by(table.c.created_at, table.c.id)
    return tx.conn.execute(query).mappings().all()


def good(tx: Transaction) -> Sequence[sa.RowMapping]:
    """Those that open something now."""
    query = sa.select(table).where(
        table.c.revoked_at.is_(None),
        sa.or_(table.c.expires_at.is_(None), table.c.expires_at > tx.now),
    )
    return tx.conn.execute(query).mappings().all()


def by_id(tx: Transaction, id: str) -> sa.RowMapping | None:
    """One key, locked."""
    query = sa.select(table).where(table.c.id == id).with_for_update()
    return tx.conn.execute(query).mappings().first()


def change(tx: Transaction, id: str, **values: Any) -> None:
    """Writes columns of a key."""
    tx.conn.execute(sa.update(table).where(table.c.id == id).values(values))


def note_used(tx: Transaction, id: str, before: datetime) -> None:
    """That it was used now, unless that was noted after `before`."""
    stale = sa.or_(table.c.used_at.is_(None), table.c.used_at < before)
    tx.conn.execute(sa.update(table).where(table.c.id == id, stale).values(used_at=tx.now))
