"""The supervisor with real, tiny children: order, revival, and that nothing outlives it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("house")

ROOT = Path(__file__).parents[2]

# A child that tells of its start and of its end; `ends` says what it does of SIGTERM.
CHILD = """
import os, signal, sys, time
name, ends, book = sys.argv[1:]
def tell(what):
    with open(book, "a") as file:
        file.write(f"{name} {what} {os.getpid()}\\n")
def end(*_):
    tell("ended")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if ends == "never" else end)
tell("started")
print("hello from", name)
if ends == "crash":
    sys.exit(7)
if ends == "hopeless":
    print("LONGPLAY_LOG is wrong")
    sys.exit(2)
time.sleep(60)
"""

DRIVER = """
import os, sys
from datetime import timedelta
from pathlib import Path
from engine.embedded.child import ChildSpec
from engine.embedded.supervisor import run_until_stopped
from engine.embedded.voice import Voice
from engine.errors import EnvironmentFault
home, child, *names = sys.argv[1:]
def start(supervisor):
    for name in names:
        name, _, ends = name.partition("=")
        supervisor.start(ChildSpec(
            name=name,
            argv=(sys.executable, "-u", child, name, ends or "asked", f"{home}/book"),
            environment=dict(os.environ),
            drain=timedelta(seconds=1),
            hopeless=frozenset({2}),
        ))
    supervisor.wait_until_ready()
try:
    run_until_stopped(Path(home), Voice(), start)
except EnvironmentFault as fault:
    print(fault)
    sys.exit(fault.exit_status)
"""


class House:
    """A supervisor under test, in a folder of its own."""

    def __init__(self, home: Path, children: tuple[str, ...]) -> None:
        self.home = home
        (home / "child.py").write_text(CHILD)
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", DRIVER, str(home), str(home / "child.py"), *children],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def book(self) -> list[tuple[str, str, int]]:
        """What the children told: name, what happened, process id."""
        path = self.home / "book"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(name, what, int(pid)) for name, what, pid in map(str.split, lines)]

    def told(self, what: str) -> list[str]:
        """The names of the children that told `what`, in order."""
        return [name for name, told, _ in self.book() if told == what]

    def pids(self) -> list[int]:
        """Every process that was ever started."""
        return [pid for _, what, pid in self.book() if what == "started"]

    def end(self, number: signal.Signals) -> str:
        """Sends a signal, and answers what was said."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)[0]


@contextmanager
def a_house(home: Path, *children: str) -> Iterator[House]:
    house = House(home, children)
    try:
        yield house
    finally:
        if house.process.poll() is None:
            house.process.kill()
        house.process.communicate()
        until(lambda: not any(is_alive(pid) for pid in house.pids()))


def until(condition: Callable[[], bool], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # an orphan that no init buried is dead all the same
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_children_end_in_reverse_order(tmp_path: Path, number: signal.Signals) -> None:
    """What was started last is ended first, and everything is ended."""
    with a_house(tmp_path, "temporal", "worker", "web") as house:
        until(lambda: len(house.told("started")) == 3)
        said = house.end(number)
        assert house.told("ended") == ["web", "worker", "temporal"]
        assert house.process.returncode == 0
        assert "stopped; nothing is lost" in said
        assert "worker   │ hello from worker" in said


def test_a_child_that_will_not_end_is_killed(tmp_path: Path) -> None:
    """After its time to drain a child is killed, and the others still end in order."""
    with a_house(tmp_path, "temporal", "worker=never") as house:
        until(lambda: len(house.told("started")) == 2)
        said = house.end(signal.SIGTERM)
        assert "'worker' did not end in time" in said
        assert house.told("ended") == ["temporal"]
        assert not any(is_alive(pid) for pid in house.pids())


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """Who presses Ctrl-C twice does not wait for the drain."""
    with a_house(tmp_path, *[f"worker{number}=never" for number in range(4)]) as house:
        until(lambda: len(house.told("started")) == 4)
        house.process.send_signal(signal.SIGINT)
        time.sleep(0.3)  # two signals at once would count as one
        asked = time.monotonic()
        house.end(signal.SIGINT)
        assert time.monotonic() - asked < 2  # four drains would take four seconds


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    """A killed worker comes back under a new number, and it is said."""
    with a_house(tmp_path, "temporal", "worker") as house:
        until(lambda: len(house.told("started")) == 2)
        (worker,) = (pid for name, _, pid in house.book() if name == "worker")
        os.kill(worker, signal.SIGKILL)
        until(lambda: house.told("started")[2:] == ["worker"])
        said = house.end(signal.SIGTERM)
        assert "'worker' ended (signal 9); starting it again in 0.5 s" in said
        assert house.told("ended") == ["worker", "temporal"]


def test_a_child_that_cannot_work_here_ends_everything(tmp_path: Path) -> None:
    """A wrong environment is not tried again: all is stopped, with the child's own words."""
    with a_house(tmp_path, "temporal", "web=hopeless") as house:
        said, _ = house.process.communicate(timeout=30)
        assert house.process.returncode == 2
        assert "'web' cannot work here (exit status 2)" in said.split("its last lines were")[0]
        assert "LONGPLAY_LOG is wrong" in said.split("its last lines were")[1]
        assert not any(is_alive(pid) for pid in house.pids())


@pytest.mark.parametrize("ends", ["asked", "never"])
def test_no_child_outlives_a_killed_supervisor(tmp_path: Path, ends: str) -> None:
    """After kill -9 the guard ends the children; the stubborn ones are killed."""
    with a_house(tmp_path, f"temporal={ends}", f"worker={ends}") as house:
        until(lambda: len(house.told("started")) == 2)
        house.process.kill()
        house.process.wait()
        until(lambda: not any(is_alive(pid) for pid in house.pids()))
        assert set(house.told("ended")) == ({"worker", "temporal"} if ends == "asked" else set())


def test_a_second_one_in_the_same_home_is_refused(tmp_path: Path) -> None:
    """One home, one `up`: the second says which process holds it, and touches nothing."""
    with a_house(tmp_path, "worker") as first:
        until(lambda: len(first.told("started")) == 1)
        second = House(tmp_path, ("worker",))
        said, _ = second.process.communicate(timeout=30)
        assert second.process.returncode == 2
        assert f"already running in '{tmp_path}' (process {first.process.pid})" in said
        assert first.told("started") == ["worker"]


def test_a_restart_after_a_kill_waits_for_what_was_left(tmp_path: Path) -> None:
    """Started again right after kill -9, nothing runs twice: the old children end first."""
    with a_house(tmp_path, "worker") as first:
        until(lambda: len(first.told("started")) == 1)
        first.process.kill()
        first.process.wait()
        with a_house(tmp_path, "worker") as second:
            until(lambda: len(second.told("started")) == 2)
            assert [what for _, what, _ in second.book()] == ["started", "ended", "started"]
            second.end(signal.SIGTERM)


def test_a_restart_ends_what_outlived_both_supervisor_and_guard(tmp_path: Path) -> None:
    """When the guard was killed, too, the next start ends the orphans before anything else."""
    with a_house(tmp_path, "temporal") as first:
        until(lambda: len(first.told("started")) == 1)
        found = subprocess.run(
            ["pgrep", "-P", str(first.process.pid), "-f", "guard.py"],
            capture_output=True,
            text=True,
            check=True,
        )
        os.kill(int(found.stdout), signal.SIGKILL)
        first.process.kill()
        first.process.wait()
        (orphan,) = first.pids()
        assert is_alive(orphan)
        with a_house(tmp_path, "temporal") as second:
            until(lambda: len(second.told("started")) == 2)
            assert not is_alive(orphan)
            assert [what for _, what, _ in second.book()] == ["started", "ended", "started"]
            assert "a killed run had left behind" in second.end(signal.SIGTERM)


def test_a_strangers_process_is_never_ended(tmp_path: Path) -> None:
    """A number in the roll that now belongs to another program is left alone."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "children.json").write_text(f'{{"{stranger.pid}": "temporal server start-dev"}}')
    with a_house(tmp_path, "worker") as house:
        until(lambda: len(house.told("started")) == 1)
        house.end(signal.SIGTERM)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
