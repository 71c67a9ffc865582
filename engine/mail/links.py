"""Links that a message carries back to us: signed and short; those of buttons expire.

A token names one job (one message to one lead) and what the link does; it holds no address and
cannot be made without a key. It knows nothing about URLs of the web server: callers put tokens
where they belong.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from engine.ids import JobId, encode

TOKEN_LENGTH = 36
MAX_INDEX = 0xFFFF
MAX_NAME = 120
"""Bytes of the name in the token of a button."""

_ID_LENGTH = 20
_ID_BITS = 100
_BODY = 15  # 4 bits of kind and 100 of id, then 16 of index
_MAC = 12
_MINUTES = 4
_DOMAIN = b"longplay link 1"  # the same secret may sign other things; these are links
_TOKEN = re.compile(r"[A-Za-z0-9_-]{36}\Z")  # 36 whole characters: one spelling per token
_ACTION_TOKEN = re.compile(r"[A-Za-z0-9_-]{42,202}\Z")
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(f"[{_LETTERS}]+\\Z")
_DIGITS = str.maketrans(_LETTERS, "0123456789abcdefghijklmnopqrstuv")


class LinkKind(StrEnum):
    """What following a link does; the letter is its path on the web server, too."""

    UNSUBSCRIBE = "u"
    CLICK = "c"
    OPEN = "o"
    ACTION = "a"
    CONFIRM = "s"


_NUMBERS = {
    LinkKind.UNSUBSCRIBE: 1, LinkKind.CLICK: 2, LinkKind.OPEN: 3, LinkKind.ACTION: 4,
    LinkKind.CONFIRM: 5,
}  # fmt: skip
_KINDS = {number: kind for kind, number in _NUMBERS.items()}
_SHIFTED: dict[str, int] = {kind: number << _ID_BITS for kind, number in _NUMBERS.items()}
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Link:
    """What a valid token says."""

    kind: LinkKind
    job_id: JobId
    index: int
    """Which link of the message (clicks), or which choice (actions)."""


@dataclass(frozen=True, slots=True)
class ActionLink:
    """What a button in a message to one of our own people does.

    Attributes:
        task: the entry of the inbox that it answers.
        choice: the number of the answer.
        by: whom the message went to.
        until: when the link ceases to act; whole minutes count.
    """

    task: str
    choice: int
    by: str
    until: datetime


class LinkSigner:
    """Makes and reads tokens.

    Args:
        keys: the secrets, newest first; the first signs, all are accepted, so that a key can be
            changed while old messages are still read.
    """

    def __init__(self, keys: Iterable[str | bytes]) -> None:
        secrets = [key.encode() if isinstance(key, str) else key for key in keys]
        if not secrets or not all(secrets):
            raise ValueError("links need at least one key, and no empty one")
        own = [hmac.digest(secret, _DOMAIN, hashlib.sha256) for secret in secrets]
        self._keys = [_Key(key) for key in own]

    def token(self, kind: LinkKind | str, job_id: str, index: int = 0) -> str:
        """The token of 36 URL-safe characters that always belongs to these three."""
        if not 0 <= index <= MAX_INDEX:
            raise ValueError(f"a message has at most {MAX_INDEX + 1} links, not {index}")
        number = _SHIFTED[kind] | _decode(job_id)
        body = (number << 16 | index).to_bytes(_BODY, "big")
        whole = binascii.b2a_base64(body + self._keys[0].mac(body), newline=False)
        return whole.translate(_URL_SAFE).decode("ascii")

    def read(self, token: str) -> Link | None:
        """What a token says, or None when we did not make it."""
        if not _TOKEN.match(token):
            return None
        raw = base64.urlsafe_b64decode(token)
        body, mac = raw[:_BODY], raw[_BODY:]
        if not any(hmac.compare_digest(mac, key.mac(body)) for key in self._keys):
            return None
        number = int.from_bytes(body[:13], "big")
        kind = _KINDS.get(number >> _ID_BITS)
        if kind is None:
            return None
        job = JobId(encode(number & ((1 << _ID_BITS) - 1), _ID_LENGTH))
        return Link(kind, job, int.from_bytes(body[13:], "big"))

    def action_token(self, link: ActionLink) -> str:
        """The token of a button; it holds what it does, for whom and until when.

        Raises:
            ValueError: the name is too long for a link.
        """
        name = link.by.encode()
        if len(name) > MAX_NAME:
            raise ValueError(f"a link names somebody in {MAX_NAME} bytes, not {len(name)}")
        number = _NUMBERS[LinkKind.ACTION] << _ID_BITS | _decode(link.task)
        minutes = int(link.until.timestamp()) // 60
        body = number.to_bytes(13, "big") + link.choice.to_bytes(2, "big")
        body += minutes.to_bytes(_MINUTES, "big") + name
        signed = base64.urlsafe_b64encode(body + self._keys[0].mac(body))
        return signed.decode("ascii").rstrip("=")

    def read_action(self, token: str) -> ActionLink | None:
        """What the token of a button says, even if its time is over; None: we did not make it."""
        if not _ACTION_TOKEN.match(token):
            return None
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=") != token:
            return None  # one spelling per token
        body, mac = raw[:-_MAC], raw[-_MAC:]
        if not any(hmac.compare_digest(mac, key.mac(body)) for key in self._keys):
            return None
        number = int.from_bytes(body[:13], "big")
        rest = body[_BODY:]
        if _KINDS.get(number >> _ID_BITS) is not LinkKind.ACTION or len(rest) < _MINUTES:
            return None
        minutes = int.from_bytes(rest[:_MINUTES], "big")
        return ActionLink(
            encode(number & ((1 << _ID_BITS) - 1), _ID_LENGTH),
            int.from_bytes(body[13:_BODY], "big"),
            rest[_MINUTES:].decode("utf-8", "replace"),
            datetime.fromtimestamp(minutes * 60, UTC),
        )


class _Key:
    """HMAC-SHA256 under one key (RFC 2104), with both of its hashes begun once.

    The standard library's own copies cost more than the hashing of so few bytes.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")  # our keys are digests themselves, shorter than a block
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def mac(self, body: bytes) -> bytes:
        """The first bytes of the digest."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(body)
        outer.update(inner.digest())
        return outer.digest()[:_MAC]


@lru_cache(maxsize=256)  # a message has several links
def _decode(job_id: str) -> int:
    if len(job_id) != _ID_LENGTH:
        raise ValueError(f"'{job_id}' is no job id: it has {len(job_id)} characters, not 20")
    if not _ID.match(job_id):
        raise ValueError(f"'{job_id}' is no job id: it has a letter that does not occur in one")
    return int(job_id.translate(_DIGITS), 32)
