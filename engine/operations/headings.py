"""What a column of a file means for a record: exact names, and what people call them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.errors import InputError
from engine.playbook.spelling import did_you_mean
from engine.runtime.fields import FieldTypes

REASON_COLUMN = "rejected_because"
"""The column that an error file adds; a mended error file may be imported as it is."""

_NOISE = re.compile(r"[\s_\-*:：/／()（）.]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file's columns mean.

    Attributes:
        fields: column → field of the record.
        left_out: columns that are not imported.
    """

    fields: Mapping[str, str]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Headings:
    """The words for one kind of record.

    Attributes:
        record: what it is called: `lead`, `deal`.
        built_in: its fields, by name.
        called: field → other words for it, with spaces between them.
        worked_out: columns that are known and never imported: they follow from other things.
    """

    record: str
    built_in: FieldTypes
    called: Mapping[str, str]
    worked_out: frozenset[str]
    _meaning: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.built_in:
            if name not in self.worked_out:
                for word in [name, *self.called.get(name, "").split()]:
                    self._meaning[_fold(word)] = name

    def named(self, heading: str, custom: FieldTypes) -> str | None:
        """The field that a heading means, or None."""
        exact = heading.strip().removeprefix(f"{self.record}.").removeprefix("fields.")
        if exact in self.worked_out:
            return None
        if exact in self.built_in or exact in custom:
            return exact
        folded = _fold(exact)
        for name in custom:
            if _fold(name) == folded:
                return name
        return self._meaning.get(folded)

    def mapped(
        self, headings: Iterable[str], custom: FieldTypes, *, ignore_unknown: bool = False
    ) -> Columns:
        """What these columns mean.

        Raises:
            InputError: one means nothing, or two mean the same field.
        """
        fields: dict[str, str] = {}
        left_out: list[str] = []
        meanings: dict[str, str] = {}
        for heading in filter(None, headings):
            name = self.named(heading, custom)
            if name is None and heading in self.worked_out:
                left_out.append(heading)
            elif name is None:
                if not ignore_unknown:
                    raise self._unknown(heading, custom)
                left_out.append(heading)
            elif name in meanings:
                raise InputError(
                    f"the columns '{meanings[name]}' and '{heading}' both mean '{name}'",
                    help="rename or remove one of them",
                )
            else:
                meanings[name] = heading
                fields[heading] = name
        return Columns(fields, tuple(left_out))

    def known(self, custom: FieldTypes) -> list[str]:
        """Every field that a column may mean."""
        return [name for name in [*self.built_in, *custom] if name not in self.worked_out]

    def _unknown(self, heading: str, custom: FieldTypes) -> InputError:
        near = did_you_mean(heading, self.known(custom))
        return InputError(
            f"a {self.record} has no field for the column '{heading[:60]}'",
            help=f"{near} Or leave it out with --ignore-unknown",
        )


def _fold(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())
