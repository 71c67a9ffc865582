"""Arithmetic at run time: sums of numbers, text, times and lengths; anything else is missing."""

import operator as operators
from collections.abc import Callable
from datetime import date, datetime, timedelta

from engine.playbook.conditions.comparing import aware
from engine.playbook.conditions.filters import zone_of
from engine.playbook.values import Scope, Value

SUMS: dict[str, Callable[[object, object], object]] = {
    "+": operators.add,
    "-": operators.sub,
    "*": operators.mul,
    "/": operators.truediv,
    "%": operators.mod,
}

LARGEST_DOUBLE = 1e150
SMALLEST_DOUBLE = 1e-150
"""Doubles beyond these are missing in arithmetic: what comes of them is no number everywhere."""


def total(
    combine: Callable[[object, object], object], symbol: str, one: Value, other: Value, scope: Scope
) -> Value:
    """`one` and `other` combined by the operator `symbol`.

    Raises:
        ArithmeticError: there is no such sum; it is missing.
    """
    if _is_number(one) and _is_number(other):
        result = combine(one, other)
        if isinstance(result, float) and not (_is_usual(one) and _is_usual(other)):
            return None
        return result  # type: ignore[return-value]
    if symbol == "+" and isinstance(one, str) and isinstance(other, str):
        return one + other
    if symbol not in ("+", "-"):
        return None
    if isinstance(one, datetime) and isinstance(other, datetime):
        zone = zone_of(scope)
        one, other = aware(one, zone), aware(other, zone)
    elif isinstance(one, date) and isinstance(other, date) and type(one) is not type(other):
        return None
    if isinstance(one, date | timedelta) and isinstance(other, date | timedelta):
        return combine(one, other)  # type: ignore[return-value]
    return None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_usual(number: Value) -> bool:
    """A whole number, or a double of a magnitude that can be worked with."""
    if not isinstance(number, float):
        return True
    return not number or SMALLEST_DOUBLE <= abs(number) <= LARGEST_DOUBLE


def negated(value: Value) -> Value:
    """The number or the length with its sign turned."""
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        return None
    return -value
