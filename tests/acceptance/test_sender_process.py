"""The worker's senders: processes of their own that come back, drain, and never stay behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import shapes
from bench.arena import Arena
from bench.mail_rate import whole_path
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
