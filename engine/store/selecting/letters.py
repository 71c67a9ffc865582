"""Letters whatever their case, without a database's own idea of case.

SQLite lowers ASCII only and PostgreSQL asks its locale, so neither lowers as Python does. But a
comparison with a text that is written down needs to know the letters of that text alone: every
other letter whose lower form holds one of them is replaced first, and ASCII is what databases
agree about. What depends on a letter's surroundings (the Greek sigma) is left to Python.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Literal

Change = Literal["lower", "upper"]

BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
"""What `trim` takes away."""

_SIGMAS = frozenset("σς")


def is_settled(text: str, change: Change) -> bool:
    """Whether `text` is what the change makes of itself, whatever stands around it."""
    if change == "lower":
        return text.lower() == text and not _SIGMAS & set(text)
    return text.upper() == text


@lru_cache(maxsize=512)
def replacements(letters: frozenset[str], change: Change) -> tuple[tuple[str, str], ...]:
    """Letters beyond ASCII whose changed form holds one of `letters`, each with that form."""
    return tuple(
        (letter, changed) for letter, changed in _changes(change).items() if letters & set(changed)
    )


@cache
def _changes(change: Change) -> Mapping[str, str]:
    made = {letter: getattr(letter, change)() for letter in _beyond_ascii()}
    return {letter: changed for letter, changed in made.items() if changed != letter}


@cache
def _beyond_ascii() -> str:
    """Every letter beyond ASCII that has another case."""
    codes = (code for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000)
    return "".join(
        letter for letter in map(chr, codes) if letter.lower() != letter or letter.upper() != letter
    )


def same_for_patterns(texts: Iterable[str]) -> tuple[tuple[tuple[str, str], ...], list[str]] | None:
    """How to make letters equal that `is matching` holds equal; None: that has no simple answer.

    Returns:
        Letters beyond ASCII with what to replace them by (ASCII is lowered afterwards), and the
        texts as they are then looked for.
    """
    swaps: dict[str, str] = {}
    wanted = []
    for text in texts:
        kin = [_kin(letter) for letter in text]
        if any(_kin(other) != each for each in kin for other in each):
            return None
        wanted.append("".join(map(_stand_in, kin)))
        for each in kin:
            swaps |= {one: _stand_in(each) for one in each if not one.isascii()}
    return tuple((one, other) for one, other in swaps.items() if one != other), wanted


@lru_cache(maxsize=4096)
def _kin(letter: str) -> frozenset[str]:
    pattern = re.compile(re.escape(letter), re.IGNORECASE)
    return frozenset(pattern.findall(_beyond_ascii() + _ASCII)) | {letter}


def _stand_in(kin: frozenset[str]) -> str:
    plain = [letter for letter in kin if letter.isascii()]
    return min(plain).lower() if plain else min(kin)


_ASCII = "".join(map(chr, range(0x80)))
