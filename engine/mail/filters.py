"""The filters that a template may use when nobody hands in others, and nothing besides.

A filter is called with the scope, the operand and its arguments; a missing value is None, both
in and out. The scope gives `now`, `zone` and `history`.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeAlias, cast

from engine.playbook.conditions.patterns import matcher
from engine.playbook.values import History

Filter: TypeAlias = Callable[..., object]
"""`filter(scope, operand, *arguments)`."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": _HOUR,
    "day": _DAY,
    "week": timedelta(weeks=1),
}
_LENGTH = re.compile(r"(\d+)\s*(second|minute|hour|day|week)s?\s*")


def as_length(text: object) -> timedelta | None:
    """`14 days`, `1 day 4 hours` as a length of time; None when it is not one."""
    if isinstance(text, timedelta):
        return text
    total, end = timedelta(), 0
    for match in _LENGTH.finditer(str(text)):
        if match.start() != end:
            return None
        total += int(match[1]) * _UNITS[match[2]]
        end = match.end()
    return total if end and end == len(str(text)) else None


def as_moment(scope: Mapping[str, object], value: object) -> datetime | None:
    """A date, a datetime or their ISO text as an aware moment."""
    zone = scope.get("zone")
    here = zone if isinstance(zone, tzinfo) else UTC
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=here)
    if isinstance(value, date):
        return datetime.combine(value, time(), here)
    return None


def _since(unit: timedelta, sign: int) -> Filter:
    def measure(scope: Mapping[str, object], value: object) -> float | int | None:
        moment, now = as_moment(scope, value), scope.get("now")
        if moment is None or not isinstance(now, datetime):
            return None
        return int(sign * (now - moment) / unit)

    return measure


def _shift(sign: int) -> Filter:
    def shifted(scope: Mapping[str, object], value: object, length: object) -> object:
        delta = as_length(length)
        if delta is None:
            raise ValueError(f"'{length}' is no length of time")
        moment = as_moment(scope, value)
        return None if moment is None else moment + sign * delta

    return shifted


def _happened(
    scope: Mapping[str, object], event: object, within: object
) -> Sequence[tuple[datetime, Mapping[str, object]]]:
    history = scope.get("history")
    if history is None:
        return []
    found = cast(History, history).occurrences(str(event))
    now = scope.get("now")
    if within is None or not isinstance(now, datetime):
        return found
    length = as_length(within)
    if length is None:
        raise ValueError(f"'{within}' is no length of time")
    return [each for each in found if each[0] > now - length]


def _count(
    scope: Mapping[str, object], _lead: object, event: object, within: object = None
) -> object:
    return len(_happened(scope, event, within))


def _last(scope: Mapping[str, object], _lead: object, event: object) -> object:
    found = _happened(scope, event, None)
    return found[-1][0] if found else None


def _sum(
    scope: Mapping[str, object], _lead: object, event: object, name: object, within: object = None
) -> object:
    values = [properties.get(str(name)) for _, properties in _happened(scope, event, within)]
    return sum(value for value in values if isinstance(value, int | float))


def _of_text(change: Callable[[str], object]) -> Filter:
    def changed(_scope: Mapping[str, object], value: object) -> object:
        return None if value is None else change(str(value))

    return changed


def _default(_scope: Mapping[str, object], value: object, instead: object = "") -> object:
    return instead if value is None or value == "" else value


def _length(_scope: Mapping[str, object], value: object) -> object:
    return len(value) if isinstance(value, str | Sequence | Mapping) else None


def _domain(text: str) -> str | None:
    return text.rpartition("@")[2].lower() or None


FILTERS: Mapping[str, Filter] = {
    "lower": _of_text(str.lower),
    "upper": _of_text(str.upper),
    "trim": _of_text(str.strip),
    "default": _default,
    "length": _length,
    "domain": _of_text(_domain),
    "days_since": _since(_DAY, 1),
    "days_until": _since(_DAY, -1),
    "hours_since": _since(_HOUR, 1),
    "hours_until": _since(_HOUR, -1),
    "plus": _shift(1),
    "minus": _shift(-1),
    "count": _count,
    "last": _last,
    "sum": _sum,
}


def matching(value: object, pattern: object) -> bool:
    """`is matching("cto|总监")`: the pattern occurs somewhere, whatever the case."""
    return value is not None and matcher(str(pattern))(str(value))


def containing(value: object, part: object) -> bool:
    """`is containing(…)`: text within text, or an item of a list."""
    if isinstance(value, str):
        return str(part).lower() in value.lower()
    return isinstance(value, Sequence | Mapping) and part in value


_OPERATORS: Mapping[str, Callable[[object, object], object]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": cast(Callable[[object, object], object], operator.lt),
    "lteq": cast(Callable[[object, object], object], operator.le),
    "gt": cast(Callable[[object, object], object], operator.gt),
    "gteq": cast(Callable[[object, object], object], operator.ge),
}


def compare(sign: str, left: object, right: object) -> bool:
    """A comparison in which a missing side, or sides that cannot be compared, make it false."""
    if left is None or right is None:
        return False
    if sign in ("in", "notin"):
        if not isinstance(right, str | Sequence | Mapping):
            return False
        if isinstance(right, str) and not isinstance(left, str):
            return False
        return (left in right) is (sign == "in")
    try:
        return bool(_OPERATORS[sign](left, right))
    except TypeError:
        return False
