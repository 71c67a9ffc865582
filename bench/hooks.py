"""A web server that webhooks are sent to, and that is not to be relied on.

    python bench/hooks.py --port 8099 --log calls.tsv --rule once-500%0.1

For every call `seconds<TAB>action<TAB>webhook-id<TAB>path` is appended to the log, before it is
answered; action `-` is a plain 200. A rule is an action for a share of all paths, always the same
ones; of several the first that holds. Actions: a status such as 500 or 400; `429`, which also asks
for two seconds of patience; `drop` (logged, then the link is cut); `slow` (a second); `hang` (half
a minute). With `once-` before it an action befalls a path the first time only.
"""

import argparse
import os
import signal
import socket
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ONCE = "once-"
_WAITS = {"slow": 1.0, "hang": 30.0}


class Manners:
    """What befalls whom, and the log of it."""

    def __init__(self, log: str, rules: list[str]) -> None:
        self._rules = [
            (action, float(share)) for action, _, share in (r.partition("%") for r in rules)
        ]
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def take(self, id: str, path: str) -> str:
        """Logs a call, and answers what is to be done with it."""
        with self._lock:
            action = self._action(path)
            self._seen.add(path)
        os.write(self._log, f"{time.time():.3f}\t{action}\t{id}\t{path}\n".encode())
        return action

    def _action(self, path: str) -> str:
        place = zlib.crc32(path.encode()) / 0xFFFFFFFF
        action = next((action for action, share in self._rules if place < share), "-")
        if not action.startswith(ONCE):
            return action
        return "-" if path in self._seen else action.removeprefix(ONCE)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers are killed in these runs: a lost link is nothing to tell."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def handler(manners: Manners) -> type[BaseHTTPRequestHandler]:
    """The handler of one server's requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            return

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            action = manners.take(self.headers.get("webhook-id") or "-", self.path)
            time.sleep(_WAITS.get(action, 0.0))
            if action == "drop":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(int(action) if action.isdecimal() else 200)
            if action == "429":
                self.send_header("Retry-After", "2")
            body = b'{"ok": true}'
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main() -> None:
    options = argparse.ArgumentParser(description="a server of webhooks that misbehaves")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--log", required=True)
    options.add_argument("--rule", action="append", default=[], help="once-500%%0.1")
    given = options.parse_args()
    server = _Server(("127.0.0.1", given.port), handler(Manners(given.log, given.rule)))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever(0.1)


if __name__ == "__main__":
    main()
