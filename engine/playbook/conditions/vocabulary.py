"""The names a condition may use, and their types; it knows how to look one up, not what exists.

What exists is `engine.playbook.catalog` plus the workspace's own fields, events and segments.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The sort of a value. `UNKNOWN` is compatible with everything: it is checked at run time."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    LIST = "list"
    RECORD = "record"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ValueType:
    """A type: its kind, the only values it may take, and of a record its fields.

    `fields` of None is a record whose fields are not known beforehand: any name is fine.
    """

    kind: Kind
    values: tuple[str, ...] = ()
    fields: Mapping[str, "ValueType"] | None = field(default=None, hash=False)

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}" if self.values else self.kind.value


TEXT = ValueType(Kind.TEXT)
INTEGER = ValueType(Kind.INTEGER)
NUMBER = ValueType(Kind.NUMBER)
BOOLEAN = ValueType(Kind.BOOLEAN)
DATE = ValueType(Kind.DATE)
DATETIME = ValueType(Kind.DATETIME)
DURATION = ValueType(Kind.DURATION)
LIST = ValueType(Kind.LIST)
OPEN_RECORD = ValueType(Kind.RECORD)
UNKNOWN = ValueType(Kind.UNKNOWN)

FIELD_KINDS = ("text", "integer", "number", "boolean", "date", "datetime", "list")
"""The kinds a workspace may give to a field of its own, besides `{enum: […]}`."""


def enum_of(*values: str) -> ValueType:
    """Text that may only be one of `values`."""
    return ValueType(Kind.TEXT, values=values)


def record_of(fields: Mapping[str, ValueType]) -> ValueType:
    """A record with these fields and no others."""
    return ValueType(Kind.RECORD, fields=dict(fields))


def value_type(declared: ValueType | str | Mapping[str, object]) -> ValueType:
    """The type as a workspace declares it: `integer`, or `{enum: [free, pro]}`.

    Raises:
        ValueError: it is no kind a field may have.
    """
    if isinstance(declared, ValueType):
        return declared
    if isinstance(declared, str):
        if declared not in FIELD_KINDS:
            raise ValueError(f"no field type '{declared}'")
        return ValueType(Kind(declared))
    values = declared.get("enum")
    if set(declared) != {"enum"} or not isinstance(values, list | tuple):
        raise ValueError("a field type is a name or {enum: […]}")
    return enum_of(*(str(value) for value in values))


@dataclass(frozen=True)
class Vocabulary:
    """Every name a condition may use in one place of a playbook.

    Args:
        roots: the names a path may begin with (`lead`, `run`, …), and their types.
        events: every event's properties, for `count`, `last` and `sum`; a record of None is open.
        absent: roots that exist elsewhere, each with the reason why not here.
        is_open: nothing is known beforehand, so nothing is refused (conditions checked before).
    """

    roots: Mapping[str, ValueType] = field(default_factory=dict)
    events: Mapping[str, ValueType] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = False

    def names(self) -> list[str]:
        """Every dotted name that is known, two levels deep: what a misspelt one is compared to."""
        found: list[str] = []
        for root, kind in self.roots.items():
            found.append(root)
            found += [f"{root}.{name}" for name in kind.fields or ()]
        return found


OPEN = Vocabulary(is_open=True)
