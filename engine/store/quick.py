"""Statements that run for every mail and every slice, without SQLAlchemy's work on each execution.

They are written as Core statements at the top of a repository's module. On SQLite they are made
into text once and handed to the driver with plain tuples: the same statements at a third of the
cost, all of which is spent while everybody else waits for the one writer. PostgreSQL gets them
with an array for each list (`quick_postgres`). What runs now and then has no business here.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any, TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, StatementError

from engine.store import documents, quick_postgres
from engine.store.database import Transaction

Row: TypeAlias = dict[str, Any]
_Process: TypeAlias = Callable[[Any], Any]

_DIALECT = sqlite.dialect(
    paramstyle="qmark", json_serializer=documents.spell, json_deserializer=documents.read
)
_NOTHING = object()
_FEW = 4
"""Rows from which on one statement changes all."""

_SIZES = (1, 20, 50, 100, 500)
"""Lists are filled up to one of these lengths, so that few texts stand for all of them."""


def fetch(tx: Transaction, statement: sa.Select[Any], **values: Any) -> list[Row]:
    """The rows of a SELECT; an empty list for `IN` finds none, and nothing is asked."""
    lists = _lists(statement, values)
    if not all(lists.values()):
        return []
    if tx.is_postgres:
        return quick_postgres.fetch(tx, statement, values)
    ready = _ready(statement, _sizes(lists))
    cursor = _execute(tx, "execute", ready, ready.arguments(values))
    return ready.rows(cursor.fetchall())


def change(tx: Transaction, statement: sa.Update | sa.Delete, **values: Any) -> None:
    """Runs one UPDATE or DELETE; an empty list for `IN` meets no row, and nothing is asked."""
    lists = _lists(statement, values)
    if not all(lists.values()):
        return
    if tx.is_postgres:
        quick_postgres.change(tx, statement, [values])
        return
    ready = _ready(statement, _sizes(lists))
    _execute(tx, "execute", ready, ready.arguments(values))


def run_locked(tx: Transaction, statement: sa.Update, rows: Sequence[Mapping[str, Any]]) -> int:
    """`run` for rows that are locked already, each of them met by one of `rows` at most.

    They are changed by one statement, in whatever order the database likes: a thread that hands
    the interpreter over for every row waits as often for it, and everybody else for that thread.
    """
    if tx.is_postgres and len(rows) > 1:
        return quick_postgres.change_at_once(tx, statement, rows)
    if tx.is_postgres or len(rows) < _FEW:
        return run(tx, statement, rows)
    changed = 0
    for start in range(0, len(rows), _SIZES[-1]):
        some = rows[start : start + _SIZES[-1]]
        ready, text, marks = _joined(statement, _size(len(some)))
        arguments = list(chain.from_iterable(_many(ready, some)))
        arguments += [None] * (marks - len(arguments))  # rows of NULL meet none
        changed += _execute_text(tx, "execute", text, arguments).rowcount
    return changed


def run(
    tx: Transaction, statement: sa.Update | sa.Insert, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Runs an UPDATE or an INSERT once for each row of values; answers how many rows it met."""
    if not rows:
        return 0
    if tx.is_postgres:
        if isinstance(statement, sa.Update):
            return quick_postgres.change(tx, statement, rows)
        return tx.conn.execute(statement, list(rows)).rowcount
    ready = _ready(statement, (), tuple(rows[0]))
    return _execute(tx, "executemany", ready, _many(ready, rows)).rowcount


def _many(ready: "_Ready", rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    try:
        return ready.many(rows)
    except ValueError as error:
        raise StatementError(str(error), ready.text, None, error) from error


@lru_cache(maxsize=128)
def _joined(statement: sa.Update, size: int) -> "tuple[_Ready, str, int]":
    """An UPDATE that takes its values from so many rows of them, joined by what it looks for."""
    ready = _ready(statement, ())
    pieces = ready.text.split("?")
    marks = [f"given.column{at}" for at in range(1, len(pieces))]
    text = "".join(chain.from_iterable(zip_longest(pieces, marks, fillvalue="")))
    row = f"({', '.join('?' * len(marks))})"
    head, where, tail = text.partition(" WHERE ")
    given = f"(VALUES {', '.join([row] * size)}) AS given"
    return ready, f"{head} FROM {given}{where}{tail}", size * len(marks)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement as the driver takes it.

    Attributes:
        text: with question marks.
        names: what each mark stands for; empty for a constant.
        fixed: the constants, by the number of their mark.
        places: which item of a list a mark stands for, by its number.
        writers: how values are written, by the number of their mark.
        columns: of the answer.
        readers: how values are read, by the number of their column.
    """

    text: str
    names: tuple[str, ...]
    fixed: tuple[tuple[int, Any], ...]
    places: tuple[tuple[int, int], ...]
    writers: tuple[tuple[int, _Process], ...]
    columns: tuple[str, ...]
    readers: tuple[tuple[int, _Process], ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the marks."""
        found: list[Any] = [values[name] if name else None for name in self.names]
        for at, place in self.places:
            items = values[self.names[at]]
            found[at] = items[place] if place < len(items) else items[-1]
        for at, write in self.writers:
            found[at] = write(found[at])
        for at, value in self.fixed:
            found[at] = value
        return found

    def many(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """The values of many rows, each in the order of the marks; worked on by column."""
        count = len(rows)
        columns: list[Sequence[Any]] = [
            [row[name] for row in rows] if name else (None,) * count for name in self.names
        ]
        for at, write in self.writers:
            columns[at] = _each(write, columns[at])
        for at, value in self.fixed:
            columns[at] = (value,) * count
        return list(zip(*columns, strict=True))

    def rows(self, tuples: Sequence[tuple[Any, ...]]) -> list[Row]:
        """Answers as mappings, their values as columns promise them; worked on by column."""
        if not tuples:
            return []
        columns: list[Sequence[Any]] = list(zip(*tuples, strict=True))
        for at, read in self.readers:
            columns[at] = _each(read, columns[at])
        names = self.columns
        return [dict(zip(names, one, strict=True)) for one in zip(*columns, strict=True)]


@lru_cache(maxsize=256)
def _ready(
    statement: sa.ClauseElement,
    sizes: tuple[tuple[str, int], ...],
    given: tuple[str, ...] | None = None,
) -> _Ready:
    """Makes a statement ready, for lists of these sizes; `given` are the columns of an INSERT."""
    compiled = _compiled(statement, given)
    text = str(compiled)
    marks: list[tuple[str, int | None]] = []
    for name in compiled.positiontup:
        bind = compiled.binds[name]
        if not bind.expanding:
            marks.append((name, None))
            continue
        size = dict(sizes)[name] if bind.required else len(bind.effective_value)
        text = text.replace(f"__[POSTCOMPILE_{name}]", ", ".join("?" * size), 1)
        marks += [(name, place) for place in range(size)]
    names, fixed, places, writers = [], [], [], []
    for at, (name, place) in enumerate(marks):
        bind = compiled.binds[name]
        write = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        if not bind.required:
            value = _fixed(statement, bind, name)
            value = value if place is None else value[place]
            fixed.append((at, write(value) if write is not None else value))
        elif write is not None:
            writers.append((at, write))
        if bind.required and place is not None:
            places.append((at, place))
        names.append(name if bind.required else "")
    columns, readers = _columns(statement)
    return _Ready(text, tuple(names), tuple(fixed), tuple(places), tuple(writers), columns, readers)


def _each(process: _Process, values: Sequence[Any]) -> Sequence[Any]:
    """A column's values made ready; a column of nothing but None stays as it is.

    A batch's times are mostly one and the same, so that what equals its neighbor is not worked on
    again; documents are, for each row has one of its own.
    """
    if values.count(None) == len(values) and process(None) is None:
        return values
    found: list[Any] = []
    last, ready = _NOTHING, None
    for value in values:
        if value is not last:
            last, ready = value, process(value)
        found.append(ready)
    return found


def _fixed(statement: sa.ClauseElement, bind: Any, name: str) -> Any:
    """What a mark always holds: a constant, or the default of a column that was left out."""
    if isinstance(statement, sa.Insert):
        default = cast(sa.Table, statement.table).c[name].default
        return cast(Any, default).arg if default is not None and default.is_scalar else None
    return bind.effective_value


def _columns(
    statement: sa.ClauseElement,
) -> tuple[tuple[str, ...], tuple[tuple[int, _Process], ...]]:
    columns = list(statement.selected_columns) if isinstance(statement, sa.Select) else []
    readers = []
    for at, one in enumerate(columns):
        read = one.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
        if read is not None:
            readers.append((at, read))
    return tuple(str(one.key) for one in columns), tuple(readers)


def _compiled(statement: sa.ClauseElement, given: tuple[str, ...] | None) -> Any:
    keys = list(given) if given is not None and isinstance(statement, sa.Insert) else None
    return statement.compile(dialect=_DIALECT, column_keys=keys)


@lru_cache(maxsize=256)
def _expanding(statement: sa.ClauseElement) -> tuple[str, ...]:
    binds = _compiled(statement, None).binds
    return tuple(name for name, bind in binds.items() if bind.expanding and bind.required)


def _lists(statement: sa.ClauseElement, values: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    return {name: values[name] for name in _expanding(statement)}


def _sizes(lists: Mapping[str, Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((name, _size(len(items))) for name, items in lists.items())


def _size(count: int) -> int:
    largest = _SIZES[-1]
    return next((size for size in _SIZES if count <= size), -(-count // largest) * largest)


def _execute(tx: Transaction, how: str, ready: _Ready, arguments: list[Any]) -> sqlite3.Cursor:
    return _execute_text(tx, how, ready.text, arguments)


def _execute_text(tx: Transaction, how: str, text: str, arguments: list[Any]) -> sqlite3.Cursor:
    cursor = cast(sqlite3.Connection, tx.conn.connection.driver_connection).cursor()
    try:
        return cast(sqlite3.Cursor, getattr(cursor, how)(text, arguments))
    except sqlite3.Error as error:
        # As SQLAlchemy tells it: whoever repeats, halves or stops looks for these.
        raise DBAPIError.instance(text, None, error, sqlite3.Error) from error
