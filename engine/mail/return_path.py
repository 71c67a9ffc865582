"""Return paths that name the message they belong to: what bounces is then known by its address.

`bounces@acme.example` becomes `bounces+JOB-SIGNATURE@acme.example`, the same on every attempt,
because greylisting goes by it. A signature keeps strangers from inventing bounces. Mail servers
may change the case of letters, so nothing in it depends on that.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from engine.ids import JobId, encode

PLACE = "*"
"""Where the token goes in the configured address; without one, behind a `+`."""

_MAC = 10
_DOMAIN = b"longplay return path 1"
_SIGNS = "0-9a-hjkmnp-tv-z"
_TOKEN = re.compile(
    rf"(?<![{_SIGNS}])([{_SIGNS}]{{20}})-([{_SIGNS}]{{{_MAC}}})(?![{_SIGNS}])", re.I
)
_LONGEST_TEXT = 20_000

TOKEN_LENGTH = 20 + 1 + _MAC
MOST_LOCAL = 64
"""RFC 5321, 4.5.3.1.1: characters before the `@`."""


class ReturnSigner:
    """Makes return paths and recognizes them.

    Args:
        keys: the secrets, newest first; the first signs, all are accepted.
    """

    def __init__(self, keys: Iterable[str | bytes]) -> None:
        secrets = [key.encode() if isinstance(key, str) else key for key in keys]
        if not secrets or not all(secrets):
            raise ValueError("return paths need at least one key, and no empty one")
        self._keys = [hmac.digest(secret, _DOMAIN, hashlib.sha256) for secret in secrets]

    def address(self, bounces: str, job: str) -> str:
        """The return path of a job's message.

        Args:
            bounces: the configured address.
            job: the job's id.
        """
        return with_token(bounces, f"{job}-{_mac(self._keys[0], job)}")

    def job_in(self, text: str) -> JobId | None:
        """The job of the first return path of ours in a text, or None."""
        for job, mac in _TOKEN.findall(text[:_LONGEST_TEXT]):
            given = mac.lower().encode()
            known = (_mac(key, job.lower()).encode() for key in self._keys)
            if any(hmac.compare_digest(given, one) for one in known):
                return JobId(job.lower())
        return None


def with_token(bounces: str, token: str) -> str:
    """The configured address with a token in its place."""
    if PLACE in bounces:
        return bounces.replace(PLACE, token, 1)
    local, _, domain = bounces.rpartition("@")
    return f"{local}+{token}@{domain}"


def _mac(key: bytes, job: str) -> str:
    digest = hmac.digest(key, job.encode(), hashlib.sha256)
    return encode(int.from_bytes(digest[:7], "big"), _MAC)
