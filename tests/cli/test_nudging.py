"""Telling Temporal: at most about a second, whatever is there or is not."""

import socket
import time
from collections.abc import Iterator

import pytest

from commands.nudging import is_there
from tests.cli.conftest import Longplay


@pytest.fixture
def mute_server() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_never_answers_holds_nobody_up(
    longplay: Longplay, mute_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is written; the sweeper will tell."""
    longplay("leads", "list")
    monkeypatch.setenv("LONGPLAY_EMBEDDED_TEMPORAL_PORT", str(min(mute_server, 64000)))
    began = time.monotonic()
    said = longplay(
        "event", "form.submitted", "--lead", "a@example.com", "--data", '{"form": "trial"}'
    )
    assert (said.status, "enrolled in trial-nurture" in said.out) == (0, True)
    assert time.monotonic() - began < 10
    assert said.err == ""


@pytest.mark.parametrize("target", ["127.0.0.1:1", "[::1]:1", "nowhere.invalid:7233", "x", "a:b"])
def test_nobody_at_home_is_found_out_at_once(target: str) -> None:
    """A port that is closed, a name that does not exist, an address that is none."""
    assert is_there(target) is False
