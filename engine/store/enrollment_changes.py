"""Changing many enrollments from outside their walks, in few statements."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.store.database import Transaction
from engine.store.enrollments import table

Change: TypeAlias = tuple[str, int, Mapping[str, Any]]
"""An enrollment's id, its seq, and the columns that somebody changes from outside its walk."""


def set_many(tx: Transaction, changes: Iterable[Change]) -> None:
    """Changes enrollments by compare-and-set on `seq`, those with the same columns together."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for enrollment_id, seq, values in changes:
        row = {"b_id": enrollment_id, "b_seq": seq} | {f"b_{k}_": v for k, v in values.items()}
        groups.setdefault(tuple(values), []).append(row)
    for names, rows in groups.items():
        here = sa.and_(table.c.id == sa.bindparam("b_id"), table.c.seq == sa.bindparam("b_seq"))
        new: dict[str, Any] = {name: sa.bindparam(f"b_{name}_") for name in names}
        tx.conn.execute(sa.update(table).where(here).values(new), rows)
