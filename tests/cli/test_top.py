"""`longplay top`: one picture for scripts and logs, a live one for people."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.operations import braking, heartbeats
from engine.store.database import Store
from tests.cli.conftest import Longplay

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(workspace: Path) -> Store:
    return Store(f"sqlite:///{workspace}/.longplay/longplay.db")


@pytest.fixture
def busy(longplay: Longplay, ann: str, store: Store) -> Longplay:
    """A workspace with somebody due, a brake, and two processes at work."""
    detail = json.dumps({"build": "longplay-0.1", "steps": 1200, "mails": 0})
    heartbeats.beat(store, "机器一:101", "worker", detail)
    detail = json.dumps({"build": "longplay-0.1", "steps": 0, "mails": 340})
    heartbeats.beat(store, "a-host-with-a-very-long-name.example.internal:102", "sender", detail)
    braking.pull(store, "trial-nurture", actor="test")
    store.close()
    return longplay


def test_one_picture_says_what_there_is(busy: Longplay) -> None:
    """Playbooks with who is due, rates, the brake, and processes."""
    said = busy("top", "--once")
    assert said.status == 0, said.err
    row = next(line for line in said.out.splitlines() if line.startswith("trial-nurture"))
    assert row.split()[1:4] == ["1", "–", "1"]
    assert "last minute: 1,200 steps, 340 mails" in said.out
    assert "the brake is on for trial-nurture: no mail leaves" in said.out
    assert "机器一:101" in said.out and "longplay-0.1" in said.out


@pytest.mark.parametrize("width", [80, 100])
def test_it_fits_a_terminal(busy: Longplay, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """No line is wider, a Chinese character counting two columns."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = busy("top", "--once").out.splitlines()
    assert max(map(cell_len, lines)) <= width
    rows = [line for line in lines if re.search(r" (worker|sender) ", line)]
    assert len({cell_len(line[: re.search(r"worker|sender", line).start()]) for line in rows}) == 1  # type: ignore[union-attr]


def test_a_pipe_gets_one_plain_picture(busy: Longplay) -> None:
    """No colors, no control characters, and an end."""
    said = busy("top")
    assert "\x1b" not in said.out and "trial-nurture" in said.out


def test_json_holds_it_all(busy: Longplay) -> None:
    """The numbers of the picture, and nothing of a person."""
    said = busy("top", "--json")
    found = said.json
    (book,) = [one for one in found["playbooks"] if one["playbook"] == "trial-nurture"]
    assert (book["open"], book["due"], book["stopped"]) == (1, 1, 0)
    assert found["brake"] == ["trial-nurture"]
    assert {one["kind"] for one in found["processes"]} == {"worker", "sender"}
    assert found["steps_last_minute"] == 1200 and found["mails_last_minute"] == 340
    assert "ann" not in said.out


def test_a_silent_process_is_not_shown(busy: Longplay, store: Store) -> None:
    """One that gave no sign of life for a minute is gone; one that says nonsense is there."""
    heartbeats.beat(store, "odd:1", "worker", "{no json")
    with store.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE heartbeat SET at = at - 61000000 WHERE kind = 'sender'")
    store.close()
    said = busy("top", "--once")
    assert "odd:1" in said.out and "a-host-with" not in said.out


def test_nothing_published_and_nobody_there(bare: Longplay, workspace: Path) -> None:
    """An empty house is said to be empty."""
    said = bare("-C", str(workspace), "top", "--once")
    assert "nobody has entered a playbook yet" in said.out
    assert "no worker has been seen within the last minute" in said.out


def test_live_it_is_drawn_again_and_ctrl_c_ends_it(workspace: Path) -> None:
    """On a terminal it goes on until Ctrl-C, which is no fault; NO_COLOR takes the colors away."""
    near, far = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cli", "-C", str(workspace), "top", "--every", "0.5"],
        stdin=far, stdout=far, stderr=far, cwd=workspace, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "NO_COLOR": "1",
             "COLUMNS": "80", "LINES": "24"},
    )  # fmt: skip
    os.close(far)
    said = b""
    deadline = time.monotonic() + 30
    while said.count(b"last minute") < 3 and time.monotonic() < deadline:
        said += os.read(near, 65536)
    process.send_signal(signal.SIGINT)
    try:
        while chunk := os.read(near, 65536):
            said += chunk
    except OSError:
        pass  # its end of the terminal is closed
    os.close(near)
    assert process.wait(20) == 0, said.decode(errors="replace")
    assert said.count(b"last minute") >= 3
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", said)
