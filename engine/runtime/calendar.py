"""Opening hours: when a business calendar is open, and what a length of business time is on it.

A calendar is a week of hours in a zone, less public holidays, plus make-up working days (调休) and
the workspace's own exceptions. It holds data and answers; which calendar applies is not its choice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import Enum

from engine.errors import InputError
from engine.playbook import walltime
from engine.playbook.durations import Duration
from engine.playbook.hours import TimeRange, WeekHours, parse_dates, parse_week
from engine.runtime.civil import zone as zone_named
from engine.runtime.holiday_years import countries, holiday_year

DEFAULT_HOURS = {"mon-fri": "09:00-18:00"}
_DAY = timedelta(days=1)
_FURTHEST = 366 * 12  # days searched for an opening: longer than any list of closed dates in use
_MOST_KNOWN = 4_000

Opening = tuple[datetime, datetime]
"""From and to, in UTC; open at the first instant, closed at the last."""


class DayKind(Enum):
    """What a calendar says of a day, before the hours of its weekday are asked."""

    ORDINARY = "ordinary"
    OFF = "off"
    MAKE_UP = "make-up"


class CalendarError(InputError):
    """A calendar that cannot be made of what the workspace says."""


class NeverOpenError(ValueError):
    """The calendar has no opening for twelve years on end."""


@dataclass(frozen=True, eq=False)
class BusinessCalendar:
    """A week of opening hours in a zone, with its exceptions.

    A make-up day keeps the hours of its weekday when it has any, else those of the first weekday
    that does. `closed` wins over `opened`, and both over the public holidays.

    Args:
        zone: the zone its hours are in.
        week: the hours of each day of the week; 0 is monday.
        country: the two-letter code whose public holidays are off; none: no holidays.
        closed: days off besides.
        opened: days worked besides.
    """

    zone: tzinfo
    week: WeekHours
    country: str = ""
    closed: frozenset[date] = frozenset()
    opened: frozenset[date] = frozenset()
    _known: dict[date, tuple[Opening, ...]] = field(default_factory=dict, repr=False, init=False)

    def day_kind(self, day: date) -> DayKind:
        """Whether the calendar takes `day` out of the week, or puts it in."""
        if day in self.closed:
            return DayKind.OFF
        if day in self.opened:
            return DayKind.MAKE_UP
        if not self.country:
            return DayKind.ORDINARY
        year = holiday_year(self.country, day.year)
        if day in year.worked:
            return DayKind.MAKE_UP
        return DayKind.OFF if day in year.off else DayKind.ORDINARY

    def hours(self, day: date) -> tuple[TimeRange, ...]:
        """The hours of `day`; none when it is closed."""
        kind = self.day_kind(day)
        if kind is DayKind.OFF:
            return ()
        ranges = self.week.get(day.weekday(), ())
        if ranges or kind is DayKind.ORDINARY:
            return tuple(ranges)
        return next((tuple(self.week[each]) for each in sorted(self.week) if self.week[each]), ())

    def openings(self, day: date) -> tuple[Opening, ...]:
        """The instants at which `day` opens and closes."""
        known = self._known.get(day)
        if known is None:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            known = tuple(_opening(day, each, self.zone) for each in self.hours(day))
            known = self._known[day] = tuple(each for each in known if each[0] < each[1])
        return known

    def is_open(self, at: datetime) -> bool:
        """It is within opening hours; at the minute of closing it no longer is."""
        return any(start <= at < end for start, end in self.openings(self._day(at)))

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself when open then, else the next instant that is, in UTC."""
        return next(max(start, at.astimezone(UTC)) for start, _ in self._from(at))

    def add_business(self, start: datetime, duration: Duration) -> datetime:
        """The instant `duration` of business time after `start`, in UTC.

        It starts at the next opening. Days come first: the same clock time so many working days
        on, or the next opening when that day is closed then; after them hours and minutes.
        """
        at = self.next_opening(start)
        if duration.business_days:
            at = self._on(at, self._working_day(self._day(at), duration.business_days))
        return self._forward(at, duration.business) if duration.business else at

    def subtract_business(self, end: datetime, duration: Duration) -> datetime:
        """The instant `duration` of business time before `end`, in UTC.

        It starts at `end` when open then, else at the last closing before; days come first.
        """
        at = end.astimezone(UTC)
        if not self.is_open(at):
            at = next(closing for _, closing in self._back(at))
        if duration.business_days:
            day = self._working_day(self._day(at), -duration.business_days)
            at = walltime.instant(
                datetime.combine(day, walltime.local(at, self.zone).time()), self.zone
            )
            if not self.is_open(at):
                at = next(closing for _, closing in self._back(at))
        return self._backward(at, duration.business) if duration.business else at

    def business_between(self, start: datetime, end: datetime) -> timedelta:
        """How much of the time from `start` to `end` is open; negative when `end` is earlier."""
        if end < start:
            return -self.business_between(end, start)
        total = timedelta(0)
        for opens, closes in self._from(start):
            if opens >= end:
                break
            total += min(closes, end) - max(opens, start)
        return total

    def estimated_years(self, first: int, last: int) -> tuple[int, ...]:
        """The years from `first` to `last` whose make-up days the country has not announced."""
        if not self.country:
            return ()
        years = range(first, last + 1)
        return tuple(year for year in years if holiday_year(self.country, year).is_estimated)

    def _day(self, at: datetime) -> date:
        return walltime.local(at, self.zone).date()

    def _from(self, at: datetime) -> Iterator[Opening]:
        """The openings that end after `at`, in order."""
        day = self._day(at)
        quiet = 0
        while quiet < _FURTHEST:
            openings = self.openings(day)
            quiet = 0 if openings else quiet + 1
            yield from (each for each in openings if each[1] > at)
            day += _DAY
        raise NeverOpenError("the calendar never opens")

    def _back(self, at: datetime) -> Iterator[Opening]:
        """The openings that begin before `at`, latest first, cut off at `at`."""
        day = self._day(at)
        quiet = 0
        while quiet < _FURTHEST:
            openings = self.openings(day)
            quiet = 0 if openings else quiet + 1
            for start, end in reversed(openings):
                if start < at:
                    yield start, min(end, at)
            day -= _DAY
        raise NeverOpenError("the calendar never opens")

    def _working_day(self, day: date, count: int) -> date:
        """The day `count` working days from `day`; backward when negative."""
        step = _DAY if count > 0 else -_DAY
        left = abs(count)
        quiet = 0
        while left:
            day += step
            quiet = 0 if self.openings(day) else quiet + 1
            left -= not quiet
            if quiet >= _FURTHEST:
                raise NeverOpenError("the calendar never opens")
        return day

    def _on(self, at: datetime, day: date) -> datetime:
        """The clock time of `at` on `day`, or the next opening when closed then."""
        clock = walltime.local(at, self.zone).time()
        return self.next_opening(walltime.instant(datetime.combine(day, clock), self.zone))

    def _forward(self, at: datetime, length: timedelta) -> datetime:
        for opens, closes in self._from(at):
            start = max(opens, at)
            if start + length <= closes:
                return start + length
            length -= closes - start
        raise NeverOpenError("the calendar never opens")

    def _backward(self, at: datetime, length: timedelta) -> datetime:
        for opens, closes in self._back(at):
            if closes - length >= opens:
                return closes - length
            length -= closes - opens
        raise NeverOpenError("the calendar never opens")


def business_calendar(
    *,
    timezone: str | tzinfo,
    hours: Mapping[str, str | Sequence[str]] | None = None,
    country: str = "",
    closed: Iterable[str | date] = (),
    opened: Iterable[str | date] = (),
) -> BusinessCalendar:
    """The calendar that a workspace describes; without hours it is monday to friday, 09 to 18.

    It remembers what it works out, so make it once and keep it.

    Raises:
        CalendarError: no holidays are known of the country.
        HoursError: days, hours or dates cannot be read.
        ZoneError: there is no such time zone.
    """
    code = country.strip().upper()
    if code and code not in countries():
        raise CalendarError(
            f"no holidays are known of the country '{country}'",
            help="write a two-letter code such as CN; or leave it out, with days under 'closed'",
        )
    return BusinessCalendar(
        zone=zone_named(timezone) if isinstance(timezone, str) else timezone,
        week=parse_week(DEFAULT_HOURS if hours is None else hours),
        country=code,
        closed=parse_dates(closed),
        opened=parse_dates(opened),
    )


def _opening(day: date, hours: TimeRange, zone: tzinfo) -> Opening:
    start, end = (
        walltime.instant(datetime.combine(day, time()) + timedelta(minutes=minutes), zone)
        for minutes in hours
    )
    return start, end
