"""The port on which a worker gives its metrics and tells its health: `/healthz` and `/readyz`.

It answers from a thread of its own, so that a busy worker is still seen, and one that hangs is told
from one that is busy. Neither health asks the database or Temporal: when those are away, starting a
worker again helps nobody.
"""

import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from engine.addresses import Address
from engine.errors import EnvironmentFault

_PATIENCE = 2.0
_HANGS_AFTER = 60.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Condition:
    """How a worker is: its event loop says so, threads read it.

    Args:
        clock: seconds that never go back.
    """

    clock: Callable[[], float] = time.monotonic
    is_ready: bool = False
    """Whether it takes work: not before it is connected, and not any more while it drains."""
    _turned: float = field(init=False)

    def __post_init__(self) -> None:
        self.turn()

    def turn(self) -> None:
        """To be called from the event loop, every few seconds."""
        self._turned = self.clock()

    @property
    def lives(self) -> bool:
        """Whether the loop has turned within the last minute."""
        return self.clock() - self._turned < _HANGS_AFTER


@contextmanager
def metrics_port(
    address: Address, page: Callable[[], bytes], kind: str, condition: Condition | None = None
) -> Iterator[None]:
    """Serves `page` there until the block is left.

    Args:
        address: where to listen.
        page: makes the page anew for each request; called from threads.
        kind: its content type.
        condition: what the two healths tell; None: that all is well.

    Raises:
        EnvironmentFault: the address cannot be listened on.
    """
    try:
        server = _server(address, _handler(page, kind, condition or Condition(is_ready=True)))
    except OSError as error:
        raise EnvironmentFault(
            f"metrics cannot be given on '{address}': {error.strerror or error}",
            help="set LONGPLAY_METRICS_PORT to a free port",
        ) from error
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def spare_address() -> str:
    """An address on loopback where nobody listens yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def page_of(address: str) -> bytes:
    """The metrics that another part of this process gives there; none when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=_PATIENCE) as answer:
            found: bytes = answer.read()
            return found
    except (urllib.error.URLError, OSError):
        return b""


def _server(address: Address, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET

    class Server(ThreadingHTTPServer):
        address_family = family
        daemon_threads = True

    return Server((address.host, address.port), handler)


def _handler(
    page: Callable[[], bytes], kind: str, condition: Condition
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics" | "/":
                    self._give_page()
                case "/healthz":
                    self._tell(condition.lives)
                case "/readyz":
                    self._tell(condition.lives and condition.is_ready)
                case _:
                    self.send_error(404)

        def _give_page(self) -> None:
            try:
                body = page()
            except Exception:
                _log.exception("the metrics cannot be told")
                self.send_error(500)
                return
            self._answer(200, kind, body)

        def _tell(self, ok: bool) -> None:
            body = json.dumps({"ok": ok}).encode()
            self._answer(200 if ok else 503, "application/json", body)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: being watched is no news."""

    return Handler
