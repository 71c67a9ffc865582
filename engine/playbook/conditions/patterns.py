"""Regular expressions of `is matching`: compiled at check, and refused when they could be slow.

Python's matcher backtracks. Instead of a time limit, a pattern is accepted only when the number of
ways to try it, times the places to begin at, stays small on the longest text that is searched.
Look-around and back-references are refused with it.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

LONGEST_PATTERN = 500
LONGEST_TEXT = 1_000
"""Of a longer text only so much is searched."""
_EDGES = re.compile(r"\A(?:\.\*)(?![?+*{])|(?<!\\)\.\*\Z")  # a search finds the same without them
_MOST_WAYS = 5_500
_SIGNS = frozenset("\\.^$*+?{}[]()")


class PatternError(ValueError):
    """A pattern that cannot be read, or could take too long."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


@lru_cache(maxsize=2048)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text contains a match of `pattern`, whatever the case of its letters.

    Raises:
        PatternError: the pattern cannot be accepted.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise PatternError(f"the pattern is longer than {LONGEST_PATTERN} characters")
    pattern = _EDGES.sub("", pattern)
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
        parsed = re._parser.parse(pattern, re.IGNORECASE)  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError) as wrong:
        raise PatternError(
            f"the pattern '{pattern}' cannot be read: {wrong}",
            "a plain '|' separates alternatives; write \\\\ before signs like ( + . to mean them",
        ) from None
    if _ways(parsed) > _MOST_WAYS:
        raise PatternError(
            f"the pattern '{pattern}' could take too long",
            "limit what repeats, as in '.{0,30}' for '.*', and repeat nothing that repeats",
        )
    search = compiled.search
    return lambda text: search(text[:LONGEST_TEXT]) is not None


def plain_alternatives(pattern: str) -> tuple[str, ...] | None:
    """The texts that `pattern` looks for, where it is nothing but texts between bars."""
    bare = _EDGES.sub("", pattern)
    return tuple(bare.split("|")) if not _SIGNS & set(bare) else None


def _ways(parsed: Any) -> float:
    """An upper bound of the ways in which a pattern can be tried from one place."""
    ways = 1.0
    for operation, argument in parsed:
        ways *= _ways_of(str(operation), argument)
    return ways


def _ways_of(operation: str, argument: Any) -> float:
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, body = argument
        most = min(int(high), LONGEST_TEXT)
        inner = _ways(body)
        if inner > 1:
            return float(min(inner, 1e6) ** most) if most <= 8 else float("inf")
        return max(1, most - int(low) + 1)
    if operation == "BRANCH":
        return sum(_ways(each) for each in argument[1])
    if operation == "SUBPATTERN":
        return _ways(argument[3])
    if operation == "ATOMIC_GROUP":
        return _ways(argument)
    if operation in ("ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS", "GROUPREF_IGNORE"):
        return float("inf")
    return 1.0
