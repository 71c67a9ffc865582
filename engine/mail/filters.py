"""The condition language inside `{{ }}`: the same filters, tests, comparisons and sums.

Jinja2 reads a template's expressions; what they mean is decided by the functions of
`engine.playbook.conditions`, so that one expression has one value wherever it is written. What
those leave unbounded (the length of text, the size of numbers) is bounded here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias, cast

from engine.playbook.conditions.comparing import (
    ORDERS,
    Written,
    aware,
    compare,
    contains,
    is_containing,
)
from engine.playbook.conditions.filters import FILTERS as RULES
from engine.playbook.conditions.filters import Argument, FilterRule, zone_of
from engine.playbook.conditions.literals import typed
from engine.playbook.conditions.patterns import matcher
from engine.playbook.conditions.tree import Literal
from engine.playbook.durations import Duration, parse_offset
from engine.playbook.values import Scope, Value

Filter: TypeAlias = Callable[..., object]
"""`filter(scope, operand, *arguments)`; a missing value is None, both in and out."""

MAX_TEXT = 10_000
MAX_NUMBER = 10**18

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_LENGTHS = frozenset({"duration", "within"})  # roles of arguments that are lengths of time
_TOTAL = frozenset({"default", "count", "sum", "last"})  # these answer to a missing operand, too


def _bound(name: str, rule: FilterRule) -> Filter:
    is_total, as_written = name in _TOTAL, not _LENGTHS.intersection(rule.arguments)
    most = len(rule.arguments)

    def run(scope: Scope, value: object, *arguments: object) -> object:
        if value is None and not is_total:
            return None
        if as_written:
            given = cast(list[Argument], [*arguments[:most]])
        else:
            found = zip(rule.arguments, arguments, strict=False)
            given = [_argument(role, argument) for role, argument in found]
        try:
            return rule.run(scope, cast(Value, value), given)
        except ArithmeticError:  # a date beyond the calendar's end
            return None

    return run


FILTERS: Mapping[str, Filter] = {name: _bound(name, rule) for name, rule in RULES.items()}


def _argument(role: str, argument: object) -> Argument:
    if role in _LENGTHS and isinstance(argument, str):
        return length(argument)
    return cast(Argument, argument)


@lru_cache(maxsize=1024)
def length(text: str) -> Duration:
    """A length of time as it is written.

    Raises:
        DurationError: it cannot be read.
    """
    return parse_offset(text)


def arity_fault(name: str, count: int) -> str:
    """What is wrong with giving the filter `name` so many arguments; empty when nothing is."""
    rule = RULES[name]
    most = len(rule.arguments)
    if most - rule.optional <= count <= most:
        return ""
    return f"the filter '{name}' is written like {rule.usage}"


def roles(name: str) -> tuple[str, ...]:
    """What each argument of the filter `name` is."""
    return RULES[name].arguments


@lru_cache(maxsize=4096)
def written(text: object) -> object:
    """A literal; of text, one that reads as a date or a length of time beside one."""
    if not isinstance(text, str):
        return text
    literal = typed(Literal(text))
    if literal.moment is None and literal.length is None:
        return text
    found = Written(text)
    found.moment, found.length = literal.moment, literal.length
    return found


def matching(value: object, pattern: object) -> bool:
    """`is matching("cto|总监")`."""
    return isinstance(value, str) and matcher(str(pattern))(value)


def containing(value: object, part: object, scope: Scope) -> bool:
    """`is containing(…)`: text within text, or an item of a list."""
    return is_containing(cast(Value, value), cast(Value, part), scope)


def compared(sign: str, left: object, right: object, scope: Scope) -> bool:
    """A comparison by Jinja's name for it; with a missing side it is false."""
    if sign in ("in", "notin"):
        return _is_member(left, right, scope, sign == "in")
    return compare(ORDERS[_SIGNS[sign]], cast(Value, left), cast(Value, right), scope)


def _is_member(left: object, right: object, scope: Scope, wanted: bool) -> bool:
    if left is None or right is None:
        return False
    if isinstance(right, str):
        return isinstance(left, str) and (left in right) is wanted
    if not isinstance(right, Sequence):
        return False
    return contains(right, cast(Value, left), scope) is wanted


def negative(value: object) -> object:
    """`-value`, or None when that has no meaning."""
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        return None
    return -value


def calculated(operator: str, left: object, right: object, scope: Scope) -> object:
    """`left operator right`; None where it has no meaning or a side is missing.

    Raises:
        ValueError: the result is beyond the bounds of a template.
    """
    if left is None or right is None:
        return None
    if _is_number(left) and _is_number(right):
        return _number(operator, cast(float, left), cast(float, right))
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > MAX_TEXT:
            raise ValueError(f"a text grows longer than {MAX_TEXT:,} characters")
        return left + right
    if operator not in ("+", "-") or not _are_times(left, right):
        return None
    if isinstance(left, datetime) and isinstance(right, datetime):
        zone = zone_of(scope)
        left, right = aware(left, zone), aware(right, zone)
    try:
        return left + right if operator == "+" else left - right  # type: ignore[operator]
    except (TypeError, OverflowError):
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_times(left: object, right: object) -> bool:
    return isinstance(left, date | timedelta) and isinstance(right, date | timedelta)


def _number(operator: str, left: float, right: float) -> object:
    if operator in "/%" and right == 0:
        return None
    result: float
    match operator:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            result = left / right
        case _:
            result = left % right
    if not -MAX_NUMBER <= result <= MAX_NUMBER:
        raise ValueError("a number grows too large")
    return result
