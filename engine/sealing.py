"""What others keep for us, sealed: AES-GCM with the newest key, opened with any that is accepted.

A sealed text names its key by a digest of it, so that keys can be replaced while old texts remain.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from engine.errors import EnvironmentFault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE = 12


class PayloadKeyError(ValueError):
    """A key that nothing can be sealed with."""


class SealError(EnvironmentFault):
    """A text that none of the keys opens."""


def read_payload_key(written: str) -> bytes:
    """The 32 bytes of a key that is written in Base64.

    Raises:
        PayloadKeyError: it is something else.
    """
    try:
        key = base64.b64decode(written.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PayloadKeyError("it is no Base64") from error
    if len(key) != KEY_BYTES:
        raise PayloadKeyError(f"it holds {len(key)} bytes, not {KEY_BYTES}")
    return key


class Seal:
    """Seals with the first key; opens what any of them has sealed.

    Args:
        keys: of 32 bytes each, the newest first; at least one.

    Raises:
        EnvironmentFault: the package that encrypts is not installed.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {name_of(key): _cipher(key) for key in keys}
        self.newest = name_of(keys[0])

    @cached_property
    def _first(self) -> "AESGCM":
        return self._ciphers[self.newest]

    def seal(self, plain: bytes) -> bytes:
        """`plain`, so that only who has the key can read or change it."""
        nonce = os.urandom(_NONCE)
        return nonce + self._first.encrypt(nonce, plain, self.newest.encode())

    def unseal(self, sealed: bytes, key: str) -> bytes:
        """What was sealed with the key of that name.

        Raises:
            SealError: the key is not among ours, or the text was changed.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._ciphers.get(key)
        if cipher is None:
            raise SealError(
                f"a payload was encrypted with the key '{key}', which is not among "
                f"LONGPLAY_PAYLOAD_KEY ({', '.join(self._ciphers)})",
                help="add the key that was taken away behind the others",
            )
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], key.encode())
        except (InvalidTag, ValueError) as error:
            raise SealError(f"a payload that the key '{key}' encrypted is damaged") from error


def name_of(key: bytes) -> str:
    """What a key is called in public: it tells keys apart and nothing about them."""
    return hashlib.sha256(b"longplay payload key" + key).hexdigest()[:8]


def _cipher(key: bytes) -> "AESGCM":
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            "LONGPLAY_PAYLOAD_KEY needs the 'cryptography' package, which is not installed",
            help="in the folder of Longplay: .venv/bin/python -m pip install -e '.[encryption]'",
        ) from error
    return AESGCM(key)
