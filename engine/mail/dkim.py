"""DKIM signatures (RFC 6376, RFC 8463): relaxed/relaxed, no `l=`, the same on every attempt.

It signs what `OutgoingMessage.as_bytes` writes, or any message with CRLF line ends. Verifying is
the receivers' part. RSA and Ed25519 are computed by `cryptography`, which loads with the first key.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.errors import EnvironmentFault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SIGNED = (
    "from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
    "list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "auto-submitted",
)  # fmt: skip
"""Header fields that a signature covers where they are there."""

OVERSIGNED = (
    "from", "to", "reply-to", "subject", "date", "message-id", "content-type", "list-unsubscribe",
    "list-unsubscribe-post",
)  # fmt: skip
"""Covered once more than they are there: nobody can add another one."""

FEWEST_BITS = 1024
"""RFC 8301: a shorter RSA key is no signature."""

_ED25519_BYTES = 32
_SPACES = re.compile(rb"[ \t]+")
_TRAILING = re.compile(rb"[ \t]+(?=\r\n)")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:(.*?)\r\n(?![ \t])", re.DOTALL)
_WIDTH = 72


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, ready to sign with.

    Attributes:
        domain: `d=`, which receivers align with From.
        selector: `s=`, under which the public half is published.
        algorithm: `rsa-sha256` or `ed25519-sha256`.
    """

    domain: str
    selector: str
    algorithm: Literal["rsa-sha256", "ed25519-sha256"]
    private: "RSAPrivateKey | Ed25519PrivateKey" = field(repr=False)

    @property
    def bits(self) -> int:
        """The size of an RSA key; 0 of another."""
        return int(getattr(self.private, "key_size", 0))

    @property
    def record_name(self) -> str:
        """Where the public half is looked for."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def public(self) -> str:
        """The public half as `p=` has it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self.private.public_key()
        if self.algorithm == "ed25519-sha256":
            encoded = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        else:
            encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(encoded).decode("ascii")

    @property
    def record(self) -> str:
        """The TXT record to publish under `record_name`."""
        kind = self.algorithm.partition("-")[0]
        return f"v=DKIM1; k={kind}; p={self.public}"

    def sign(self, text: bytes) -> bytes:
        """The signature of a text, as `b=` has it before it is encoded."""
        if self.algorithm == "ed25519-sha256":
            signed: bytes = self.private.sign(hashlib.sha256(text).digest())  # type: ignore[call-arg]
            return signed
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        by_rsa: bytes = self.private.sign(text, PKCS1v15(), SHA256())  # type: ignore[call-arg]
        return by_rsa


def read_key(written: str, *, domain: str, selector: str, name: str) -> SigningKey:
    """A private key from the value of the variable `name`.

    Args:
        written: PEM (line ends may be `\\n` in letters), Base64 of DER or of an Ed25519 seed, or
            the path of a file that holds one of them.
        domain: what it signs for.
        selector: what its public half is published under.
        name: the variable, for what is said of faults; the value never is.

    Raises:
        EnvironmentFault: it is no key that DKIM can sign with.
    """
    text = written.strip()
    if text.startswith(("/", "./", "~")):
        try:
            text = Path(text).expanduser().read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentFault(
                f"the file of the DKIM key that '{name}' names cannot be read",
                help=f"write the path of a PEM file into {name}, or the key itself",
            ) from error
    private = _private(text, name)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    is_ed25519 = isinstance(private, Ed25519PrivateKey)
    key = SigningKey(domain, selector, "ed25519-sha256" if is_ed25519 else "rsa-sha256", private)
    if not is_ed25519 and key.bits < FEWEST_BITS:
        raise EnvironmentFault(
            f"the DKIM key in '{name}' has {key.bits} bits, which receivers take for none",
            help="make one of 2048 bits: openssl genrsa 2048",
        )
    return key


def _private(text: str, name: str) -> "RSAPrivateKey | Ed25519PrivateKey":
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import (
            load_der_private_key,
            load_pem_private_key,
        )
    except ImportError:
        raise EnvironmentFault(
            "DKIM signing needs the package 'cryptography', which is not installed",
            help="install it with: pip install 'longplay[dkim]'",
        ) from None
    found: object = None
    try:
        if text.startswith("-----BEGIN"):
            found = load_pem_private_key(text.replace("\\n", "\n").encode("ascii"), None)
        else:
            decoded = base64.b64decode("".join(text.split()), validate=True)
            if len(decoded) == _ED25519_BYTES:
                found = Ed25519PrivateKey.from_private_bytes(decoded)
            else:
                found = load_der_private_key(decoded, None)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        found = None
    if not isinstance(found, RSAPrivateKey | Ed25519PrivateKey):
        raise EnvironmentFault(
            f"what '{name}' holds is no private key that DKIM can sign with",
            help="put an RSA or Ed25519 key into it, without a passphrase: openssl genrsa 2048",
        )
    return found


def keys_for(sender: str, keys: Sequence[SigningKey]) -> Sequence[SigningKey]:
    """The keys that sign what comes from an address: those of its domain, else all there are."""
    domain = sender.rpartition("@")[2].lower()
    own = [key for key in keys if domain == key.domain or domain.endswith(f".{key.domain}")]
    return own or keys


def signed(message: bytes, keys: Sequence[SigningKey]) -> bytes:
    """The message with a signature of each key of its From's domain before its first header.

    Args:
        message: with CRLF line ends.
        keys: none leaves it as it is.
    """
    if not keys:
        return message
    head, gap, body = message.partition(b"\r\n\r\n")
    fields = _fields(head + b"\r\n" if gap else head)
    author = fields.get(b"from", [b""])[0].decode("ascii", "replace")
    keys = keys_for(author.strip().rstrip(">"), keys)
    covered = _covered(fields)
    body_hash = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode("ascii")
    relaxed = b"".join(_relaxed_header(name, value) + b"\r\n" for name, value in covered.values)
    # The time of signing is the message's own, because a repeat is the same to the last byte.
    second = _second(fields)
    lines = [_signature(key, covered.names, body_hash, relaxed, second) for key in keys]
    return b"".join(lines) + message


@dataclass(frozen=True, slots=True)
class _Covered:
    names: str
    values: tuple[tuple[bytes, bytes], ...]


def _fields(head: bytes) -> dict[bytes, list[bytes]]:
    """Header fields by their names in lower case, in the order in which they stand."""
    found: dict[bytes, list[bytes]] = {}
    for match in _HEADER.finditer(head):
        found.setdefault(match[1].lower(), []).append(match[2])
    return found


def _covered(fields: dict[bytes, list[bytes]]) -> _Covered:
    """What is covered: of several with one name the last first (RFC 6376, 5.4.2)."""
    names: list[str] = []
    values: list[tuple[bytes, bytes]] = []
    for name in SIGNED:
        there = fields.get(name.encode("ascii"), [])
        values += [(name.encode("ascii"), value) for value in reversed(there)]
        names += [name] * (len(there) + (name in OVERSIGNED))
    return _Covered(":".join(names), tuple(values))


def _signature(key: SigningKey, names: str, body_hash: str, relaxed: bytes, second: str) -> bytes:
    told = (
        f" v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n d={key.domain}; s={key.selector};\r\n"
        f"{second} h={_folded(names, ':')};\r\n bh={body_hash};\r\n b="
    ).encode("ascii")
    own = _relaxed_header(b"dkim-signature", told)
    proof = base64.b64encode(key.sign(relaxed + own)).decode("ascii")
    return b"DKIM-Signature:" + told + _folded(proof).encode("ascii") + b"\r\n"


def _folded(text: str, after: str = "") -> str:
    """A long value in lines, cut after a sign where one is given."""
    lines: list[str] = []
    while len(text) > _WIDTH:
        cut = text.rfind(after, 0, _WIDTH) + 1 if after else _WIDTH
        lines.append(text[:cut])
        text = text[cut:]
    return "\r\n ".join([*lines, text])


def _second(fields: dict[bytes, list[bytes]]) -> str:
    date = fields.get(b"date", [b""])[0].strip().decode("ascii", "replace")
    try:
        return f" t={int(parsedate_to_datetime(date).timestamp())};\r\n"
    except ValueError:
        return ""


def _relaxed_header(name: bytes, value: bytes) -> bytes:
    """RFC 6376, 3.4.2."""
    return name + b":" + _SPACES.sub(b" ", _FOLD.sub(b"", value)).strip()


def _relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4."""
    if b"  " in body or b"\t" in body:
        body = _SPACES.sub(b" ", body)
    if b" \r\n" in body:
        body = _TRAILING.sub(b"", body)
    body = body.rstrip(b"\r\n") if body.endswith((b"\r\n\r\n", b"\r\n")) else body
    return body + b"\r\n" if body else b""
