"""The repository of what was tidied away: how far each kind has come."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.store.database import Transaction
from engine.store.retention_tables import RetentionMark

table: sa.Table = RetentionMark.__table__  # type: ignore[attr-defined]


def marks(tx: Transaction) -> dict[str, Mapping[str, Any]]:
    """The mark of each kind that has one."""
    return {row["kind"]: dict(row) for row in tx.conn.execute(sa.select(table)).mappings()}


def gone_before(tx: Transaction, kind: str) -> datetime | None:
    """What of this kind was over before this moment may be gone; None: everything is there."""
    query = sa.select(table.c.until).where(table.c.kind == kind)
    found: datetime | None = tx.conn.execute(query).scalar()
    return found


def mark(
    tx: Transaction, kind: str, until: datetime, *, removed: int = 0, begins: bool = False
) -> None:
    """Notes that what was over before `until` may be gone, and how many more are.

    Args:
        tx: a write transaction.
        kind: of record.
        until: it never goes back, whatever longplay.yaml says later.
        removed: rows that went just now.
        begins: whether a pass begins.
    """
    known = marks(tx).get(kind)
    if known is None:
        row = {"kind": kind, "until": until, "removed": removed, "looked_at": tx.now}
        tx.conn.execute(sa.insert(table), row)
        return
    values: dict[str, Any] = {
        "until": max(known["until"], until), "removed": known["removed"] + removed
    }  # fmt: skip
    if begins:
        values["looked_at"] = tx.now
    tx.conn.execute(sa.update(table).where(table.c.kind == kind).values(values))
