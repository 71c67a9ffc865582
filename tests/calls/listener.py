"""A real HTTP server on loopback that answers as it is told, and remembers what it heard."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Heard:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """One answer: a status, or something ruder.

    `hangs` waits so many seconds before it answers; `drops` closes the link instead; `drips` sends
    the body byte by byte, with a pause after each.
    """

    status: int = 200
    body: bytes | str | Mapping[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: float = 0
    drops: bool = False
    drips: float = 0

    def bytes(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body, ensure_ascii=False).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Listener:
    """Answers with each of `says` in turn, the last one from then on; or as `judge` says."""

    def __init__(self, *says: Says, judge: Callable[[Heard], Says] | None = None) -> None:
        self.says = list(says) or [Says()]
        self.judge = judge
        self.heard: list[Heard] = []
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def next(self, heard: Heard) -> Says:
        if self.judge is not None:
            return self.judge(heard)
        with self.lock:
            return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    def waits(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def close(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            return

        def _any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(size)
            heard = Heard(self.command, self.path, headers, body, time.monotonic())
            with listener.lock:
                listener.heard.append(heard)
                listener.at_once += 1
                listener.most_at_once = max(listener.most_at_once, listener.at_once)
            try:
                self._answer(listener.next(heard))
            finally:
                with listener.lock:
                    listener.at_once -= 1

        def _answer(self, says: Says) -> None:
            if says.hangs:
                listener.waits(says.hangs)
            if says.drops:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            written = says.bytes()
            try:
                self.send_response(says.status)
                for name, value in says.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(written)))
                self.end_headers()
                if not says.drips:
                    self.wfile.write(written)
                    return
                for one in written:
                    self.wfile.write(bytes([one]))
                    self.wfile.flush()
                    listener.waits(says.drips)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    return Handler
