"""A real browser, and the application on a port of its own for it to look at."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--no-first-run",
]  # fmt: skip

NEEDS_CHROMIUM = [
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="no Chromium: install it, or set CHROMIUM to its path"
    ),
    pytest.mark.xdist_group("chromium"),
]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Where the application can be reached while the block lasts."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="error", lifespan="off", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def opened() -> Iterator[Any]:
    """Chromium, as the system has it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="install 'playwright'")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()
