"""The cookie of a person who came in with a key: signed, with an end, and void with its key."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

COOKIE = "longplay_session"
LASTS = 30 * 24 * 3600
"""Seconds that a session lasts."""

_PURPOSE = b"longplay session 1"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Makes and reads session cookies.

    Args:
        secret: the installation's signing key.
        clock: seconds since 1970.
    """

    secret: str
    clock: Callable[[], float] = time.time

    def begin(self, key: str) -> str:
        """The cookie for somebody who showed this key."""
        end = str(int(self.clock()) + LASTS)
        return f"{end}.{self._sign(end, key)}"

    def is_good(self, cookie: str, keys: Iterable[str]) -> bool:
        """Whether we made it, for a key that is still accepted, and it has not ended."""
        end, _, given = cookie.partition(".")
        if not (end.isascii() and end.isdigit()) or len(end) > 12 or int(end) < self.clock():
            return False
        signs = [self._sign(end, key) for key in keys]
        return sum(hmac.compare_digest(given.encode(), sign.encode()) for sign in signs) > 0

    def _sign(self, end: str, key: str) -> str:
        secret = hmac.digest(self.secret.encode(), _PURPOSE, hashlib.sha256)
        return hmac.new(secret, f"{end}\0{key}".encode(), hashlib.sha256).hexdigest()
