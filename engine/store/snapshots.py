"""Copies of SQLite files that are in use: the store's and the embedded Temporal's, at one moment.

The store's gate is held while a picture of each file is opened, which takes milliseconds: no write
of ours comes between the two. Then the gate is let go, and the pictures are copied at leisure, by
SQLite's backup API; whoever reads and writes meanwhile does not notice.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from engine.errors import EnvironmentFault
from engine.store.database import Store

_PAGES = 2_000
_PATIENCE = 30.0


def copy_at_once(
    store: Store,
    files: Sequence[tuple[Path, Path]],
    *,
    tell: Callable[[int, int], None] = lambda done, every: None,
) -> datetime:
    """Copies SQLite files as they are at one moment.

    Args:
        store: whose gate is held meanwhile; one of the files is its own.
        files: from, to; no `to` may exist.
        tell: hears how many pages are copied, of how many.

    Returns:
        the moment.

    Raises:
        EnvironmentFault: one of them cannot be read as a database.
    """
    with ExitStack() as stack:
        opened = [(stack.enter_context(_opened(source)), target) for source, target in files]
        # The gate is that of `write`; nothing is written in it.
        moment = store.write(lambda tx: _pictures(opened, tx.now), alone=True)
        every = sum(_pages(source) for source, _ in opened)
        done = 0
        for source, target in opened:
            _copy(source, target, partial(_told, tell, done, every))
            done += _pages(source)
    return moment


def counts(path: Path) -> dict[str, int]:
    """How many rows each table of a file has.

    Raises:
        EnvironmentFault: it is no sound database.
    """
    with _opened(path) as found:
        names = found.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: int(found.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
            for (name,) in sorted(names)
        }


def require_sound(path: Path) -> None:
    """Passes when SQLite finds nothing wrong with the file.

    Raises:
        EnvironmentFault: it does.
    """
    with _opened(path) as found:
        try:
            said = found.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            said = str(error)
    if said != "ok":
        raise EnvironmentFault(f"'{path.name}' is damaged: {said}", help="take another archive")


def revision(path: Path) -> str:
    """The revision of a store's file; empty when it has none."""
    with _opened(path) as found:
        try:
            row = found.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return ""
    return str(row[0]) if row else ""


def mailed_in(path: Path) -> Iterator[str]:
    """The ids of the messages that another store's file knows to have been taken by a server.

    Raises:
        EnvironmentFault: it is no store.
    """
    with _opened(path) as found:
        try:
            rows = found.execute(
                "SELECT id FROM job WHERE kind = 'email' AND accepted_at IS NOT NULL"
            )
            for (id,) in rows:
                yield str(id)
        except sqlite3.DatabaseError as error:
            raise EnvironmentFault(
                f"the ledger in '{path}' cannot be read: {error}",
                help="give the log of the mail server instead",
            ) from error


def last_sign_of_life(path: Path) -> datetime | None:
    """When a worker or a sender of this store last gave one; None: never, or nobody can say."""
    from engine.store.columns import _from_sqlite

    try:
        with _opened(path) as found:
            row = found.execute(
                "SELECT max(at) FROM heartbeat WHERE kind IN ('worker', 'sender')"
            ).fetchone()
    except (sqlite3.DatabaseError, EnvironmentFault):
        return None
    return _from_sqlite(row[0]) if row else None


def _told(tell: Callable[[int, int], None], before: int, every: int, left: int, all: int) -> None:
    tell(before + all - left, every)


def _pictures(opened: Sequence[tuple[sqlite3.Connection, Path]], now: datetime) -> datetime:
    for source, _ in opened:
        if source.in_transaction:
            source.rollback()  # the gate's transaction is done anew
        source.execute("BEGIN")
        # A transaction has its picture from its first look on.
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return now


def _copy(source: sqlite3.Connection, target: Path, tell: Callable[[int, int], None]) -> None:
    try:
        with closing(sqlite3.connect(target)) as copy:
            source.backup(
                copy, pages=_PAGES, progress=lambda _status, left, every: tell(left, every), sleep=0
            )
            # A copy stands alone: no log beside it.
            copy.execute("PRAGMA journal_mode=DELETE").fetchone()
        target.chmod(0o600)
    except sqlite3.Error as error:
        raise EnvironmentFault(
            f"'{target.parent}' cannot take the copy: {error}", help="is the disk full?"
        ) from error


def _pages(source: sqlite3.Connection) -> int:
    return int(source.execute("PRAGMA page_count").fetchone()[0])


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, to a file that is there."""
    try:
        # Read-write, because a log that a killed process left can only be read so.
        found = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_PATIENCE,
            isolation_level=None, check_same_thread=False,
        )  # fmt: skip
        found.execute("PRAGMA query_only=ON")
        found.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise EnvironmentFault(f"'{path}' cannot be read as a database: {error}") from error
    with closing(found):
        yield found
