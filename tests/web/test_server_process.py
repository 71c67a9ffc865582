"""The server as a process of its own: up without Temporal, down in order, clear about a port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from engine.store.database import Store
from engine.store.enrollments import cohort_table

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
from engine.settings import load_settings
from engine.errors import EnvironmentFault
from web.server import serve

async def connect():
    raise EnvironmentFault("Temporal does not answer at 'nowhere'")

try:
    serve(load_settings(Path(sys.argv[1])), connect)
except EnvironmentFault as fault:
    sys.exit(f"{fault}")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path, store: Store, port: int) -> subprocess.Popen[str]:
    """The server, of this store, in a folder of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LONGPLAY_DATABASE_URL": store.url,
        "LONGPLAY_WEB_ADDRESS": f"127.0.0.1:{port}",
    }
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def server(workspace: Store, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server and its address."""
    port = free_port()
    with start(tmp_path, workspace, port) as process:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            try:
                httpx2.get(f"{address}/healthz")
                break
            except httpx2.TransportError:
                time.sleep(0.05)
        yield process, address
        process.kill()


def test_events_are_accepted_while_temporal_is_down(
    server: tuple[subprocess.Popen[str], str], workspace: Store
) -> None:
    """Committed, and due: the sweeper of whichever worker comes back will find it."""
    process, address = server
    event = {"name": "form.submitted", "lead": {"email": "ann@example.com"},
             "properties": {"form": "trial"}}  # fmt: skip
    assert httpx2.post(f"{address}/v1/events", json=event).status_code == 202
    ready = httpx2.get(f"{address}/readyz")
    assert (ready.status_code, ready.json()["checks"]["temporal"]) == (200, False)
    query = cohort_table.select()
    assert len(workspace.read(lambda tx: tx.conn.execute(query).all())) == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_port_that_is_taken_is_named(workspace: Store, tmp_path: Path) -> None:
    """With the setting that says so, and no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start(tmp_path, workspace, port) as process:
            _, said = process.communicate(timeout=30)
    assert f"cannot listen on '127.0.0.1:{port}'" in said
    assert "LONGPLAY_WEB_ADDRESS" in said
    assert "Traceback" not in said
