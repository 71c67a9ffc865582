"""Which types go together, and what comes of it: the rules of the checker, as functions."""

from engine.playbook.conditions.vocabulary import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    UNKNOWN,
    Kind,
    ValueType,
)

NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER})
TIMES = frozenset({Kind.DATE, Kind.DATETIME})
_ORDERED = NUMBERS | TIMES | {Kind.TEXT, Kind.DURATION}

__all__ = [
    "BOOLEAN",
    "NUMBERS",
    "TIMES",
    "arithmetic",
    "comparable",
    "either",
    "negative",
    "ordered",
]


def _family(kind: Kind) -> str:
    if kind in NUMBERS:
        return "number"
    return "time" if kind in TIMES else kind.value


def comparable(left: Kind, right: Kind) -> bool:
    """Values of both kinds can be equal."""
    if Kind.UNKNOWN in (left, right):
        return True
    return _family(left) == _family(right) and left is not Kind.RECORD


def ordered(kind: Kind) -> bool:
    """Values of this kind have an order."""
    return kind in _ORDERED or kind is Kind.UNKNOWN


def either(left: ValueType, right: ValueType) -> ValueType:
    """The type of what is one or the other."""
    if left.kind is right.kind:
        return left if left == right else ValueType(left.kind)
    if {left.kind, right.kind} <= NUMBERS:
        return NUMBER
    return UNKNOWN


def arithmetic(operator: str, left: ValueType, right: ValueType) -> ValueType | None:
    """The type of `left operator right`, or None when it has no meaning."""
    kinds = {left.kind, right.kind}
    if Kind.UNKNOWN in kinds:
        return UNKNOWN
    if kinds <= NUMBERS:
        return INTEGER if kinds == {Kind.INTEGER} and operator != "/" else NUMBER
    if operator == "+":
        return _sum(left, right)
    if operator == "-":
        return _difference(left, right)
    return None


def _sum(left: ValueType, right: ValueType) -> ValueType | None:
    kinds = {left.kind, right.kind}
    if kinds == {Kind.TEXT}:
        return TEXT
    if kinds == {Kind.DURATION}:
        return DURATION
    if Kind.DURATION in kinds and kinds & TIMES:
        return left if left.kind in TIMES else right
    return None


def _difference(left: ValueType, right: ValueType) -> ValueType | None:
    if {left.kind, right.kind} == {Kind.DURATION}:
        return DURATION
    if left.kind in TIMES and right.kind is Kind.DURATION:
        return left
    if left.kind is right.kind and left.kind in TIMES:
        return DURATION
    return None


def negative(operand: ValueType) -> ValueType | None:
    """The type of `-operand`, or None when it has no meaning."""
    fine = operand.kind in NUMBERS or operand.kind in (Kind.DURATION, Kind.UNKNOWN)
    return operand if fine else None
