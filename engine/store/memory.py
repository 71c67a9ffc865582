"""A store that lives in memory and is thrown away: for rehearsals, never for what must last.

It is SQLite without a file: the same tables, the same statements, one connection. What it held at
a moment can be kept and taken up again, which costs less than filling it anew.
"""

import importlib
import pkgutil
import sqlite3
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import StaticPool
from sqlmodel import SQLModel

import engine.store
from engine.store.database import Clock, Store, Transaction, add_functions

T = TypeVar("T")


class MemoryStore(Store):
    """A store in memory, with every table, and empty.

    Args:
        clock: the clock that its transactions go by; there is no other.
    """

    def __init__(self, clock: Clock) -> None:
        self.url = "sqlite://"
        self.is_sqlite = True
        self._clock = clock
        self._listeners = []
        self._one_at_a_time = threading.RLock()
        self._readers = self._writers = _engine()
        _schema().backup(self._connection())

    def write(self, work: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Runs `work` in one transaction; what it raises undoes it."""
        with self._one_at_a_time:
            answer, nudges = self._attempt(work)
        if nudges:
            for listener in self._listeners:
                listener(frozenset(nudges))
        return answer

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` in one read transaction."""
        with self._one_at_a_time:
            return super().read(work)

    def keep(self) -> sqlite3.Connection:
        """A copy of everything as it is now, for `take_up`."""
        kept = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection().backup(kept)
        return kept

    def take_up(self, kept: sqlite3.Connection) -> None:
        """Goes back to what was kept."""
        kept.backup(self._connection())

    def _connection(self) -> sqlite3.Connection:
        raw = self._writers.raw_connection()
        try:
            return cast(sqlite3.Connection, raw.driver_connection)
        finally:
            raw.close()


def _engine() -> sa.Engine:
    engine = sa.create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        add_functions(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


@cache
def _schema() -> sqlite3.Connection:
    """An empty database with every table: made once a process."""
    for module in pkgutil.iter_modules(engine.store.__path__):
        if module.name.endswith("tables"):
            importlib.import_module(f"engine.store.{module.name}")
    made = sqlite3.connect(":memory:", check_same_thread=False)
    maker = sa.create_engine("sqlite://", poolclass=StaticPool, creator=lambda: made)
    SQLModel.metadata.create_all(maker, checkfirst=False)
    return made
