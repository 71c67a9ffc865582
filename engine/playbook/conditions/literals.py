"""What a literal may stand for, and what to write instead of one that does not fit."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta

from engine.playbook.conditions import kinds
from engine.playbook.conditions.tree import Literal, Node
from engine.playbook.conditions.vocabulary import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    UNKNOWN,
    Kind,
    ValueType,
)
from engine.playbook.durations import DurationError, parse_duration

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)


def written_moment(text: str) -> date | None:
    """The date or the moment that a text literal may stand for."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def _constant_type(value: object) -> ValueType:
    match value:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case float():
            return NUMBER
        case str():
            return TEXT
        case _:
            return UNKNOWN


def typed(node: Literal) -> Literal:
    """The literal with its type, and with what else its text may stand for."""
    value = node.value
    moment, length = None, None
    if isinstance(value, str):
        moment = written_moment(value)
        if moment is None and value[:1].isdigit():
            length = _written_length(value)
    return replace(node, type=_constant_type(value), moment=moment, length=length)


def _written_length(text: str) -> timedelta | None:
    try:
        duration = parse_duration(text)
    except DurationError:
        return None
    return None if duration.is_business else duration.rough


def article(kind: ValueType) -> str:
    """The type with its article, for a message."""
    name = kind.kind.value
    if name in ("text", "unknown"):
        return "text" if name == "text" else "a value"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def mismatch_help(literal: Node, other: Node) -> str:
    """What to write instead of a literal of the wrong type."""
    if not isinstance(literal, Literal):
        return ""
    value, kind = literal.value, other.type.kind
    if isinstance(value, str) and kind in kinds.NUMBERS and re.fullmatch(r"-?[\d.]+", value):
        return f"leave the quotes out: {value}"
    if isinstance(value, str) and kind in kinds.TIMES:
        return 'write it like "2026-12-01" or "2026-12-01 09:00"'
    if isinstance(value, str) and kind is Kind.DURATION:
        return 'write it like "14 days"'
    if isinstance(value, str) and kind is Kind.BOOLEAN:
        return "write true or false, without quotes"
    if kind is Kind.TEXT and isinstance(value, int | float):
        return f'write it in quotes: "{value}"'
    if kind in kinds.TIMES:
        return "write (… | days_since) to compare with a number"
    if kind in kinds.NUMBERS and isinstance(value, str):
        digits = re.match(r"\s*(-?\d+)", value)
        return f"compare it with a number: {digits[1] if digits else 1}"
    if kind is Kind.LIST:
        written = f'"{value}"' if isinstance(value, str) else value
        return f"write '{written} in …'"
    return ""
