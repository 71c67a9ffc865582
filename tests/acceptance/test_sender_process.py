"""The worker's senders: processes of their own that come back, drain, and never stay behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench import shapes
from bench.arena import Arena
from bench.client import Web
from bench.mail_rate import whole_path
from engine.store.database import Store
from worker import CHILDREN

pytestmark = pytest.mark.xdist_group("house")


@pytest.fixture
def arena() -> Iterator[Arena]:
    with Arena() as made:
        made.write(shapes.files_of_one_mail())
        made.start_temporal()
        made.start_sink()
        yield made


def senders_of(arena: Arena) -> list[int]:
    """The process ids of the worker's senders, once all are there."""
    worker = arena.processes["worker"].pid
    until(lambda: len(children(worker)) == CHILDREN)
    return children(worker)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def is_gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def until(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes: needs Linux")
def test_a_sender_that_dies_comes_back_and_none_outlives_its_worker(arena: Arena) -> None:
    """Mail goes on after a kill -9 of the sender; a worker's end, however sudden, is its too."""
    store = arena.publish()
    arena.start_worker()
    first = senders_of(arena)
    whole_path(arena, store, 40, 1)
    os.kill(first[0], signal.SIGKILL)
    until(lambda: first[0] not in senders_of(arena))
    whole_path(arena, store, 40, 2)
    second = senders_of(arena)
    arena.processes["worker"].send_signal(signal.SIGTERM)
    assert arena.processes["worker"].wait(15) == 0
    assert all(is_gone(each) for each in second)
    arena.start_worker()
    third = senders_of(arena)
    arena.processes["worker"].kill()
    until(lambda: all(is_gone(each) for each in third), 15)
    assert len(arena.accepted()) == 80
    store.close()


def states(store: Store) -> dict[str, int]:
    query = sa.text("SELECT state, count(*) FROM job GROUP BY state")
    return store.read(lambda tx: {row[0]: int(row[1]) for row in tx.conn.execute(query)})


def test_a_worker_that_is_told_to_end_leaves_nothing_in_doubt() -> None:
    """SIGTERM while it sends: what is in flight arrives and is recorded, the rest waits."""
    mails = 150
    with Arena() as arena:
        arena.write(shapes.files_of_one_mail())
        arena.start_temporal()
        arena.start_sink(delay=0.05)
        store = arena.publish()
        arena.start_web()
        arena.start_worker()
        leads = [{"email": f"lead{n}@example.com"} for n in range(mails)]
        Web(arena.web_port).post_events(
            [{"name": "form.submitted", "id": each["email"], "lead": each} for each in leads]
        )
        until(lambda: states(store).get("accepted", 0) > 0, 60)
        arena.processes["worker"].send_signal(signal.SIGTERM)
        assert arena.processes["worker"].wait(30) == 0
        left = states(store)
        assert set(left) <= {"accepted", "queued"}
        assert len(arena.accepted()) == left["accepted"]
        arena.start_worker()
        until(lambda: states(store) == {"accepted": mails}, 90)
        assert len(arena.accepted()) == mails
        store.close()
