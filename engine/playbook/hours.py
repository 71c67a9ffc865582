"""Days of the week, hours of the day and dates, as calendars and send windows write them.

It reads them and refuses hours that overlap or run past midnight; whether a shop is open at an
instant is decided by `engine.runtime.calendar`.
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import TypeAlias

from engine.errors import InputError
from engine.playbook.spelling import closest

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_DAYS = {name: at % 7 for at, name in enumerate(DAY_NAMES + _LONG)} | _SHORT
_GROUPS = {"daily": range(7), "all": range(7), "weekdays": range(5), "weekends": range(5, 7)}
_RANGE = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|~|to)\s*(\d{1,2}):(\d{2})", re.ASCII)
_DAY_HELP = "write it like 'mon-fri' or 'mon, wed, fri'"
_HOURS_HELP = "write it like '09:00-18:00' or '09:00-12:00, 13:30-18:00'"
_DATE_HELP = "write it like '2026-12-24' or '2026-12-24..2027-01-02'"
_MIDNIGHT = 24 * 60

TimeRange: TypeAlias = tuple[int, int]
"""From and to, in minutes since midnight; 1440 is the midnight that ends the day."""
WeekHours: TypeAlias = Mapping[int, tuple[TimeRange, ...]]
"""The ranges of each day of the week; 0 is monday; a day that is absent is closed."""


class HoursError(InputError):
    """Days or hours that cannot be read."""


def parse_days(text: str | Iterable[str]) -> frozenset[int]:
    """The days of the week that `text` names: `mon-fri`, `sat, sun`, or a list of such.

    Raises:
        HoursError: a day is unknown, or there is none.
    """
    parts = [text] if isinstance(text, str) else [str(each) for each in text]
    words = [word for part in parts for word in re.split(r"\s*[,\s]\s*", part.strip()) if word]
    if not words:
        raise HoursError("no day is named", help=_DAY_HELP)
    return frozenset(number for word in words for number in _days(word))


def _days(word: str) -> Iterable[int]:
    lowered = word.lower()
    if lowered in _GROUPS:
        return _GROUPS[lowered]
    start, dash, end = lowered.partition("-")
    first, last = _day(start, word), _day(end, word) if dash else None
    if last is None:
        return (first,)
    return (day % 7 for day in range(first, last + 1 if last >= first else last + 8))


def _day(name: str, word: str) -> int:
    number = _DAYS.get(name)
    if number is None:
        near = closest(name, _DAYS)
        help = f"did you mean '{near}'?" if near else _DAY_HELP
        raise HoursError(f"'{word}' is no day of the week", help=help)
    return number


def parse_hours(text: str | Iterable[str]) -> tuple[TimeRange, ...]:
    """The ranges of a day that `text` names, in order: `09:00-12:00, 13:30-18:00`.

    Raises:
        HoursError: a range cannot be read, ends before it begins, or overlaps another.
    """
    parts = [text] if isinstance(text, str) else [str(each) for each in text]
    ranges = sorted(_hours(word) for part in parts for word in part.split(","))
    if not ranges:
        raise HoursError("no hours are given", help=_HOURS_HELP)
    for (_, end), (start, _) in itertools.pairwise(ranges):
        if start < end:
            raise HoursError(f"hours overlap in '{', '.join(parts)}'", help=_HOURS_HELP)
    return tuple(ranges)


def _hours(word: str) -> TimeRange:
    found = _RANGE.fullmatch(word.strip())
    if found is None:
        raise HoursError(f"'{word.strip()}' is no range of hours", help=_HOURS_HELP)
    start, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (1, 3))
    if max(start, end) > _MIDNIGHT or max(int(found[2]), int(found[4])) > 59:
        raise HoursError(f"'{word.strip()}' is later than 24:00", help=_HOURS_HELP)
    if end <= start:
        raise HoursError(
            f"'{word.strip()}' ends before it begins",
            help="hours that run past midnight are two ranges, on two days",
        )
    return (start, end)


def parse_week(hours: Mapping[str, str | Iterable[str]]) -> dict[int, tuple[TimeRange, ...]]:
    """The hours of a week: `{mon-fri: "09:00-18:00", sat: "10:00-14:00"}`.

    Raises:
        HoursError: days or hours cannot be read, or a day is given twice.
    """
    week: dict[int, tuple[TimeRange, ...]] = {}
    for days, ranges in hours.items():
        for day in parse_days(days):
            if day in week:
                raise HoursError(f"'{DAY_NAMES[day]}' has hours twice", help="name each day once")
            week[day] = parse_hours(ranges)
    if not week:
        raise HoursError("no day has hours", help='write it like {mon-fri: "09:00-18:00"}')
    return week


def parse_dates(dates: Iterable[str | date]) -> frozenset[date]:
    """The dates that are named, one by one or as ranges: `2026-12-24..2027-01-02`.

    Raises:
        HoursError: one is no date, or a range ends before it begins or lasts over two years.
    """
    return frozenset(day for each in dates for day in _dates(each))


def _dates(text: str | date) -> Iterable[date]:
    if isinstance(text, date):
        return (text,)
    first, dots, last = text.partition("..")
    start = _date(first, text)
    end = _date(last, text) if dots else start
    length = (end - start).days
    if not 0 <= length <= 2 * 366:
        fault = "ends before it begins" if length < 0 else "lasts over two years"
        raise HoursError(f"'{text}' {fault}", help=_DATE_HELP)
    return (start + timedelta(days=day) for day in range(length + 1))


def _date(text: str, whole: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise HoursError(f"'{whole}' is no date", help=_DATE_HELP) from None
