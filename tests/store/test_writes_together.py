"""Writes of several threads on SQLite: committed together, failing alone."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from engine.store import suppressions
from engine.store.database import Store, Transaction

WRITERS = 6


def add(address: str) -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        suppressions.add(tx, address, reason="bounced")
        tx.nudges.add(address)
        return address

    return work


def addresses(store: Store) -> set[str]:
    listed = store.read(suppressions.listing)
    return {str(row["email_key"]) for row in listed}


def at_once(store: Store, works: list[Callable[[Transaction], str]]) -> list[Future[str]]:
    """Runs the works from a thread each, all of them waiting while another write is under way."""
    open_gate, is_writing = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        is_writing.set()
        open_gate.wait(10)

    with ThreadPoolExecutor(len(works) + 1) as threads:
        threads.submit(store.write, hold)
        is_writing.wait(10)
        found = [threads.submit(store.write, work) for work in works]
        while len(store._waiting) < len(works):
            pass
        open_gate.set()
    return found


def commits(store: Store) -> list[int]:
    """A list that grows by one with every commit."""
    made: list[int] = []
    sa.event.listen(store.engine, "commit", lambda _conn: made.append(1))
    return made


def test_writes_that_wait_are_committed_together(sqlite_store: Store) -> None:
    """Each thread gets its own answer, and the disk is waited for less often."""
    made, names = commits(sqlite_store), [f"lead{n}@example.com" for n in range(WRITERS)]
    nudged: list[str] = []
    sqlite_store.on_commit(nudged.extend)
    found = at_once(sqlite_store, [add(name) for name in names])
    assert [one.result() for one in found] == names
    assert addresses(sqlite_store) == set(nudged) == set(names)
    assert len(made) < WRITERS


def test_a_write_that_fails_undoes_nobody_elses(sqlite_store: Store) -> None:
    """The fault comes to the thread that made it; what it wrote is gone, the others' stands."""
    names = [f"lead{n}@example.com" for n in range(WRITERS)]

    def fail(tx: Transaction) -> str:
        suppressions.add(tx, "half@example.com", reason="bounced")
        raise ValueError("a fault of one")

    found = at_once(sqlite_store, [add(names[0]), fail, *map(add, names[1:])])
    with pytest.raises(ValueError, match="a fault of one"):
        found[1].result()
    assert addresses(sqlite_store) == set(names)


def test_a_long_write_shares_its_commit_with_nobody(sqlite_store: Store) -> None:
    """What runs alone never makes a short write wait for it."""
    made = commits(sqlite_store)
    sqlite_store.write(add("a@example.com"), alone=True)
    sqlite_store.write(add("b@example.com"), alone=True)
    assert len(made) == 2
