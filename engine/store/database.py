"""The database: opening it, and the one helper that every write passes.

On SQLite a write takes a thread lock, then a lock on a side file, then `BEGIN IMMEDIATE`: SQLite's
own waiting is unfair and starves the intake (runtime.md, "SQLite and PostgreSQL"). On PostgreSQL a
write is READ COMMITTED and is repeated as a whole when the server aborts it.
Writes of several threads that wait for SQLite's one writer are committed together, because each
commit waits for the disk; a write that fails is undone alone.
Nothing but statements may happen inside a write: no network, no rendering, no files.
"""

import fcntl
import math
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from engine import metrics
from engine.errors import EnvironmentFault, TryAgainError
from engine.playbook.conditions.sums import exact_sum
from engine.store import documents

T = TypeVar("T")
Clock = Callable[[], datetime]

_WRITE_ATTEMPTS = 8
_TOGETHER = 0.05
"""Seconds after which a commit takes no further write along: those before would wait too long."""

_READ_CACHE, _WRITE_CACHE = 8192, 16384
"""Kilobytes of pages that a connection to SQLite keeps. There are many that read, and what each of
them keeps a process never gives back; the system's own cache stands behind them."""

_RETRYABLE_SQLSTATES = ("40001", "40P01")
_TOO_LARGE = "54"
"""PostgreSQL's class of states for values beyond a limit: the only fault of a row among those
that drivers call operational."""

_PATIENCE = {
    "connect_timeout": 10, "keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4,
    "tcp_user_timeout": 40_000,
}  # fmt: skip
"""How soon we notice that PostgreSQL's machine is gone; an address may say otherwise."""

_BOUNDS = {
    "statement_timeout": "5min", "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "20", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "4",
}  # fmt: skip
"""How soon PostgreSQL notices that a machine of ours is gone, or hangs: until then the locks of its
transaction hold up everybody else. Nothing of ours takes a tenth of this."""

_thread_gates: dict[str, threading.Lock] = {}
_thread_gates_lock = threading.Lock()


def utc_now() -> datetime:
    """The machine's clock: what SQLite stores go by."""
    return datetime.now(UTC)


class StaleError(Exception):
    """What a transaction found before it had its locks is not so any more: it begins anew."""


@dataclass(slots=True)
class Transaction:
    """One open transaction.

    Attributes:
        conn: the connection that statements go through.
        now: the moment of this transaction, by the database's one clock.
        nudges: ids of cohorts to look at once this transaction has committed.
    """

    conn: Connection
    now: datetime
    nudges: set[str] = field(default_factory=set)

    @property
    def is_postgres(self) -> bool:
        """Whether rows can be locked one by one."""
        return self.conn.dialect.name == "postgresql"


class Store:
    """The database of one workspace, used from threads.

    Args:
        url: `sqlite:///PATH` or `postgresql://…`.
        clock: the clock that SQLite transactions go by; PostgreSQL's are its own.
    """

    def __init__(self, url: str, *, clock: Clock = utc_now, pool_size: int = 8) -> None:
        self.url = url
        self._clock = clock
        self._listeners: list[Callable[[frozenset[str]], None]] = []
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            self._path = Path(sa.make_url(url).database or "longplay.db")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._readers = _sqlite_engine(url, "BEGIN", pool_size, _READ_CACHE)
            self._writers = _sqlite_engine(url, "BEGIN IMMEDIATE", 1, _WRITE_CACHE)
            self._gate = _thread_gate(str(self._path.resolve()))
            self._waiting: deque[_Write[Any]] = deque()
        else:
            self._readers = self._writers = _postgres_engine(url, pool_size)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and for tests."""
        return self._writers

    def on_commit(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Calls `listener` with the cohorts to nudge, after each commit that named some."""
        self._listeners.append(listener)

    def write(self, work: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Runs `work` in one write transaction and commits it.

        Args:
            work: what to do; it may be run again, after all that it did was undone.
            alone: it takes long, so that no short write should have to wait for its commit.

        Raises:
            TryAgainError: the database stayed locked, or aborted the transaction too often.
        """
        if alone or not self.is_sqlite:
            with self._write_gate():
                answer, nudges = self._attempt(work)
        else:
            answer, nudges = self._write_together(_Write(work))
        if nudges:
            for listener in self._listeners:
                listener(frozenset(nudges))
        return answer

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` in one read transaction: one consistent picture, no locks."""
        with self._readers.begin() as conn:
            return work(Transaction(conn, self._now(conn)))

    def empty_log(self) -> None:
        """On SQLite: brings what its log holds into the file, so that the log tells no past.

        It does what it can while others read; whatever is left goes with the next one's log.
        """
        if self.is_sqlite:
            with self._write_gate(), self._writers.connect() as conn:
                raw = conn.connection.dbapi_connection
                assert raw is not None
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def close(self) -> None:
        """Closes every connection."""
        self._readers.dispose()
        self._writers.dispose()

    def _write_together(self, mine: "_Write[T]") -> tuple[T, set[str]]:
        """Whoever gets through the gate commits the writes of all who wait at it."""
        self._waiting.append(mine)
        try:
            while not mine.is_done:
                with self._write_gate():
                    if not mine.is_done:
                        self._commit_waiting()
        except BaseException:  # nobody waits for it any more, so nobody may do it later
            with suppress(ValueError):
                self._waiting.remove(mine)
            raise
        if mine.error is not None:
            raise mine.error
        return mine.answer, mine.nudges

    def _commit_waiting(self) -> None:
        taken: list[_Write[Any]] = []
        try:
            with self._writers.begin() as conn:
                until = time.monotonic() + _TOGETHER
                while self._waiting and (not taken or time.monotonic() < until):
                    taken.append(self._waiting.popleft())
                    taken[-1].run(Transaction(conn, self._now(conn)))
        except Exception as error:  # it is one's fault alone: the others must not fail with it
            if not taken and self._waiting:
                # It could not even begin: whoever is first finds out what that means for it.
                taken.append(self._waiting.popleft())
            if len(taken) == 1 and not _may_repeat(error):
                taken[0].error, taken[0].is_done = error, True
                return
            for one in taken:
                self._commit_alone(one)
            return
        except BaseException:
            self._waiting.extendleft(reversed(taken))
            raise
        for one in taken:
            one.is_done = True

    def _commit_alone(self, one: "_Write[Any]") -> None:
        try:
            one.answer, one.nudges = self._attempt(one.work)
        except Exception as error:
            one.error = error
        one.is_done = True

    def _attempt(self, work: Callable[[Transaction], T]) -> tuple[T, set[str]]:
        last: Exception | None = None
        for attempt in range(_WRITE_ATTEMPTS):
            try:
                with self._writers.begin() as conn:
                    tx = Transaction(conn, self._now(conn))
                    answer = work(tx)
                return answer, tx.nudges
            except (DBAPIError, StaleError) as error:
                if not _may_repeat(error):
                    raise
                last = error
                time.sleep(0.01 * 2**attempt)
        raise TryAgainError(f"the database refused a transaction {_WRITE_ATTEMPTS} times") from last

    def _now(self, conn: Connection) -> datetime:
        if self.is_sqlite:
            return self._clock()
        moment: datetime = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    @contextmanager
    def _write_gate(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        began = time.monotonic()
        with self._gate, _file_lock(self._path.with_suffix(self._path.suffix + ".gate")):
            metrics.GATE_WAIT.observe(time.monotonic() - began)
            yield


def add_functions(connection: Any) -> None:
    """Gives a connection of SQLite's driver the functions that conditions use."""
    connection.create_aggregate("longplay_total", 1, Total)
    try:
        connection.execute("SELECT pow(2.0, 0.5), ceil(0.5)").close()
    except sqlite3.OperationalError:  # built without its mathematics, as on some systems
        connection.create_function("pow", 2, math.pow, deterministic=True)
        connection.create_function("ceil", 1, _ceil, deterministic=True)


def _ceil(number: float | None) -> float | None:
    """As SQLite's own: NULL of NULL, and what has no end stays so."""
    if number is None or not math.isfinite(number):
        return number
    return float(math.ceil(number))


class Total:
    """SQLite's aggregate `longplay_total`: a sum as conditions have it; PostgreSQL sums exactly."""

    def __init__(self) -> None:
        self._amounts: list[int | float] = []

    def step(self, amount: int | float | None) -> None:
        """One row."""
        if amount is not None:
            self._amounts.append(amount)

    def finalize(self) -> float:
        """The sum; infinite when it is too large."""
        found = exact_sum(self._amounts)
        return math.inf if found is None else float(found)


class _Write(Generic[T]):
    """A write that waits for its commit, and what came of it."""

    answer: T

    def __init__(self, work: Callable[[Transaction], T]) -> None:
        self.work = work
        self.nudges: set[str] = set()
        self.error: Exception | None = None
        self.is_done = False

    def run(self, tx: Transaction) -> None:
        """Does it, within a transaction that others share."""
        self.answer, self.nudges = self.work(tx), tx.nudges


def _may_repeat(error: Exception) -> bool:
    if isinstance(error, StaleError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _RETRYABLE_SQLSTATES
    return isinstance(error, OperationalError) and "locked" in str(error.orig)


def is_away(error: SQLAlchemyError) -> bool:
    """Whether the database itself failed (connection, disk, shutdown), and no row is to blame."""
    if isinstance(error, OperationalError):
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            return False  # it is there, and found fault with the statement
        return not str(getattr(error.orig, "sqlstate", "")).startswith(_TOO_LARGE)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, InterfaceError | PoolTimeoutError)


def _thread_gate(path: str) -> threading.Lock:
    with _thread_gates_lock:
        return _thread_gates.setdefault(path, threading.Lock())


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sqlite_engine(url: str, begin: str, pool_size: int, cache: int) -> Engine:
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=8,
        connect_args={"check_same_thread": False, "timeout": 10},
        hide_parameters=True,  # an error's text goes into logs, and parameters are people's data
        json_serializer=documents.spell,
        json_deserializer=documents.read,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN is deferred; read-then-write under it fails at once as "locked".
        connection.isolation_level = None
        add_functions(connection)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            # Pages that are written again and again go to the file less often.
            "wal_autocheckpoint=4000",
            "busy_timeout=10000",
            f"cache_size=-{cache}",
            "temp_store=MEMORY",
            # What is deleted or overwritten is gone from the file, too: a lead that was erased.
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres_engine(url: str, pool_size: int) -> Engine:
    parsed = sa.make_url(url).set(drivername="postgresql+psycopg")
    given = {name: value for name, value in _PATIENCE.items() if name not in parsed.query}
    try:
        engine = sa.create_engine(
            parsed,
            # A server allows so many connections over all: a burst must not take more.
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            json_serializer=documents.spell,
            json_deserializer=documents.read,
            isolation_level="READ COMMITTED",
            connect_args=given,
        )
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            "PostgreSQL needs the 'psycopg' driver, which is not installed",
            help="in the folder of Longplay: .venv/bin/python -m pip install -e '.[postgres]'",
        ) from error

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in _BOUNDS.items()))
        connection.commit()

    return engine
