"""`longplay up`, for real: a fresh workspace becomes a running house, and nothing is lost."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("house")  # few houses at a time are load enough

GREETING = "Longplay is up."


class House:
    """`longplay up` in a folder, on ports of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith("LONGPLAY_")
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli", "-C", str(folder), "up"],
                env={**clean, "PYTHONPATH": str(ROOT), **settings},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until_up(self, times: int = 1) -> None:
        until(lambda: self.said().count(GREETING) >= times or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


def ports() -> dict[str, str]:
    """Settings with ports that are free now."""
    with socket.socket() as web, socket.socket() as mail:
        for each in (web, mail):
            each.bind(("127.0.0.1", 0))
        return {
            "LONGPLAY_WEB_ADDRESS": f"127.0.0.1:{web.getsockname()[1]}",
            "LONGPLAY_CATCHER_PORT": str(mail.getsockname()[1]),
            "LONGPLAY_EMBEDDED_TEMPORAL_PORT": str(a_port_with_room_above()),
        }


def a_port_with_room_above() -> int:
    """A free port that still has a port 1000 above it, for Temporal's web UI."""
    while True:
        with socket.socket() as attempt:
            attempt.bind(("127.0.0.1", 0))
            port: int = attempt.getsockname()[1]
        if port < 64000:
            return port


def a_workspace(folder: Path) -> None:
    """The starter workspace, where there is none yet."""
    if not (folder / "longplay.yaml").exists():
        argv = [sys.executable, "-P", "-m", "cli", "init", str(folder)]
        subprocess.run(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
                       capture_output=True)  # fmt: skip


@contextmanager
def a_house(folder: Path, **settings: str) -> Iterator[House]:
    a_workspace(folder)
    house = House(folder, **settings)
    try:
        yield house
    finally:
        if house.process.poll() is None:
            house.end(signal.SIGTERM)


def until(condition: Callable[[], bool], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def is_healthy(settings: dict[str, str]) -> bool:
    try:
        url = f"http://{settings['LONGPLAY_WEB_ADDRESS']}/healthz"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_a_fresh_workspace_becomes_a_running_house(tmp_path: Path) -> None:
    """The addresses are printed once they answer, and Ctrl-C ends everything with status 0."""
    settings = ports()
    with a_house(tmp_path / "acme", **settings) as house:
        house.wait_until_up()
        assert is_healthy(settings)
        assert settings["LONGPLAY_WEB_ADDRESS"] in house.said()
        assert (house.folder / ".longplay" / "longplay.db").exists()
        assert (house.folder / ".longplay" / "temporal.db").exists()
        assert house.end() == 0
        assert not is_healthy(settings)
        assert "Traceback" not in house.said()


def test_a_killed_house_can_be_started_again_at_once(tmp_path: Path) -> None:
    """After kill -9 the next start waits for what was left, on the same ports and files."""
    settings = ports()
    with a_house(tmp_path / "acme", **settings) as first:
        first.wait_until_up()
        first.process.kill()
        first.process.wait()
        with a_house(tmp_path / "acme", **settings) as second:
            second.wait_until_up(times=2)
            assert is_healthy(settings)


def test_two_houses_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Two folders with different ports run side by side; one ends without the other."""
    ours, theirs = ports(), ports()
    with a_house(tmp_path / "one", **ours) as one, a_house(tmp_path / "two", **theirs) as two:
        one.wait_until_up()
        two.wait_until_up()
        assert one.end() == 0
        assert is_healthy(theirs)
        assert not is_healthy(ours)


def test_a_second_start_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """It says which process runs there, with exit status 2, and the first goes on."""
    settings = ports()
    with a_house(tmp_path / "acme", **settings) as first:
        first.wait_until_up()
        second = House(tmp_path / "acme", **ports())
        assert second.process.wait(timeout=60) == 2
        assert f"(process {first.process.pid})" in second.said()
        assert is_healthy(settings)


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    """The setting is named with a free port, and no file of a server is made."""
    settings = ports()
    host, port = settings["LONGPLAY_WEB_ADDRESS"].split(":")
    with socket.socket() as squatter:
        squatter.bind((host, int(port)))
        squatter.listen()
        (tmp_path / "acme").mkdir()
        a_workspace(tmp_path / "acme")
        house = House(tmp_path / "acme", **settings)
        assert house.process.wait(timeout=60) == 2
    assert f"port '{port}' is taken by another program (LONGPLAY_WEB_ADDRESS)" in house.said()
    assert not (house.folder / ".longplay" / "temporal.db").exists()
