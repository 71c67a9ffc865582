"""`longplay-health`: what Docker asks whether a container's process is well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.addresses import Address
from engine.metrics_port import Condition, metrics_port, spare_address

SCRIPT = Path(__file__).parents[2] / "deploy" / "health.py"


def asked(kind: str, **settings: str) -> int:
    environment = {"PATH": os.environ["PATH"], **settings}
    command = [sys.executable, "-IS", str(SCRIPT), kind]
    return subprocess.run(command, env=environment, timeout=30, check=False).returncode


def test_a_worker_is_asked_at_its_metrics_port() -> None:
    """Well, ill, and gone."""
    host, _, port = spare_address().rpartition(":")
    condition = Condition()
    with metrics_port(Address(host, int(port)), bytes, "text/plain", condition):
        assert asked("worker", LONGPLAY_METRICS_PORT=port) == 0
        condition.clock = lambda: 10.0**9
        assert asked("worker", LONGPLAY_METRICS_PORT=port) == 1
    assert asked("worker", LONGPLAY_METRICS_PORT=port) == 1


@pytest.mark.parametrize("address", ["0.0.0.0:{}", "127.0.0.1:{}"])
def test_a_web_server_is_asked_where_it_listens(address: str) -> None:
    """Whatever the address, from within its container it is on the loopback."""
    host, _, port = spare_address().rpartition(":")
    with metrics_port(Address(host, int(port)), bytes, "text/plain"):
        assert asked("web", LONGPLAY_WEB_ADDRESS=address.format(port)) == 0
