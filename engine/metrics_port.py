"""The port on which a worker gives its metrics: `GET /metrics`, and nothing else.

It answers from a thread of its own, so that a busy worker is still seen.
"""

import logging
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from engine.addresses import Address
from engine.errors import EnvironmentFault

_PATIENCE = 2.0
_log = logging.getLogger(__name__)


@contextmanager
def metrics_port(address: Address, page: Callable[[], bytes], kind: str) -> Iterator[None]:
    """Serves `page` there until the block is left.

    Args:
        address: where to listen.
        page: makes the page anew for each request; called from threads.
        kind: its content type.

    Raises:
        EnvironmentFault: the address cannot be listened on.
    """
    try:
        server = _server(address, _handler(page, kind))
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


def _handler(page: Callable[[], bytes], kind: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] not in {"/metrics", "/"}:
                self.send_error(404)
                return
            try:
                body = page()
            except Exception:
                _log.exception("the metrics cannot be told")
                self.send_error(500)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: being watched is no news."""

    return Handler
