"""Copies of files in use: of one moment, whoever writes meanwhile."""

import sqlite3
import threading
from pathlib import Path

import pytest

from engine.errors import EnvironmentFault
from engine.store import snapshots
from engine.store.database import Store


def plain(path: Path, statement: str) -> int:
    with sqlite3.connect(path) as db:
        found = db.execute(statement).fetchone()
    db.close()
    return found[0] if found and isinstance(found[0], int) else 0


def test_both_files_are_of_one_moment_under_load(sqlite_store: Store, tmp_path: Path) -> None:
    """What a write of ours did to both is in both copies, or in neither; nobody waits for long."""
    store, other = sqlite_store, tmp_path / "temporal.db"
    own = Path(store.url.removeprefix("sqlite:///"))
    plain(other, "PRAGMA journal_mode=WAL")
    plain(other, "CREATE TABLE seen (n INTEGER)")
    with store.engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE seen (n INTEGER)")
    stop = threading.Event()

    def write() -> None:
        beside = sqlite3.connect(other, isolation_level=None)
        while not stop.is_set():
            # The second file is written within the first one's gate, as drivers do nothing before
            # the store has committed.
            def both(tx: object) -> None:
                tx.conn.exec_driver_sql("INSERT INTO seen VALUES (1)")  # type: ignore[attr-defined]
                beside.execute("INSERT INTO seen VALUES (1)")

            store.write(both)
        beside.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counted = []
        for n in range(5):
            copies = [(own, tmp_path / f"a{n}.db"), (other, tmp_path / f"b{n}.db")]
            snapshots.copy_at_once(store, copies)
            counted.append([plain(copy, "SELECT count(*) FROM seen") for _, copy in copies])
    finally:
        stop.set()
        writer.join()
    assert all(one == other for one, other in counted), counted
    assert [one for one, _ in counted] == sorted(one for one, _ in counted)


def test_a_copy_stands_alone_and_is_its_owners(sqlite_store: Store, tmp_path: Path) -> None:
    """No log beside it, sound, with the counts of then; told of as it goes."""
    own, copy = Path(sqlite_store.url.removeprefix("sqlite:///")), tmp_path / "copy.db"
    told: list[tuple[int, int]] = []
    snapshots.copy_at_once(sqlite_store, [(own, copy)], tell=lambda *one: told.append(one))
    assert [path.name for path in tmp_path.glob("copy.db*")] == ["copy.db"]
    assert copy.stat().st_mode & 0o777 == 0o600
    snapshots.require_sound(copy)
    assert snapshots.counts(copy)["lead"] == 0
    assert told[-1][0] == told[-1][1] > 0


@pytest.mark.parametrize("content", [b"", b"no database at all\n" * 100], ids=["empty", "text"])
def test_what_is_no_database_is_told_by_name(
    sqlite_store: Store, tmp_path: Path, content: bytes
) -> None:
    """An empty file is an empty database to SQLite, and no store to us."""
    path = tmp_path / "x.db"
    path.write_bytes(content)
    if content:
        with pytest.raises(EnvironmentFault, match=r"'.*x\.db' cannot be read as a database"):
            snapshots.counts(path)
        assert snapshots.last_sign_of_life(path) is None
    else:
        assert snapshots.revision(path) == ""
        with pytest.raises(EnvironmentFault, match="the ledger"):
            list(snapshots.mailed_in(path))
