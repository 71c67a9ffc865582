"""What arguments mean: times, JSON, `field=value`; what cannot be read says what was expected."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from engine.errors import InputError

if TYPE_CHECKING:
    from engine.playbook.values import Value


_EXAMPLE = """write it like {} '{{"amount": 12}}'"""


def is_text(argument: str) -> bool:
    """Whether an argument is text; bytes that are none reach Python as halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def moment(text: str, *, local: bool = True) -> datetime:
    """A time to come or gone by: ISO 8601; without an offset, in this machine's zone.

    Args:
        local: false leaves a time without an offset as it is, for whoever knows its zone.

    Raises:
        InputError: it is none.
    """
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone() if found.tzinfo is None and local else found
    except (ValueError, OverflowError, OSError):
        raise InputError(
            f"'{text[:60]}' is no time",
            help="write it like 2026-12-01T09:00 or 2026-12-01T09:00+08:00",
        ) from None


def json_object(text: str, option: str) -> dict[str, object]:
    """The JSON object that an option holds.

    Raises:
        InputError: it is none.
    """
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = str(error).split(":", maxsplit=1)[0].lower()
        raise InputError(f"{option} is no JSON: {reason}", help=_EXAMPLE.format(option)) from None
    if not isinstance(found, dict):
        raise InputError(
            f"{option} is JSON, but no object",
            help=_EXAMPLE.format(option),
        )
    return found


def properties(text: str, option: str) -> "dict[str, Value]":
    """The properties that an option holds; none when it is left out."""
    return cast("dict[str, Value]", json_object(text, option)) if text else {}


def _refuse(name: str) -> object:
    raise ValueError(f"'{name}' is no number")


def assignments(words: Sequence[str]) -> dict[str, str | None]:
    """`field=value` words as a mapping; nothing behind the sign takes the value away.

    Raises:
        InputError: a word has no sign, or a field comes twice.
    """
    found: dict[str, str | None] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name.strip():
            raise InputError(f"'{word[:60]}' sets nothing", help="write it like stage=mql")
        if name.strip() in found:
            raise InputError(f"'{name.strip()}' is set twice", help="leave one of them out")
        found[name.strip()] = value or None
    return found
