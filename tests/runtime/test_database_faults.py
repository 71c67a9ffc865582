"""A database that is locked, full or restarted: nobody is stopped, nothing is lost or doubtful."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from bench.postgres import Postgres
from engine.errors import TryAgainError
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import Envelope
from engine.operations.intake import IncomingEvent, take_in
from engine.store import events
from engine.store.database import Store
from engine.store.schema import migrate
from tests.runtime.stage import Stage, soundness

HELLO = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
  - tag: told
"""


def path_of(stage: Stage) -> Path:
    return Path(str(sa.make_url(stage.store.url).database))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program has the file, and knows nothing of our gate."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        yield
        foreign.execute("ROLLBACK")


def impatient(store: Store) -> None:
    """The driver waits ten seconds for a lock by itself; tests have no such time."""
    with store.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA busy_timeout = 20")


def full(store: Store, *, is_full: bool = True) -> None:
    """The file may not grow by one page any more, as on a disk that is full; or it may again."""
    with store.engine.connect() as conn:
        count = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {count if is_full else 2**30}")


def test_a_lock_of_another_program_delays_and_loses_nothing(sqlite_stage: Stage) -> None:
    """A backup that holds the file for a while: the intake answers late, and everything is kept."""
    stage = sqlite_stage
    stage.publish(hello=HELLO)
    impatient(stage.store)
    with locked(path_of(stage)), pytest.raises(TryAgainError):
        stage.event("form.submitted", id="one")
    assert stage.all(events.table) == []
    stage.event("form.submitted", id="one")
    stage.work()
    assert stage.run()["outcome"] == "completed"
    soundness(stage)


def test_what_was_sent_under_a_lock_is_told_once_the_lock_is_gone(sqlite_stage: Stage) -> None:
    """The sender knows what became of its mails, and insists on writing it: none is in doubt."""
    stage = sqlite_stage
    holding: list[threading.Thread] = []

    def hold() -> None:
        with locked(path_of(stage)):
            held.set()
            time.sleep(4)

    def lock_it(_: Envelope) -> None:
        if not holding:
            holding.append(threading.Thread(target=hold))
            holding[0].start()
            held.wait(5)

    held = threading.Event()
    stage.courier = Stage(stage.store, stage.clock, MemoryTransport(lock_it)).courier
    stage.publish(hello=HELLO)
    stage.crowd(5)
    impatient(stage.store)
    for batch in stage.open_batches():
        assert stage.deliver(batch).taken == 5
    holding[0].join()
    assert {job["state"] for job in stage.jobs()} == {"accepted"}


def _intake(stage: Stage) -> None:
    take_in(stage.store, [IncomingEvent("form.submitted", {"email": f"late{n}@example.com"})
                          for n in range(200)])  # fmt: skip


def _drive(stage: Stage) -> None:
    stage.advance()


@pytest.mark.parametrize("work", [_intake, _drive])
def test_a_full_disk_stops_nobody_and_leaves_no_half_of_anything(
    sqlite_stage: Stage, work: Callable[[Stage], None]
) -> None:
    """It fails as a whole; with room again, everything goes on by itself."""
    stage = sqlite_stage
    stage.publish(hello=HELLO)
    stage.crowd(100)
    before = len(stage.all(events.table))
    full(stage.store)
    with pytest.raises((OperationalError, TryAgainError), match="full"):
        work(stage)
    assert len(stage.all(events.table)) == before
    assert stage.jobs() == []
    assert not stage.runs(state="stopped")
    soundness(stage)
    full(stage.store, is_full=False)
    work(stage)
    stage.work()
    assert {run["outcome"] for run in stage.runs()} == {"completed"}
    soundness(stage)


@pytest.fixture
def server() -> Iterator[Postgres]:
    made = Postgres()
    yield made
    made.close()


def test_a_postgresql_that_crashes_again_and_again_costs_only_time(server: Postgres) -> None:
    """What was accepted is there, each event enrolled once, every mail went once, none in doubt."""
    migrate(server.url)
    stage = Stage(Store(server.url))
    stage.publish(hello=HELLO)
    accepted: set[str] = set()
    over = threading.Event()

    def feed() -> None:
        for number in range(100):
            event = IncomingEvent(
                "form.submitted", {"email": f"lead{number}@example.com"}, id=f"form-{number}"
            )
            while f"form-{number}" not in accepted:
                with suppress(SQLAlchemyError, TryAgainError):
                    take_in(stage.store, [event])
                    accepted.add(f"form-{number}")
        over.set()

    feeder = threading.Thread(target=feed)
    feeder.start()
    crashes = 0
    while not over.is_set() or crashes < 2:
        with suppress(SQLAlchemyError, TryAgainError):
            for batch in stage.open_batches():
                crasher = threading.Thread(target=server.crash)
                if crashes < 2:
                    crashes += 1
                    crasher.start()
                stage.deliver(batch)
                if crasher.ident is not None:
                    crasher.join()
    feeder.join()
    stage.work()
    assert len(accepted) == len(stage.all(events.table, name="form.submitted")) == 100
    assert {run["outcome"] for run in stage.runs()} == {"completed"}
    assert len(stage.runs()) == 100
    went = [one.message_id for one in stage.transport.sent]
    assert len(set(went)) == len(went)
    assert {job["state"] for job in stage.jobs()} <= {"accepted", "in_doubt"}
    soundness(stage)
    stage.store.close()
