"""Arithmetic on instants by the calendar of a zone: what "2 days later" or "next monday" is.

Days are calendar days (09:00 stays 09:00 when clocks change), hours are exact, and business time
is measured by an opening-hours calendar. Nothing here ever yields a time that does not exist.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import InputError
from engine.playbook import walltime
from engine.playbook.durations import Duration, parse_duration
from engine.playbook.moments import (
    CivilMoment,
    CronMoment,
    FieldMoment,
    Moment,
    NextWeekday,
    parse_moment,
)
from engine.playbook.values import Value
from engine.runtime.cron import next_fire

FieldReader = Callable[[str], Value]
"""What a field of the record holds, by its dotted name."""


class BusinessTime(Protocol):
    """A calendar of opening hours, as far as adding to an instant needs one."""

    def add_business(self, start: datetime, duration: Duration) -> datetime:
        """`start` plus business time."""
        ...

    def subtract_business(self, end: datetime, duration: Duration) -> datetime:
        """`end` minus business time."""
        ...


class ZoneError(InputError):
    """A time zone that does not exist."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        ZoneError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ZoneError(
            f"no time zone '{name}'", help="write it like 'Asia/Shanghai' or 'Europe/Berlin'"
        ) from None


def add(
    start: datetime, duration: Duration, zone: tzinfo, calendar: BusinessTime | None = None
) -> datetime:
    """The instant `duration` after `start`, in UTC.

    Months come first, then days, on the calendar of `zone`; then hours, exactly. Business time is
    measured by `calendar`.

    Raises:
        ValueError: business time, and no calendar to measure it by.
    """
    if duration.is_business:
        return _calendar(duration, calendar).add_business(start, duration)
    return walltime.shift(
        start, zone, months=duration.months, days=duration.days, exact=duration.exact
    )


def subtract(
    end: datetime, duration: Duration, zone: tzinfo, calendar: BusinessTime | None = None
) -> datetime:
    """The instant `duration` before `end`, in UTC.

    Raises:
        ValueError: business time, and no calendar to measure it by.
    """
    if duration.is_business:
        return _calendar(duration, calendar).subtract_business(end, duration)
    return walltime.shift(
        end, zone, months=-duration.months, days=-duration.days, exact=-duration.exact
    )


def _calendar(duration: Duration, calendar: BusinessTime | None) -> BusinessTime:
    if calendar is None:
        raise ValueError(f"'{duration.text}' needs a calendar")
    return calendar


def next_moment(
    moment: Moment,
    now: datetime,
    zone: tzinfo,
    field: FieldReader,
    calendar: BusinessTime | None = None,
) -> datetime | None:
    """The instant that `moment` names, seen from `now`, in UTC; it may be past.

    None when the field is missing or holds no time, or a cron expression never fires again. Next
    monday is the first one whose clock time is still to come: today's, on a monday morning.
    """
    match moment:
        case NextWeekday(weekday=weekday, at=at):
            return _next_weekday(weekday, at, now, zone)
        case CivilMoment(at=at):
            return walltime.instant(at, zone)
        case CronMoment(cron=cron):
            return next_fire(cron, now, zone)
        case FieldMoment():
            return _of_field(moment, zone, field(moment.field), calendar)
        case _:
            assert_never(moment)


def _next_weekday(weekday: int, at: time, now: datetime, zone: tzinfo) -> datetime:
    today = walltime.local(now, zone).date()
    day = today + timedelta(days=(weekday - today.weekday()) % 7)
    found = walltime.instant(datetime.combine(day, at), zone)
    if found > now:
        return found
    return walltime.instant(datetime.combine(day + timedelta(days=7), at), zone)


def _of_field(
    moment: FieldMoment, zone: tzinfo, value: Value, calendar: BusinessTime | None
) -> datetime | None:
    at = as_instant(value, zone)
    if at is None or moment.offset is None:
        return at
    move = subtract if moment.side == "before" else add
    try:
        return move(at, moment.offset, zone, calendar)
    except OverflowError:  # before the first year, or after the last
        return None


def time_limit(
    text: str,
    start: datetime,
    zone: tzinfo,
    field: FieldReader,
    calendar: BusinessTime | None = None,
) -> datetime | None:
    """The instant that a length of time from `start`, or a moment, means; None when it has none."""
    try:
        length = parse_duration(text)
    except InputError:
        return next_moment(parse_moment(text), start, zone, field, calendar)
    return add(start, length, zone, calendar)


def as_instant(value: Value, zone: tzinfo) -> datetime | None:
    """The instant a value names: a date begins at 00:00 in `zone`; text is read; else None."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else walltime.instant(value, zone)
    if isinstance(value, date):
        return walltime.instant(datetime.combine(value, time()), zone)
    if isinstance(value, str):
        return _read(value, zone)
    return None


def _read(text: str, zone: tzinfo) -> datetime | None:
    try:
        return as_instant(datetime.fromisoformat(text.strip()), zone)
    except (ValueError, OverflowError):
        pass
    try:
        moment = parse_moment(text)
    except InputError:
        return None
    return walltime.instant(moment.at, zone) if isinstance(moment, CivilMoment) else None
