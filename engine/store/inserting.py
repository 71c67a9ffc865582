"""Inserting rows that may be there already, the same way on SQLite and PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql, sqlite

from engine.store import quick
from engine.store.columns import Instant
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
        returning = f"ON CONFLICT DO NOTHING RETURNING {key}"
        return frozenset(tx.conn.execute(*_from_json(tx, table, rows, returning)).scalars())
    if len(rows) == 1:
        return frozenset([rows[0][key]] if quick.run(tx, _insert_or_skip(table), rows) else [])
    if _all_are_new(tx, table, rows):
        return frozenset([row[key] for row in rows])
    skip = sqlite.insert(table).on_conflict_do_nothing().returning(table.c[key])
    return frozenset(tx.conn.execute(skip, rows).scalars())


def _all_are_new(tx: Transaction, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Inserts all of `rows` at once, or none: the driver does not tell which were left out."""
    begin, undo, release = (sa.text(f"{word} insert_new") for word in _SAVEPOINT)
    tx.conn.execute(begin)
    whole = quick.run(tx, _insert_or_skip(table), rows) == len(rows)
    if not whole:
        tx.conn.execute(undo)
    tx.conn.execute(release)
    return whole


_SAVEPOINT = ("SAVEPOINT", "ROLLBACK TO", "RELEASE")


@lru_cache(maxsize=64)
def _insert_or_skip(table: sa.Table) -> sa.Insert:
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_many(tx: Transaction, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts `rows`; one that breaks a unique key fails the transaction."""
    if not rows:
        return
    if tx.is_postgres:
        tx.conn.execute(*_from_json(tx, table, rows))
    else:
        quick.run(tx, _insert(table), rows)


@lru_cache(maxsize=64)
def _insert(table: sa.Table) -> sa.Insert:
    return table.insert()


def _from_json(
    tx: Transaction, table: sa.Table, rows: Sequence[Mapping[str, Any]], rest: str = ""
) -> tuple[sa.TextClause, dict[str, str]]:
    """An INSERT of rows that are one JSON parameter: one a value costs PostgreSQL ten times more.

    None in a JSON column becomes NULL.
    """
    filled = _filled(table, rows)
    quote = tx.conn.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in filled[0])
    name = quote(table.name)
    statement = sa.text(
        f"INSERT INTO {name} ({columns}) SELECT {columns} "
        f"FROM jsonb_populate_recordset(NULL::{name}, CAST(:rows AS jsonb)) {rest}"
    )
    return statement, {"rows": _spelled(table, filled)}


@lru_cache(maxsize=64)
def _columns(table: sa.Table) -> frozenset[str]:
    return frozenset(one.name for one in table.c)


@lru_cache(maxsize=64)
def _defaults(table: sa.Table) -> tuple[tuple[str, Any], ...]:
    """The columns that fill themselves in."""
    return tuple((one.name, one.default) for one in table.c if one.default is not None)


def _filled(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the columns' own defaults filled in."""
    given = rows[0].keys()
    unknown = given - _columns(table)
    if unknown:
        raise ValueError(f"table '{table.name}' has no column '{min(unknown)}'")
    if any(row.keys() != given for row in rows):
        raise ValueError(f"rows for table '{table.name}' do not all have the same columns")
    missing = [(name, one) for name, one in _defaults(table) if name not in given]
    return [{**{name: _default(one) for name, one in missing}, **row} for row in rows]


def _spelled(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as one JSON document, by a compiled library unless it finds half a character."""
    for name in _times(table):
        for value in {id(row[name]): row[name] for row in rows if name in row}.values():
            if value is not None:
                _instant(value)
    try:
        return to_json(rows).decode()
    except ValueError:
        return json.dumps(rows, ensure_ascii=False, default=_instant)


@lru_cache(maxsize=64)
def _times(table: sa.Table) -> tuple[str, ...]:
    return tuple(one.name for one in table.c if isinstance(one.type, Instant))


def _instant(value: object) -> str:
    """What JSON has no form for: times, which must be aware."""
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} has no form in JSON")
    if value.tzinfo is None:
        raise ValueError(f"naive time {value!r}: times in the store are aware")
    return value.isoformat()


def _default(default: Any) -> Any:
    return default.arg(None) if default.is_callable else default.arg


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


def renew(
    tx: Transaction,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: tuple[str, ...],
    update: tuple[str, ...],
    every: timedelta,
) -> None:
    """Inserts `rows`, whole ones of different keys, whose `at` is now.

    Where one with the same `keys` is there, its `update` columns are set, unless it is younger than
    `every`.
    """
    if not rows:
        return
    if tx.is_postgres:
        quote = tx.conn.dialect.identifier_preparer.quote
        values = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in update)
        where = f"{quote(table.name)}.at <= CAST(:older AS timestamptz)"
        rest = f"ON CONFLICT ({', '.join(map(quote, keys))}) DO UPDATE SET {values} WHERE {where}"
        statement, parameters = _from_json(tx, table, rows, rest)
        tx.conn.execute(statement, {**parameters, "older": tx.now - every})
    else:
        older = tx.now - every
        quick.run(tx, _renewal(table, keys, update), [{**row, "older": older} for row in rows])


@lru_cache(maxsize=16)
def _renewal(table: sa.Table, keys: tuple[str, ...], update: tuple[str, ...]) -> sa.Insert:
    statement = sqlite.insert(table)
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in update},
        where=table.c.at <= sa.bindparam("older", type_=table.c.at.type),
    )
