"""Signatures after the Standard Webhooks convention, so that whoever is called can check us.

The id stands for the call and is the same at every attempt; the time is the attempt's.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64


class SecretError(ValueError):
    """A signing secret that nobody could use."""


def read_secret(written: str) -> bytes:
    """The key in a secret: `whsec_` and the Base64 of 24 to 64 bytes.

    Raises:
        SecretError: it is something else.
    """
    if not written.startswith(PREFIX):
        raise SecretError(f"a signing secret begins with '{PREFIX}'")
    try:
        key = base64.b64decode(written.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SecretError(f"what follows '{PREFIX}' is no Base64") from error
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise SecretError(f"it holds {len(key)} bytes, not {_SHORTEST} to {_LONGEST}")
    return key


def new_secret() -> str:
    """A secret that nobody knows yet."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed(
    id: str, at: datetime, body: bytes, keys: Sequence[bytes]
) -> tuple[tuple[str, str], ...]:
    """The three headers that identify and sign a call; one signature for each key."""
    seconds = str(int(at.timestamp()))
    content = b".".join((id.encode(), seconds.encode(), body))
    signatures = " ".join(f"v1,{_signature(key, content)}" for key in keys)
    return (
        ("webhook-id", id),
        ("webhook-timestamp", seconds),
        ("webhook-signature", signatures),
    )


def _signature(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
