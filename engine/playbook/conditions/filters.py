"""The closed list of filters and tests: what each takes, gives, and does.

All are pure. A missing subject gives a missing result, except for `default`, `count` and `sum`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TypeAlias

from engine.playbook import walltime
from engine.playbook.conditions.kinds import TIMES
from engine.playbook.conditions.sums import exact_sum
from engine.playbook.conditions.vocabulary import (
    DATETIME,
    INTEGER,
    NUMBER,
    TEXT,
    UNKNOWN,
    Kind,
    ValueType,
)
from engine.playbook.durations import Duration
from engine.playbook.values import History, Scope, Value

Argument: TypeAlias = Value | Duration
Run: TypeAlias = Callable[[Scope, Value, Sequence[Argument]], Value]


@dataclass(frozen=True)
class FilterRule:
    """A filter: how it is written, what it is for, and what it does.

    Args:
        usage: an example, for help and the reference.
        description: one sentence for the reference.
        subjects: the kinds it applies to; none: any.
        arguments: what each argument is: `value event property duration within`.
        optional: how many of them, from the end, may be left out.
        result: the type it gives; UNKNOWN: that of its subject.
        run: the filter itself.
    """

    usage: str
    description: str
    subjects: frozenset[Kind]
    arguments: tuple[str, ...]
    optional: int
    result: ValueType
    run: Run

    @property
    def reads_history(self) -> bool:
        """It looks at a lead's events."""
        return "event" in self.arguments


@dataclass(frozen=True)
class TestRule:
    """A test: how it is written, what it is for, and what it applies to."""

    __test__ = False  # the name is the language's; pytest would collect it

    usage: str
    description: str
    subjects: frozenset[Kind]
    arguments: int


def zone_of(scope: Scope) -> tzinfo:
    """The zone whose calendar counts; UTC where none is known."""
    zone = scope.get("zone")
    return zone if isinstance(zone, tzinfo) else UTC


def now_of(scope: Scope) -> datetime | None:
    """The moment the condition is looked at."""
    now = scope.get("now")
    return now if isinstance(now, datetime) and now.tzinfo else None


def _text(change: Callable[[str], Value]) -> Run:
    return lambda scope, value, rest: change(value) if isinstance(value, str) else None


def _length(scope: Scope, value: Value, rest: Sequence[Argument]) -> Value:
    return len(value) if isinstance(value, str | list | tuple) else None


def _default(scope: Scope, value: Value, rest: Sequence[Argument]) -> Value:
    return rest[0] if value is None else value  # type: ignore[return-value]


def domain(value: str) -> str | None:
    """The domain of an address or a URL, in lower case; missing when there is none."""
    text = value.strip().lower()
    if "://" in text:
        host = text.partition("://")[2].replace("?", "/").replace("#", "/").partition("/")[0]
        return host.rpartition("@")[2].partition(":")[0] or None
    return text.rpartition("@")[2] or None if "@" in text else None


def elapsed(value: Value, scope: Scope) -> timedelta | None:
    """How long ago `value` was; of a date, whole days of the calendar."""
    now = now_of(scope)
    if now is None or not isinstance(value, date):
        return None
    zone = zone_of(scope)
    if not isinstance(value, datetime):
        return walltime.local(now, zone).date() - value
    return now - (value if value.tzinfo else walltime.instant(value, zone))


def _whole(unit: timedelta, sign: int) -> Run:
    def run(scope: Scope, value: Value, rest: Sequence[Argument]) -> Value:
        past = elapsed(value, scope)
        return None if past is None else (sign * past) // unit

    return run


def _shift(sign: int) -> Run:
    def run(scope: Scope, value: Value, rest: Sequence[Argument]) -> Value:
        by = rest[0]
        if not isinstance(value, date) or not isinstance(by, Duration):
            return None
        if isinstance(value, datetime):
            zone = zone_of(scope)
            at = value if value.tzinfo else walltime.instant(value, zone)
            return walltime.shift(
                at, zone, months=sign * by.months, days=sign * by.days, exact=sign * by.exact
            )
        midnight = datetime(value.year, value.month, value.day)
        days = timedelta(days=by.days) + by.exact
        return (walltime.plus_months(midnight, sign * by.months) + sign * days).date()

    return run


def _occurrences(
    scope: Scope, event: Argument, within: Argument = None
) -> list[tuple[datetime, Mapping[str, Value]]]:
    history = scope.get("history")
    if history is None or not isinstance(event, str):
        return []
    found: Sequence[tuple[datetime, Mapping[str, Value]]] = _history(history).occurrences(event)
    if not isinstance(within, Duration):
        return list(found)
    now = now_of(scope)
    if now is None:
        return []
    start = walltime.shift(now, zone_of(scope), days=-within.days, exact=-within.exact)
    return [each for each in found if each[0] >= start]


def _history(history: object) -> History:
    return history  # type: ignore[return-value]


def _count(scope: Scope, value: Value, rest: Sequence[Argument]) -> Value:
    return len(_occurrences(scope, *rest))


def _last(scope: Scope, value: Value, rest: Sequence[Argument]) -> Value:
    found = _occurrences(scope, *rest)
    return max(at for at, _ in found) if found else None


def _sum(scope: Scope, value: Value, rest: Sequence[Argument]) -> Value:
    event, name, *within = rest
    found = (properties.get(str(name)) for _, properties in _occurrences(scope, event, *within))
    return exact_sum(
        each for each in found if isinstance(each, int | float) and not isinstance(each, bool)
    )


_TEXTS = frozenset({Kind.TEXT})
_SIZED = frozenset({Kind.TEXT, Kind.LIST})
_LEAD = frozenset({Kind.RECORD})
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


def _since(unit: timedelta, name: str, sign: int, says: str) -> FilterRule:
    return FilterRule(f"lead.created_at | {name}", says, TIMES, (), 0, INTEGER, _whole(unit, sign))


FILTERS: Mapping[str, FilterRule] = {
    "lower": FilterRule(
        "lead.title | lower", "In lower case.", _TEXTS, (), 0, TEXT, _text(str.lower)
    ),
    "upper": FilterRule(
        "lead.country | upper", "In upper case.", _TEXTS, (), 0, TEXT, _text(str.upper)
    ),
    "trim": FilterRule(
        "lead.company | trim", "Without blanks around it.", _TEXTS, (), 0, TEXT, _text(str.strip)
    ),
    "default": FilterRule(
        'lead.first_name | default("there")',
        "The value, or this when it is missing.",
        frozenset(),
        ("value",),
        0,
        UNKNOWN,
        _default,
    ),
    "length": FilterRule(
        "lead.tags | length", "How many items, or letters.", _SIZED, (), 0, INTEGER, _length
    ),
    "domain": FilterRule(
        "lead.email | domain",
        "The domain of an address or a URL, in lower case.",
        _TEXTS,
        (),
        0,
        TEXT,
        _text(domain),
    ),
    "days_since": _since(_DAY, "days_since", 1, "Whole days since then; of a date, calendar days."),
    "days_until": _since(_DAY, "days_until", -1, "Whole days until then; negative when past."),
    "hours_since": _since(_HOUR, "hours_since", 1, "Whole hours since then."),
    "hours_until": _since(_HOUR, "hours_until", -1, "Whole hours until then; negative when past."),
    "plus": FilterRule(
        'lead.created_at | plus("14 days")',
        "That much later, on the calendar of the lead's zone.",
        TIMES,
        ("duration",),
        0,
        UNKNOWN,
        _shift(1),
    ),
    "minus": FilterRule(
        'lead.birthday | minus("2 days")',
        "That much earlier, on the calendar of the lead's zone.",
        TIMES,
        ("duration",),
        0,
        UNKNOWN,
        _shift(-1),
    ),
    "count": FilterRule(
        'lead | count("order.placed", "90 days")',
        "How many such events the lead has, ever or within a time.",
        _LEAD,
        ("event", "within"),
        1,
        INTEGER,
        _count,
    ),
    "last": FilterRule(
        'lead | last("email.clicked")',
        "When the lead's last such event was.",
        _LEAD,
        ("event",),
        0,
        DATETIME,
        _last,
    ),
    "sum": FilterRule(
        'lead | sum("order.placed", "amount", "90 days")',
        "The sum of a property over the lead's events, ever or within a time.",
        _LEAD,
        ("event", "property", "within"),
        1,
        NUMBER,
        _sum,
    ),
}

TESTS: Mapping[str, TestRule] = {
    "defined": TestRule("lead.email is defined", "It has a value.", frozenset(), 0),
    "matching": TestRule(
        'lead.title is matching("cto|总监")',
        "The first 1,000 characters hold a match of the regular expression, whatever its case.",
        _TEXTS,
        1,
    ),
    "containing": TestRule(
        'lead.company is containing("labs")',
        "The text contains the other, or the list the item, whatever its case.",
        _SIZED,
        1,
    ),
}

READS_TIME = frozenset({"days_since", "days_until", "hours_since", "hours_until"})
