"""The worker's sender: a process of its own that comes back, drains, and never stays behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import shapes
from bench.arena import Arena
from bench.mail_rate import whole_path


@pytest.fixture
def arena() -> Iterator[Arena]:
    with Arena() as made:
        made.write(shapes.files_of_one_mail())
        made.start_temporal()
        made.start_sink()
        yield made


def sender_of(arena: Arena) -> int:
    """The process id of the worker's sender, once there is one."""
    worker = arena.processes["worker"].pid
    until(lambda: len(children(worker)) == 1)
    return children(worker)[0]


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
    first = sender_of(arena)
    whole_path(arena, store, 40, 1)
    os.kill(first, signal.SIGKILL)
    until(lambda: children(arena.processes["worker"].pid) not in ([], [first]))
    whole_path(arena, store, 40, 2)
    second = sender_of(arena)
    arena.processes["worker"].send_signal(signal.SIGTERM)
    assert arena.processes["worker"].wait(15) == 0
    assert is_gone(second)
    arena.start_worker()
    third = sender_of(arena)
    arena.processes["worker"].kill()
    until(lambda: is_gone(third), 15)
    assert len(arena.accepted()) == 80
    store.close()
