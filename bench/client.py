"""An HTTP client that does not give up: what it was told is accepted is accepted, whatever dies."""

import itertools
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

_BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
_ATTEMPTS = 600
_PAUSE = 0.2


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Web:
    """Asks one web server after the other, until one answers.

    Args:
        ports: theirs, on the loopback.
    """

    def __init__(self, *ports: int) -> None:
        self._bases = itertools.cycle([f"http://127.0.0.1:{port}" for port in ports])
        self._opener = urllib.request.build_opener(_Stay())
        self.retries = 0

    def post_events(self, events: Sequence[Mapping[str, object]]) -> None:
        """Sends events, under the same ids as often as it takes."""
        self._insist(
            "/v1/events", json.dumps(events).encode(), {"Content-Type": "application/json"}
        )

    def click(self, token: str) -> None:
        """Follows a tracked link, but not to where it leads."""
        self._insist(f"/c/{token}", None, _BROWSER)

    def _insist(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        for _ in range(_ATTEMPTS):
            request = urllib.request.Request(next(self._bases) + path, body, dict(headers))
            try:
                self._opener.open(request, timeout=10).read()
                return
            except urllib.error.HTTPError as error:
                if 300 <= error.code < 400:
                    return
                if error.code < 500:
                    raise
            except OSError:
                pass
            self.retries += 1
            time.sleep(_PAUSE)
        raise RuntimeError("no web server ever came back")
