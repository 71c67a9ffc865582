"""Calendars against an oracle that looks at every minute, and crons against one that does too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.playbook import walltime
from engine.playbook.cron import Cron, parse_cron
from engine.playbook.durations import Duration
from engine.playbook.plan import Trigger
from engine.runtime.calendar import BusinessCalendar, business_calendar
from engine.runtime.civil import zone
from engine.runtime.coming import moment_of
from engine.runtime.cron import next_fire

MINUTE = timedelta(minutes=1)
CALENDARS = [
    business_calendar(timezone="Asia/Shanghai", country="CN"),
    business_calendar(
        timezone="America/New_York",
        hours={"mon-fri": "09:00-12:00, 13:30-17:00", "sat": "0:00-3:00"},
    ),
    business_calendar(timezone="Europe/Berlin", hours={"mon-sun": "00:00-24:00"}),
    business_calendar(timezone="Australia/Lord_Howe", hours={"sun": "01:00-04:00"}),
]
# Near clock changes, 国庆 and 春节, where calendars go wrong.
STARTS = st.tuples(
    st.sampled_from(
        ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-10-04", "2026-04-05",
         "2026-09-30", "2026-02-14", "2026-05-01"]
    ),
    st.integers(-3 * 24 * 60, 3 * 24 * 60),
).map(lambda one: datetime.fromisoformat(one[0]).replace(tzinfo=UTC) + one[1] * MINUTE)  # fmt: skip


def is_open(calendar: BusinessCalendar, at: datetime) -> bool:
    """The hours of the day that clocks show, asked for this one minute."""
    shown = at.astimezone(calendar.zone)
    minute = shown.hour * 60 + shown.minute
    return any(start <= minute < end for start, end in calendar.hours(shown.date()))


def walked(calendar: BusinessCalendar, start: datetime, minutes: int) -> datetime:
    """So many open minutes later, counted one by one."""
    at = start
    while not is_open(calendar, at):
        at += MINUTE
    while minutes:
        minutes -= is_open(calendar, at)
        at += MINUTE
    return at


@given(st.sampled_from(CALENDARS), STARTS, st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_business_minutes_are_the_open_minutes(
    calendar: BusinessCalendar, start: datetime, minutes: int
) -> None:
    """Over closings, holidays and clock changes."""
    found = calendar.add_business(start, Duration(business=minutes * MINUTE))
    assert found == walked(calendar, start, minutes)


@given(st.sampled_from(CALENDARS), STARTS, st.integers(0, 3000))
@settings(max_examples=40, deadline=None)
def test_business_time_between_is_the_count_of_open_minutes(
    calendar: BusinessCalendar, start: datetime, minutes: int
) -> None:
    """Every minute asked by itself."""
    wanted = sum(is_open(calendar, start + n * MINUTE) for n in range(minutes))
    assert calendar.business_between(start, start + minutes * MINUTE) == wanted * MINUTE


@given(st.sampled_from(CALENDARS), STARTS)
@settings(max_examples=40, deadline=None)
def test_the_next_opening_is_the_first_open_minute(
    calendar: BusinessCalendar, start: datetime
) -> None:
    """And nothing before it is open."""
    at = start
    while not is_open(calendar, at):
        at += MINUTE
    assert calendar.next_opening(start) == at


@given(st.sampled_from(CALENDARS), STARTS, st.integers(1, 900), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_more_business_time_never_ends_earlier(
    calendar: BusinessCalendar, start: datetime, minutes: int, more: int
) -> None:
    """Monotone in what is added, minutes and days."""
    less, most = (
        calendar.add_business(start, Duration(business=n * MINUTE))
        for n in (minutes, minutes + more)
    )
    assert less <= most
    days = [calendar.add_business(start, Duration(business_days=n)) for n in (1, 2, 5)]
    assert days == sorted(days)


NEW_YORK = zone("America/New_York")
FIXED = st.builds(
    lambda minute, hour, days: f"{minute} {hour} {days}",
    st.integers(0, 59),
    st.integers(0, 4),
    st.sampled_from(["* * *", "* * SUN", "8 3 *", "1 11 *", "* * MON-FRI"]),
)


@lru_cache
def matches(text: str) -> tuple[frozenset[int], ...]:
    every = (range(60), range(24), range(1, 32), range(1, 13), range(7))
    return tuple(
        frozenset(values) if field == "*" else frozenset(map(int, field.split(",")))
        for field, values in zip(parse_cron(text).fields, every, strict=True)
    )


def minutes_of(cron: Cron, start: datetime) -> Iterator[datetime]:
    """The clock times that match, every minute of every day asked, gaps included."""
    minute, hour, day, month, weekday = matches(cron.text)
    at = start.replace(second=0)
    while True:
        at += MINUTE
        fits = at.minute in minute and at.hour in hour and at.month in month
        if fits and at.day in day and at.isoweekday() % 7 in weekday:
            yield at


@given(FIXED, st.sampled_from(["2026-03-08", "2026-11-01"]), st.integers(-2000, 2000))
@settings(max_examples=60, deadline=None)
def test_a_fixed_cron_fires_once_a_clock_time_that_comes(text: str, day: str, off: int) -> None:
    """The first instant after a gap, the first of two: as clock times are read everywhere."""
    cron = parse_cron(text)
    after = datetime.fromisoformat(day).replace(tzinfo=UTC) + off * MINUTE
    start = walltime.local(after, NEW_YORK) - timedelta(hours=2)
    instants = (walltime.instant(clock, NEW_YORK) for clock in minutes_of(cron, start))
    assert next_fire(cron, after, NEW_YORK) == next(at for at in instants if at > after)


@given(
    st.dates(datetime(1930, 1, 1).date(), datetime(2035, 12, 31).date()),
    st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1)),
    st.sampled_from(["", "10 days before ", "3 weeks after ", "14 months after "]),
)
@settings(max_examples=150, deadline=None)
def test_a_yearly_moment_is_the_first_later_one_of_all(
    born: object, after: datetime, offset: str
) -> None:
    """As found by working out a hundred and twenty of them."""
    trigger = Trigger(kind="date", moment=f"{offset}lead.birthday", every="year")
    once = Trigger(kind="date", moment=f"{offset}lead.birthday")
    field = {"lead.birthday": born}
    now = after.replace(tzinfo=UTC)
    found = moment_of(trigger, now, NEW_YORK, field.get, None)  # type: ignore[arg-type]
    day = datetime.combine(born, datetime.min.time())  # type: ignore[arg-type]
    every = []
    for year in range(120):
        on = {"lead.birthday": walltime.instant(walltime.plus_months(day, 12 * year), NEW_YORK)}
        every.append(moment_of(once, now, NEW_YORK, on.get, None))
    assert found == min(at for at in every if at is not None and at > now)
