"""Mail addresses as headers and envelopes need them: checked, with ASCII domains."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from engine.mail.errors import MessageError

NAME_LIMIT = 64
_NAMED = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^<>"]*?))\s*<\s*([^<>\s]+)\s*>\s*\Z')
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_UNWANTED = {"Cc", "Cf", "Zl", "Zp", "Cs"}


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox and the name it is shown with."""

    email: str
    """The address with an ASCII domain, ready for the envelope."""
    name: str = ""

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server that offers SMTPUTF8 can be given this address."""
        return not self.email.isascii()


def address(email: str, name: str = "") -> Address:
    """A checked address; what a lead wrote into a name is made harmless, not refused."""
    return Address(checked_email(email), clean_name(name))


def parse_address(text: str) -> Address:
    """The address in `Acme <hello@acme.example>`, or in a bare `hello@acme.example`."""
    match = _NAMED.match(text)
    if match is None:
        return address(text.strip())
    quoted, plain, email = match.groups()
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
    return address(email, name or "")


@lru_cache(maxsize=4096)
def checked_email(email: str) -> str:
    """`email` with an ASCII domain, or an error that says what is wrong with it."""
    local, at, domain = email.rpartition("@")
    if not at or not _LOCAL.match(local) or len(local.encode("utf-8", "replace")) > 64:
        raise MessageError(
            f"'{_shown(email)}' is no mail address", help="it must look like name@example.com"
        )
    if not local.isascii() and any(
        unicodedata.category(char) in _UNWANTED or char.isspace() for char in local
    ):
        raise MessageError(f"'{_shown(email)}' has characters that no mail address has")
    ascii_domain = _ascii_domain(domain, email)
    if len(local) + 1 + len(ascii_domain) > 254:
        raise MessageError(f"'{_shown(email)}' is longer than a mail address may be")
    return f"{local}@{ascii_domain}"


def clean_name(name: str) -> str:
    """A display name without control characters, cut where headers would grow unwieldy."""
    if not name.isprintable():
        name = "".join(" " if unicodedata.category(char) in _UNWANTED else char for char in name)
    return " ".join(name.split())[:NAME_LIMIT].strip()


def _ascii_domain(domain: str, email: str) -> str:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise MessageError(f"the domain of '{_shown(email)}' is no domain name") from error
    if not all(_LABEL.match(label) for label in domain.split(".")):
        raise MessageError(f"the domain of '{_shown(email)}' is no domain name")
    return domain


def _shown(email: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in email[:80])
