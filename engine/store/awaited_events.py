"""Events kept for enrollments that may wait for them, until a wait consumes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.runtime.position import Awaited
from engine.store.database import Transaction
from engine.store.enrollments import awaited_table
from engine.store.inserting import insert_new


def keep(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keeps events for enrollments that may wait for them; kept twice is kept once."""
    if rows:
        insert_new(tx, awaited_table, rows, key="event")


def kept(tx: Transaction, ids: Sequence[str]) -> dict[str, list[Awaited]]:
    """The events kept and not yet consumed, by enrollment, in the order of commits."""
    query = (
        sa.select(awaited_table)
        .where(awaited_table.c.enrollment.in_(ids), awaited_table.c.consumed_seq.is_(None))
        .order_by(awaited_table.c.position)
    )
    found: dict[str, list[Awaited]] = {}
    for row in tx.conn.execute(query).mappings():
        found.setdefault(row["enrollment"], []).append(
            Awaited(
                row["event"],
                row["name"],
                row["source"],
                row["properties"],
                row["at"],
                row["at_seq"],
                row["position"],
            )
        )
    return found


def consume(tx: Transaction, consumed: Sequence[tuple[str, str, int]]) -> None:
    """Marks kept events as used up: (enrollment, event, seq)."""
    if not consumed:
        return
    statement = (
        sa.update(awaited_table)
        .where(
            awaited_table.c.enrollment == sa.bindparam("b_enrollment"),
            awaited_table.c.event == sa.bindparam("b_event"),
        )
        .values(consumed_seq=sa.bindparam("b_seq"))
    )
    tx.conn.execute(
        statement,
        [{"b_enrollment": one, "b_event": event, "b_seq": seq} for one, event, seq in consumed],
    )
