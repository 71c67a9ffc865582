"""How two values compare at run time: without error, whatever they are.

Values of different kinds are neither equal nor unequal. A date beside a moment is compared with
the moment's date in the zone; text that was written down is read as what stands beside it.
"""

import operator as operators
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, TypeAlias

from engine.playbook import walltime
from engine.playbook.conditions.filters import zone_of
from engine.playbook.values import Scope, Value

Order: TypeAlias = Callable[[Any, Any], bool]

ORDERS: dict[str, Order] = {
    "==": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}

_EQUALITIES = (operators.eq, operators.ne)


class Written(str):
    """A text literal that reads as a date, a moment or a length as well."""

    __slots__ = ("length", "moment")
    moment: date | None
    length: timedelta | None


def compare(order: Order, left: Value, right: Value, scope: Scope) -> bool:
    """Whether two values stand in that order; values of different kinds never do."""
    if left is None or right is None:
        return False
    left, right = _read_as(left, right), _read_as(right, left)
    if isinstance(left, bool) or isinstance(right, bool):
        return type(left) is type(right) and order in _EQUALITIES and order(left, right)
    if isinstance(left, date) and isinstance(right, date):
        try:
            return order(*_same_clock(left, right, zone_of(scope)))
        except (OverflowError, ValueError):
            return False  # a time at the calendar's very end has no other zone
    for kind in (int | float, str, timedelta):
        if isinstance(left, kind):
            return isinstance(right, kind) and order(left, right)
    if isinstance(left, Sequence) and isinstance(right, Sequence) and not isinstance(right, str):
        return order in _EQUALITIES and order(_equal_lists(left, right, scope), True)
    return False


def _read_as(value: Value, other: Value) -> Value:
    """A text literal, read as what stands beside it."""
    if isinstance(value, Written):
        if isinstance(other, date):
            return value.moment
        if isinstance(other, timedelta):
            return value.length
    return value


def _same_clock(left: date, right: date, zone: tzinfo) -> tuple[date, date]:
    """Two times as they are compared: a date beside a moment is compared with its date."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return aware(left, zone), aware(right, zone)
    return _date(left, zone), _date(right, zone)


def aware(at: datetime, zone: tzinfo) -> datetime:
    """The instant of a moment; one without a zone is on the clock of `zone`."""
    return at if at.tzinfo else walltime.instant(at, zone)


def _date(at: date, zone: tzinfo) -> date:
    if not isinstance(at, datetime):
        return at
    return (walltime.local(at, zone) if at.tzinfo else at).date()


def _equal_lists(left: Sequence[Value], right: Sequence[Value], scope: Scope) -> bool:
    return len(left) == len(right) and all(
        compare(operators.eq, one, other, scope) for one, other in zip(left, right, strict=True)
    )


def contains(within: Sequence[Value], found: Value, scope: Scope) -> bool:
    """Whether a list holds something equal to `found`."""
    return any(compare(operators.eq, found, each, scope) for each in within)


def is_containing(value: Value, item: Value, scope: Scope) -> bool:
    """Whether text contains text, or a list an item, whatever the case of letters."""
    if value is None or item is None:
        return False
    if isinstance(value, str):
        return isinstance(item, str) and item.lower() in value.lower()
    if not isinstance(value, Sequence):
        return False
    if not isinstance(item, str):
        return contains(value, item, scope)
    wanted = item.lower()
    return any(isinstance(each, str) and each.lower() == wanted for each in value)
