"""`quick`'s statements on PostgreSQL: compiled once, and each list sent as one array.

With a parameter for each item of a list, the server parses and plans five hundred of them anew; an
array is one parameter of a statement that the driver prepares.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from engine.store import documents
from engine.store.columns import Instant
from engine.store.database import Transaction

_IN = re.compile(r" (NOT )?IN \(__\[POSTCOMPILE_(\w+)[^\]]*\]\)")
_FLOAT8 = 701
"""The type of our numbers: those who read them ask for it, the others do not."""

_Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A statement as the driver takes it.

    Attributes:
        text: with named marks.
        fixed: the constants, by the names of their marks.
        writers: how values are written, by name; of a list, each of its items.
        columns: of the answer.
        readers: how values are read, by the number of their column.
    """

    text: str
    fixed: Mapping[str, Any]
    writers: tuple[tuple[str, _Process, bool], ...]
    columns: tuple[str, ...]
    readers: tuple[tuple[int, _Process], ...]

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of every mark."""
        found = {**self.fixed, **values}
        for name, write, is_list in self.writers:
            given = found[name]
            found[name] = [write(each) for each in given] if is_list else write(given)
        return found

    def row(self, values: Sequence[Any]) -> dict[str, Any]:
        """A row of the answer, its values as columns promise them."""
        found = list(values)
        for at, read in self.readers:
            found[at] = read(found[at])
        return dict(zip(self.columns, found, strict=True))


def fetch(tx: Transaction, statement: sa.Select[Any], values: Mapping[str, Any]) -> list[Any]:
    """The rows of a SELECT."""
    asked = _asked(statement, tx.conn.dialect)
    found = tx.conn.exec_driver_sql(asked.text, asked.arguments(_arrays(values)))
    return [asked.row(row) for row in found.fetchall()]


def change(
    tx: Transaction, statement: sa.Update | sa.Delete, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Runs an UPDATE or a DELETE for each row of values; answers how many rows it met."""
    asked = _asked(statement, tx.conn.dialect)
    arguments = [asked.arguments(_arrays(row)) for row in rows]
    return tx.conn.exec_driver_sql(asked.text, arguments).rowcount


def change_at_once(tx: Transaction, statement: sa.Update, rows: Sequence[Mapping[str, Any]]) -> int:
    """The same by one statement that is given all rows as JSON; no two may meet the same row."""
    joined = _joined(statement, tx.conn.dialect)
    for name in joined.times:
        for value in {id(row[name]): row[name] for row in rows}.values():
            if value is not None and value.tzinfo is None:
                raise ValueError(f"naive time {value!r}: times in the store are aware")
    given = {**joined.fixed, "given_rows": documents.spell(list(rows))}
    return tx.conn.exec_driver_sql(joined.text, given).rowcount


@dataclass(frozen=True, slots=True)
class _Joined:
    """An UPDATE that takes its values from rows of JSON."""

    text: str
    fixed: Mapping[str, Any]
    times: tuple[str, ...]


@lru_cache(maxsize=256)
def _joined(statement: sa.Update, dialect: sa.Dialect) -> _Joined:
    compiled: Any = statement.compile(dialect=dialect)
    asked = _asked(statement, dialect)
    text, columns, times = asked.text, [], []
    for name, bind in compiled.binds.items():
        if bind.required:
            columns.append(f"{name} {bind.type.dialect_impl(dialect).compile(dialect)}")
            text = text.replace(f"%({name})s", f"given.{name}")
            if isinstance(bind.type, Instant):
                times.append(name)
    source = f"jsonb_to_recordset(CAST(%(given_rows)s AS jsonb)) AS given({', '.join(columns)})"
    head, where, tail = text.partition(" WHERE ")
    return _Joined(f"{head} FROM {source}{where}{tail}", asked.fixed, tuple(times))


def _arrays(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: list(each) if isinstance(each, tuple | set | frozenset) else each
        for name, each in values.items()
    }


@lru_cache(maxsize=256)
def _asked(statement: sa.ClauseElement, dialect: sa.Dialect) -> _Asked:
    compiled: Any = statement.compile(dialect=dialect)
    text = _IN.sub(lambda found: f" {_quantified(found[1])}(%({found[2]})s)", str(compiled))
    fixed, writers = {}, []
    for name, bind in compiled.binds.items():
        write = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if not bind.required:
            value = bind.effective_value
            fixed[name] = list(value) if bind.expanding else value
        if write is not None:
            writers.append((name, write, bind.expanding))
    columns = list(statement.selected_columns) if isinstance(statement, sa.Select) else []
    readers = []
    for at, one in enumerate(columns):
        read = one.type.dialect_impl(dialect).result_processor(dialect, _FLOAT8)
        if read is not None:
            readers.append((at, read))
    return _Asked(
        text, fixed, tuple(writers), tuple(str(one.key) for one in columns), tuple(readers)
    )


def _quantified(is_not: str | None) -> str:
    return "<> ALL " if is_not else "= ANY "
