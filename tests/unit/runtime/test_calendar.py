"""Opening hours, business time, holidays and make-up working days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.playbook.durations import Duration, parse_duration
from engine.runtime.calendar import (
    BusinessCalendar,
    CalendarError,
    DayKind,
    NeverOpenError,
    business_calendar,
)
from engine.runtime.civil import add, zone

SHANGHAI = zone("Asia/Shanghai")
OFFICE = business_calendar(timezone="Asia/Shanghai")
CHINA = business_calendar(timezone="Asia/Shanghai", country="CN")
LUNCH = business_calendar(
    timezone="Asia/Shanghai", hours={"mon-fri": "09:00-12:00, 13:30-18:00", "sat": ["10:00-12:00"]}
)
NEW_YORK = business_calendar(
    timezone="America/New_York",
    country="US",
    hours={"mon-sun": "00:00-24:00"},
    closed=["2026-12-24"],
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


ADDED = [  # 2026-11-21 is a saturday; the office is open monday to friday, 09 to 18
    (OFFICE, "2026-11-21 10:00", "3 business days", "2026-11-26 09:00"),
    (OFFICE, "2026-11-20 17:00", "1 business day", "2026-11-23 17:00"),
    (OFFICE, "2026-11-20 18:00", "1 business day", "2026-11-24 09:00"),
    (OFFICE, "2026-11-20 08:00", "1 business day", "2026-11-23 09:00"),
    (OFFICE, "2026-11-20 17:55", "10 business minutes", "2026-11-23 09:05"),
    (OFFICE, "2026-11-20 17:50", "10 business minutes", "2026-11-20 18:00"),
    (OFFICE, "2026-11-21 10:00", "6 business hours", "2026-11-23 15:00"),
    (OFFICE, "2026-11-20 17:00", "1 business day 2 business hours", "2026-11-24 10:00"),
    (OFFICE, "2026-11-20 17:00", "18 business hours", "2026-11-24 17:00"),
    (LUNCH, "2026-11-20 12:30", "1 business day", "2026-11-23 09:00"),
    (LUNCH, "2026-11-20 11:00", "1 business day", "2026-11-21 11:00"),
    (LUNCH, "2026-11-20 11:30", "1 business hour", "2026-11-20 14:00"),
    (CHINA, "2026-02-13 17:00", "1 business day", "2026-02-14 17:00"),
    (CHINA, "2026-02-14 17:00", "1 business day", "2026-02-24 17:00"),
    (CHINA, "2026-09-30 17:30", "1 business hour", "2026-10-08 09:30"),
]


@pytest.mark.parametrize(("calendar", "start", "length", "expected"), ADDED)
def test_business_time_is_added(
    calendar: BusinessCalendar, start: str, length: str, expected: str
) -> None:
    """It starts at the next opening; n days are the same clock time n working days on."""
    found = add(at(start), parse_duration(length), SHANGHAI, calendar)
    assert found == at(expected)


@pytest.mark.parametrize(
    ("end", "length", "expected"),
    [
        ("2026-11-26 09:00", "3 business days", "2026-11-23 09:00"),
        ("2026-11-21 10:00", "1 business day", "2026-11-19 18:00"),
        ("2026-11-23 09:05", "10 business minutes", "2026-11-20 17:55"),
        ("2026-11-23 10:00", "9 business hours", "2026-11-20 10:00"),
    ],
)
def test_business_time_is_subtracted(end: str, length: str, expected: str) -> None:
    """Backward it starts at the last closing."""
    assert OFFICE.subtract_business(at(end), parse_duration(length)) == at(expected)


@pytest.mark.parametrize(
    ("calendar", "day", "kind"),
    [
        (CHINA, "2026-02-17", DayKind.OFF),
        (CHINA, "2026-02-14", DayKind.MAKE_UP),
        (CHINA, "2026-02-13", DayKind.ORDINARY),
        (NEW_YORK, "2026-11-26", DayKind.OFF),
        (NEW_YORK, "2026-12-24", DayKind.OFF),
        (NEW_YORK, "2026-02-17", DayKind.ORDINARY),
        (OFFICE, "2026-10-01", DayKind.ORDINARY),
    ],
)
def test_a_calendar_knows_its_exceptions(
    calendar: BusinessCalendar, day: str, kind: DayKind
) -> None:
    """Holidays are the country's, make-up days too, and the workspace adds its own."""
    assert calendar.day_kind(date.fromisoformat(day)) is kind


def test_a_make_up_saturday_has_the_hours_of_a_weekday() -> None:
    """A weekday without hours of its own borrows those of the first that has some."""
    assert CHINA.hours(date(2026, 2, 14)) == ((540, 1080),)
    assert CHINA.hours(date(2026, 2, 21)) == ()


def test_what_the_workspace_says_wins() -> None:
    """Closed wins over opened, and both over the holidays."""
    calendar = business_calendar(
        timezone="Asia/Shanghai",
        country="CN",
        opened=["2026-10-01", "2026-10-02"],
        closed=["2026-10-02..2026-10-03", "2026-02-14"],
    )
    assert calendar.hours(date(2026, 10, 1))
    assert not calendar.hours(date(2026, 10, 2))
    assert not calendar.hours(date(2026, 2, 14))


def test_a_calendar_is_closed_from_the_minute_of_closing() -> None:
    """Opening hours hold their first instant, not their last."""
    assert OFFICE.is_open(at("2026-11-20 09:00"))
    assert not OFFICE.is_open(at("2026-11-20 18:00"))
    assert OFFICE.next_opening(at("2026-11-20 18:00")) == at("2026-11-23 09:00")
    assert OFFICE.next_opening(at("2026-11-20 11:11")) == at("2026-11-20 11:11")


def test_business_time_between_two_instants_is_counted() -> None:
    """Only open time counts; backward it is negative."""
    friday, monday = at("2026-11-20 17:30"), at("2026-11-23 09:45")
    assert OFFICE.business_between(friday, monday) == timedelta(minutes=75)
    assert OFFICE.business_between(monday, friday) == timedelta(minutes=-75)


def test_a_day_of_a_clock_change_has_its_real_length() -> None:
    """Round the clock, the day that is set forward has 23 hours."""
    day = NEW_YORK.openings(date(2026, 3, 8))
    assert sum((end - start for start, end in day), timedelta()) == timedelta(hours=23)


def test_years_that_are_not_announced_are_estimates() -> None:
    """China announces its make-up days a year ahead; a country that moves none never does."""
    assert CHINA.estimated_years(2024, 2026) == ()
    assert 2030 in CHINA.estimated_years(2026, 2030)
    assert NEW_YORK.estimated_years(2024, 2040) == ()


def test_a_country_without_known_holidays_is_refused() -> None:
    """It is named, and the help says what to do without."""
    with pytest.raises(CalendarError, match="'XX'") as caught:
        business_calendar(timezone="UTC", country="XX")
    assert "closed" in caught.value.help


def test_a_calendar_that_never_opens_is_found_out() -> None:
    """The search for an opening ends."""
    never = BusinessCalendar(zone=SHANGHAI, week={})
    with pytest.raises(NeverOpenError):
        never.next_opening(at("2026-11-20 18:00"))


CALENDARS = st.sampled_from([OFFICE, CHINA, LUNCH, NEW_YORK])
INSTANTS = st.datetimes(datetime(2023, 1, 1), datetime(2026, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC, microsecond=0)
)
LENGTHS = st.integers(1, 6000).map(lambda minutes: timedelta(minutes=minutes))


@given(CALENDARS, INSTANTS, LENGTHS)
@settings(max_examples=100, deadline=None)
def test_what_was_added_lies_between(
    calendar: BusinessCalendar, start: datetime, length: timedelta
) -> None:
    """Adding business time and then counting it gives it back."""
    end = calendar.add_business(start, Duration(business=length))
    assert calendar.business_between(start, end) == length
    back = calendar.subtract_business(end, Duration(business=length))
    assert calendar.business_between(back, end) == length


@given(CALENDARS, INSTANTS, INSTANTS, st.integers(1, 15))
@settings(max_examples=100, deadline=None)
def test_who_starts_later_is_never_done_earlier(
    calendar: BusinessCalendar, one: datetime, other: datetime, days: int
) -> None:
    """Business days and business hours keep the order of their starts."""
    early, late = sorted((one, other))
    for duration in (Duration(business_days=days), Duration(business=timedelta(hours=days))):
        assert calendar.add_business(early, duration) <= calendar.add_business(late, duration)


@given(CALENDARS, INSTANTS, st.integers(1, 10))
@settings(max_examples=100, deadline=None)
def test_business_days_end_while_it_is_open(
    calendar: BusinessCalendar, start: datetime, days: int
) -> None:
    """And one day more ends later."""
    found = calendar.add_business(start, Duration(business_days=days))
    assert calendar.is_open(found)
    assert calendar.add_business(start, Duration(business_days=days + 1)) > found
