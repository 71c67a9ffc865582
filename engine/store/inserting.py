"""Inserting rows that may be there already, the same way on SQLite and PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.database import Transaction


def insert_new(
    tx: Transaction, table: sa.Table, rows: Sequence[Mapping[str, Any]], key: str = "id"
) -> frozenset[str]:
    """Inserts `rows`, leaving out those that would break a unique key.

    Returns:
        The `key` of every row that was inserted.
    """
    if not rows:
        return frozenset()
    if tx.is_postgres:
        insert = postgresql.insert(table).on_conflict_do_nothing().returning(table.c[key])
        return frozenset(tx.conn.execute(insert, rows).scalars())
    skip = sqlite.insert(table).on_conflict_do_nothing().returning(table.c[key])
    return frozenset(tx.conn.execute(skip, rows).scalars())


def upsert(
    tx: Transaction,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    update: Sequence[str],
) -> None:
    """Inserts `rows`; where one with the same `keys` is there, sets its `update` columns."""
    if not rows:
        return
    statement: postgresql.Insert | sqlite.Insert
    statement = postgresql.insert(table) if tx.is_postgres else sqlite.insert(table)
    given = {name: statement.excluded[name] for name in update}
    tx.conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=given), rows)
