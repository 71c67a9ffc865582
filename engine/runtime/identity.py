"""Who a lead is: the key of an address, and the name to call a person by. It looks nothing up."""

import re
import unicodedata
from functools import lru_cache
from typing import TypedDict

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from engine.errors import InputError


class _Rules(TypedDict):
    check_deliverability: bool
    globally_deliverable: bool
    test_environment: bool
    strict: bool


# Nothing is looked up; `acme.test` is an address like any other; a local part ends at 64 bytes.
_RULES = _Rules(
    check_deliverability=False, globally_deliverable=False, test_environment=True, strict=True
)
_SHORT = 64
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+([A-Za-z]{2,})\Z"
)
"""Most addresses by far; a library knows about the others, and takes its time."""

_SPECIAL = frozenset(each.rpartition(".")[2] for each in SPECIAL_USE_DOMAIN_NAMES)

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"))
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@lru_cache(maxsize=16_384)
def address(text: str) -> str:
    """`text` as the address it spells: trimmed, half-width, the domain in lower case.

    Raises:
        InputError: it is no mail address.
    """
    plain = _PLAIN.match(text) if len(text) <= _SHORT else None
    if plain is not None and plain[1].lower() not in _SPECIAL:
        local, _, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}"
    return _read(text)


def _read(text: str) -> str:
    wanted = text.translate(_INVISIBLE).translate(_FULL_WIDTH).strip()
    wanted = wanted.removeprefix("mailto:")
    try:
        found = validate_email(wanted, **_RULES)
    except (EmailNotValidError, UnicodeError, ValueError) as error:
        raise InputError(
            f"'{_shown(text)}' is no mail address", help="it must look like name@example.com"
        ) from error
    if "." not in found.domain:
        raise InputError(f"'{_shown(text)}' is no mail address", help="its domain has no dot in it")
    return found.normalized


@lru_cache(maxsize=16_384)
def email_key(text: str) -> str:
    """What tells one address from another: folded to lower case, with an ASCII domain.

    Raises:
        InputError: it is no mail address.
    """
    local, _, domain = address(text).rpartition("@")
    folded = unicodedata.normalize("NFKC", local).casefold()
    return f"{folded}@{_ascii(domain)}"


def full_name(first: str | None, last: str | None) -> str | None:
    """Both names in the order their writing asks for: 李伟, but Ann Lee. None without any."""
    parts = [part.strip() for part in (first, last) if part and part.strip()]
    if len(parts) == 2 and all(map(_is_east_asian, parts)):
        return parts[1] + parts[0]
    return " ".join(parts) or None


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    return (validate_email(f"a@{domain}", **_RULES).ascii_domain or domain).lower()


def _is_east_asian(text: str) -> bool:
    return all(
        "\u3040" <= char <= "\u30ff"
        or "\u3400" <= char <= "\u9fff"
        or "\uac00" <= char <= "\ud7a3"
        or char in "·々"
        or "\U00020000" <= char <= "\U0003ffff"
        for char in text
    )


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:80])
