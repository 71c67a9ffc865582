"""The port that a worker's metrics are given on."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from engine.addresses import Address
from engine.errors import EnvironmentFault
from engine.metrics_port import Condition, metrics_port, page_of, spare_address

KIND = "text/plain; charset=utf-8"


def spare() -> Address:
    host, _, port = spare_address().rpartition(":")
    return Address(host, int(port))


def test_the_page_is_made_anew_each_time_and_ends_with_the_block() -> None:
    """Each request gets its own page; afterwards nobody listens."""
    asked = []

    def page() -> bytes:
        asked.append(1)
        return f"metric {len(asked)}\n".encode()

    address = spare()
    with metrics_port(address, page, KIND):
        assert page_of(str(address)) == b"metric 1\n"
        assert page_of(str(address)) == b"metric 2\n"
    assert page_of(str(address)) == b""


def test_nothing_else_is_there() -> None:
    """Another path is not found, and a page that fails does not end the server."""
    answers: Iterator[bytes | Exception] = iter([ValueError("broken"), b"well\n"])

    def page() -> bytes:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    address = spare()
    with metrics_port(address, page, KIND):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{address}/other", timeout=2)
        with pytest.raises(urllib.error.HTTPError, match="500"):
            urllib.request.urlopen(f"http://{address}/metrics", timeout=2)
        assert page_of(str(address)) == b"well\n"


def test_a_port_that_is_taken_is_told_with_its_setting() -> None:
    """The address, and the setting to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = Address("127.0.0.1", taken.getsockname()[1])
        with (
            pytest.raises(EnvironmentFault, match=str(address)) as fault,
            metrics_port(address, bytes, KIND),
        ):
            pass
        assert "LONGPLAY_METRICS_PORT" in fault.value.help


def status_of(address: Address, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_worker_lives_while_its_loop_turns_and_is_ready_while_it_takes_work() -> None:
    """One that is not connected lives and is not ready; one whose loop stands still is neither."""
    now = [100.0]
    condition = Condition(clock=lambda: now[0])
    address = spare()

    def both() -> tuple[int, int]:
        return status_of(address, "/healthz"), status_of(address, "/readyz")

    with metrics_port(address, bytes, KIND, condition):
        assert both() == (200, 503)
        condition.is_ready = True
        assert both() == (200, 200)
        now[0] += 61
        assert both() == (503, 503)
        condition.turn()
        assert both() == (200, 200)
