"""What a person can be recognized by in a text, and taking it out of values. Pure.

It is for texts that are not the person's own, such as a deal's name: they stay, but for what names
the person. A given name that is a word of a language, on its own, is not looked for inside words.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.playbook.values import Value

_SHORTEST = 2
_DIGITS = re.compile(r"\D+")
_SHORTEST_NUMBER = 6


@dataclass(frozen=True)
class Traces:
    """The names, addresses, numbers and ids of one person."""

    words: frozenset[str]

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        words = sorted((re.escape(each) for each in self.words), key=len, reverse=True)
        # A Latin name ends where a word does; Chinese has no spaces between words.
        return re.compile("|".join(map(_bounded, words)), re.I) if words else None

    def are_in(self, value: object) -> bool:
        """Whether a text, or a text within a list or a mapping, names the person."""
        if isinstance(value, str):
            return bool(self._pattern and self._pattern.search(value))
        if isinstance(value, Mapping):
            return any(self.are_in(each) for pair in value.items() for each in pair)
        if isinstance(value, list | tuple):
            return any(map(self.are_in, value))
        return False

    def taken_out(self, value: Any) -> Any:
        """The value without what names the person: such texts become empty, such items go."""
        if isinstance(value, str):
            return "" if self.are_in(value) else value
        if isinstance(value, Mapping):
            kept = {name: each for name, each in value.items() if not self.are_in(name)}
            return {name: self.taken_out(each) for name, each in kept.items()}
        if isinstance(value, list | tuple):
            return [self.taken_out(each) for each in value if not self.are_in(each)]
        return value


def traces_of(facts: Mapping[str, Value], more: Iterable[str] = ()) -> Traces:
    """What names the person of these facts; `more`: former addresses and ids."""
    first, last = (str(facts.get(name) or "").strip() for name in ("first_name", "last_name"))
    full = str(facts.get("full_name") or "").strip()
    words = {full, *(first + glue + last for glue in (" ", "")), last + first, f"{last} {first}"}
    words |= {str(facts.get(name) or "").strip() for name in ("id", "email", "phone")}
    words |= {each.strip() for each in more}
    digits = _DIGITS.sub("", str(facts.get("phone") or ""))
    if len(digits) >= _SHORTEST_NUMBER:
        words.add(digits)
    return Traces(frozenset(each for word in words if len(each := word.strip()) >= _SHORTEST))


def _bounded(word: str) -> str:
    before = r"(?<![A-Za-z0-9])" if word[:1].isascii() and word[:1].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if word[-1:].isascii() and word[-1:].isalnum() else ""
    return f"{before}{word}{after}"
