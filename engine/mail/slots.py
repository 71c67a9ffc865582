"""Slots: places in a page where a value is put in after all work on the page is done.

A template's words stay the same from mail to mail; only the values differ. So a page is taken
apart, searched for links and given its styles once, with marks in the place of the values, and
each mail fills the marks. A value gets a slot only where it cannot change what the page around it
means: in text, in comments, in quoted addresses and descriptions, and only if it has no white
space but single spaces. Any other value is part of the page, which is then worked on anew.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import unescape
from typing import NamedTuple

from markupsafe import Markup

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"  # never characters of any text, says Unicode; parsers keep them
_MARKS = re.compile(f"[{_OPEN}{_CLOSE}]")
_SLOT = re.compile(f"{_OPEN}([a-z0-9]+){_CLOSE}")
_WORD = rf"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff{_OPEN}{_CLOSE}]+"
_SCHEMES = ("http://", "https://", "mailto:")
_BEGINNINGS = "|".join(each[:end] for each in _SCHEMES for end in range(1, len(each) + 1))
_PLAIN = re.compile(
    rf"(?!#|(?:{_BEGINNINGS})\Z)({'|'.join(_SCHEMES)})?({_WORD}(?: {_WORD})*)\Z", re.I
)
"""What may have a slot: the scheme of an address stays in the page, which tells links by it."""

_TAG = re.compile(r"<(?:(!--)|(/?[a-zA-Z][^\s/>]*))")
_IN_TAG = re.compile(r"(?<![^\s\"'<>/=])([^\s\"'<>/=]+)\s*=\s*([\"'])|>")  # each name tried once
_OPEN_VALUES = frozenset({"href", "src", "background", "alt", "title"})
_DOUBTFUL = "hHmM# "  # what may begin a scheme, or has no slot
_SPECIAL = re.compile("[&<>\"']")
_LONGEST_SHAPE = 256
_RAW = frozenset({
    "style", "mj-style", "script", "textarea", "noscript", "template", "xmp", "iframe", "plaintext",
})  # fmt: skip


class _Place(NamedTuple):
    """Where in a page a piece ends: the kind of place, and how it is left."""

    kind: str
    until: str = ""
    """The quote that ends an attribute, or the element that ends raw text."""
    raw: str = ""
    """The element with raw text whose tag this is."""


_TEXT = _Place("text")
_COMMENT = _Place("comment")


def mark(name: object) -> str:
    """The mark of a slot."""
    return f"{_OPEN}{name}{_CLOSE}"


def without_marks(text: str) -> str:
    """A text in which nothing looks like a mark."""
    return _MARKS.sub("", text)


class Page(NamedTuple):
    """A page with slots, and the values that go into them, as HTML."""

    text: str
    values: Mapping[str, str]

    def marked(self, url: str) -> str:
        """How an address looks in this page when a template printed it: with a slot, or not."""
        found = _PLAIN.match(str(Markup.escape(url)) if _SPECIAL.search(url) else url)
        name = self.slot_of(found[2]) if found else ""
        return f"{found[1] or ''}{mark(name)}" if found and name else url

    def slot_of(self, value: str) -> str:
        """The name of the slot that holds a value; empty for none."""
        return next((name for name, each in self.values.items() if each == value), "")

    def whole(self) -> str:
        """The page with its values, and no slots."""
        return Filling(self.text).filled(self.values)


def page_of(pieces: Iterable[str]) -> Page:
    """The page that a template wrote piece by piece; what it printed is `Markup`."""
    out, numbers = [*pieces], dict[str, str]()
    words = tuple([None if type(piece) is Markup else piece for piece in out])
    for at, takes in _shape(words) if len(words) <= _LONGEST_SHAPE else _printed(words):
        found = _slotted(out[at]) if takes else None
        if found is None:
            out[at] = without_marks(out[at])
        else:
            scheme, value = found
            name = numbers.get(value)
            if name is None:
                name = numbers[value] = str(len(numbers))
            out[at] = f"{scheme}{_OPEN}{name}{_CLOSE}"
    return Page("".join(out), {name: value for value, name in numbers.items()})


def _slotted(piece: str) -> tuple[str, str] | None:
    """A value that may have a slot, behind the scheme that stays in the page; None: it may not."""
    text = str.__str__(piece)  # `Markup` makes each of its own steps dear
    if text[:1] not in _DOUBTFUL and text[-1] != " " and "  " not in text and text.isprintable():
        return "", text  # most names and words, at a fraction of the price
    plain = _PLAIN.match(text)
    return None if plain is None else (plain[1] or "", plain[2])


def _printed(words: Sequence[str | None]) -> list[tuple[int, bool]]:
    """Where a template printed values among its words, and whether there is a place for a slot."""
    place, found = _TEXT, []
    for at, piece in enumerate(words):
        if piece is None:
            found.append((at, _takes(place)))
        else:
            place = _after(place, piece)
    return found


_shape = lru_cache(maxsize=512)(_printed)
"""A page's words are the same in mail after mail."""


def raw(values: Mapping[str, str]) -> dict[str, str]:
    """Values of HTML as plain text."""
    return {name: unescape(text) if "&" in text else text for name, text in values.items()}


class Filling:
    """A text with slots, cut at them, to be filled many times."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts = _SLOT.split(text)

    @property
    def is_sound(self) -> bool:
        """Whether every mark is whole."""
        return not any(_MARKS.search(part) for part in self._parts[::2])

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with these values in its slots."""
        parts = self._parts.copy()
        for at in range(1, len(parts), 2):
            parts[at] = values[parts[at]]
        return "".join(parts)


def _takes(place: _Place) -> bool:
    return place.kind in {"text", "comment", "open"}


@lru_cache(maxsize=8192)
def _after(place: _Place, piece: str) -> _Place:
    """The place where a piece of a template ends that begins at `place`."""
    at = 0
    while at < len(piece):
        place, at = _next(place, piece, at)
    return place


def _next(place: _Place, piece: str, at: int) -> tuple[_Place, int]:
    """The next place within a piece, and where it begins."""
    match place.kind:
        case "text":
            tag = _TAG.search(piece, at)
            if tag is None:
                return place, len(piece)
            name = (tag[2] or "").lower()
            return (_COMMENT if tag[1] else _Place("tag", raw=name)), tag.end()
        case "comment":
            end = piece.find("-->", at)
            return (place, len(piece)) if end < 0 else (_TEXT, end + 3)
        case "tag":
            found = _IN_TAG.search(piece, at)
            if found is None:
                return place, len(piece)
            if found[1] is None:
                inside = _Place("raw", place.raw) if place.raw in _RAW else _TEXT
                return inside, found.end()
            kind = "open" if found[1].lower() in _OPEN_VALUES else "value"
            return _Place(kind, found[2], place.raw), found.end()
        case "raw":
            end = piece.lower().find(f"</{place.until}", at)
            after = _Place("tag"), end + 2 + len(place.until)
            return (place, len(piece)) if end < 0 else after
        case _:
            end = piece.find(place.until, at)
            return (place, len(piece)) if end < 0 else (_Place("tag", raw=place.raw), end + 1)
