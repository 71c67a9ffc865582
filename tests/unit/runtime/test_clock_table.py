"""The table of hard times: clock changes, missing and doubled hours, weekends, 国庆, 春节, 调休."""

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.playbook import walltime
from engine.playbook.cron import parse_cron
from engine.playbook.durations import parse_duration
from engine.playbook.moments import parse_moment
from engine.playbook.plan import Trigger
from engine.runtime.calendar import BusinessCalendar, business_calendar
from engine.runtime.civil import add, next_moment, zone
from engine.runtime.coming import moment_of
from engine.runtime.cron import next_fire
from engine.runtime.send_window import send_window

NEW_YORK, TOKYO, SHANGHAI = map(zone, ("America/New_York", "Asia/Tokyo", "Asia/Shanghai"))
BERLIN, SYDNEY, UTC_ZONE = map(zone, ("Europe/Berlin", "Australia/Sydney", "UTC"))
CN = business_calendar(timezone="Asia/Shanghai", country="CN")
OFFICE = business_calendar(timezone="America/New_York", hours={"mon-fri": "09:00-17:00"})


def no_field(name: str) -> None:
    """A record without any field."""


NINE = [
    ("2026-03-07", "2026-03-07T14:00Z"),
    ("2026-03-08", "2026-03-08T13:00Z"),
    ("2026-10-31", "2026-10-31T13:00Z"),
    ("2026-11-01", "2026-11-01T14:00Z"),
]


@pytest.mark.parametrize(("day", "instant"), NINE, ids=[day for day, _ in NINE])
def test_nine_oclock_in_new_york_across_both_changes(day: str, instant: str) -> None:
    """By a moment, by a cron expression, by days that are added, and by a send window."""
    wanted = datetime.fromisoformat(instant)
    before = wanted - timedelta(hours=5)
    assert next_moment(parse_moment(f"{day} 09:00"), before, NEW_YORK, no_field) == wanted
    assert next_fire(parse_cron("0 9 * * *"), before, NEW_YORK) == wanted
    yesterday = walltime.instant(datetime.fromisoformat(f"{day} 09:00") - timedelta(1), NEW_YORK)
    assert add(yesterday, parse_duration("1 day"), NEW_YORK) == wanted
    assert send_window(hours="09:00-17:00").next_open(before, NEW_YORK) == wanted


HALF_PAST = [
    ("2026-03-08 02:30", "2026-03-08T07:00Z", "03:00 is the first instant after the gap"),
    ("2026-11-01 01:30", "2026-11-01T05:30Z", "the first of the two"),
    ("2026-11-01 02:30", "2026-11-01T07:30Z", "once only: the hour from one to two is doubled"),
]


@pytest.mark.parametrize(("clock", "instant", "why"), HALF_PAST, ids=[one[2] for one in HALF_PAST])
def test_a_clock_time_in_the_missing_and_in_the_doubled_hour(
    clock: str, instant: str, why: str
) -> None:
    """By a moment and by a cron expression, which fires once."""
    wanted = datetime.fromisoformat(instant)
    local = datetime.fromisoformat(clock)
    before = wanted - timedelta(hours=3)
    assert next_moment(parse_moment(clock), before, NEW_YORK, no_field) == wanted
    cron = parse_cron(f"{local.minute} {local.hour} * * *")
    first = next_fire(cron, before, NEW_YORK)
    assert first == wanted
    following = next_fire(cron, first, NEW_YORK)
    assert following is not None
    assert following - first > timedelta(hours=20)


MISSING = [
    ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:00Z"),
    ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30Z"),
    ("Australia/Sydney", "2026-10-04 02:30", "2026-10-03T16:00Z"),
    ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:30Z"),
    ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04T03:00Z"),
    ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00Z"),
]


@pytest.mark.parametrize(("where", "clock", "instant"), MISSING)
def test_hours_and_days_that_other_places_leave_out(where: str, clock: str, instant: str) -> None:
    """Half an hour on an island, midnight in Brazil, a whole day in Samoa."""
    found = walltime.instant(datetime.fromisoformat(clock), zone(where))
    assert found == datetime.fromisoformat(instant)


WINDOW = send_window(days="mon-fri", hours="09:00-17:30", timezone="Asia/Tokyo")
IN_TOKYO = [
    ("2026-11-20T01:00-05:00", "2026-11-20T15:00+09:00", "friday afternoon in Tokyo"),
    ("2026-11-20T03:30-05:00", "2026-11-23T09:00+09:00", "closed: the weekend begins there"),
    ("2026-11-22T18:59-05:00", "2026-11-23T09:00+09:00", "sunday evening is monday morning"),
    ("2026-11-22T19:30-05:00", "2026-11-23T09:30+09:00", "and the window is open"),
    ("2026-11-20T20:00-05:00", "2026-11-23T09:00+09:00", "friday evening is saturday"),
]


@pytest.mark.parametrize(("at", "opens", "why"), IN_TOKYO, ids=[one[2] for one in IN_TOKYO])
def test_a_window_in_tokyo_seen_from_new_york(at: str, opens: str, why: str) -> None:
    """The days are Tokyo's days; where the lead is does not matter."""
    found = WINDOW.next_open(datetime.fromisoformat(at), NEW_YORK)
    assert found == datetime.fromisoformat(opens)


DAYS = [
    ("2026-09-25", False, "中秋"),
    ("2026-09-20", True, "sunday worked for 国庆"),
    ("2026-10-01", False, "国庆"),
    ("2026-10-07", False, "its last day"),
    ("2026-10-08", True, "back at work"),
    ("2026-10-10", True, "saturday worked for 国庆"),
    ("2026-10-11", False, "an ordinary sunday"),
    ("2026-02-14", True, "saturday worked for 春节"),
    ("2026-02-15", False, "春节 begins"),
    ("2026-02-23", False, "春节 ends"),
    ("2026-02-28", True, "saturday worked for 春节"),
    ("2025-01-26", True, "sunday worked for 春节 2025"),
    ("2025-10-08", False, "国庆 and 中秋 2025"),
    ("2025-10-11", True, "saturday worked for 国庆 2025"),
]


@pytest.mark.parametrize(("day", "works", "why"), DAYS, ids=[f"{one[0]} {one[2]}" for one in DAYS])
def test_chinese_holidays_and_make_up_days(day: str, works: bool, why: str) -> None:
    """As the State Council announced them."""
    assert bool(CN.hours(date.fromisoformat(day))) is works


BUSINESS = [
    (CN, "2026-09-30 17:00", "1 business day", "2026-10-08 17:00"),
    (CN, "2026-09-30 17:00", "3 business days", "2026-10-10 17:00"),
    (CN, "2026-09-30 17:00", "4 business days", "2026-10-12 17:00"),
    (CN, "2026-10-03 12:00", "2 business hours", "2026-10-08 11:00"),
    (CN, "2026-02-14 17:30", "1 business hour", "2026-02-24 09:30"),
    (OFFICE, "2026-03-06 16:00", "2 business hours", "2026-03-09 10:00"),
    (OFFICE, "2026-03-06 09:00", "1 business day", "2026-03-09 09:00"),
    (OFFICE, "2026-10-30 16:30", "1 business hour", "2026-11-02 09:30"),
    (OFFICE, "2026-11-01 12:00", "3 business days", "2026-11-05 09:00"),
]


@pytest.mark.parametrize(("calendar", "start", "length", "end"), BUSINESS)
def test_business_time_over_holidays_weekends_and_clock_changes(
    calendar: BusinessCalendar, start: str, length: str, end: str
) -> None:
    """N business days are the same clock time N working days on."""
    at = walltime.instant(datetime.fromisoformat(start), calendar.zone)
    wanted = walltime.instant(datetime.fromisoformat(end), calendar.zone)
    assert calendar.add_business(at, parse_duration(length)) == wanted


MOMENTS = [
    ("14 days before lead.at", "", "2026-03-15T09:00", "2026-03-01T09:00"),
    ("1 day before lead.at", "", "2026-03-09T02:30", "2026-03-08T03:00"),
    ("1 month before lead.at", "", "2026-03-31", "2026-02-28"),
    ("1 month before lead.at", "", "2028-03-31", "2028-02-29"),
    ("3 months after lead.at", "", "2026-11-30", "2027-02-28"),
    ("3 business days before lead.at", "", "2026-03-11", "2026-03-05T17:00"),
    ("lead.at", "year", "1992-02-29", "2027-02-28"),
    ("1 day before lead.at", "year", "1992-02-29", "2027-02-27"),
    ("1 day after lead.at", "year", "1992-02-29", "2027-03-01"),
    ("lead.at", "year", "2000-03-01", "2027-03-01"),
    ("lead.at", "year", "2030-07-01", "2030-07-01"),
    ("18 months after lead.at", "year", "1990-10-05", "2026-04-05"),
    ("2 weeks before lead.at", "year", "1990-01-05", "2026-12-22"),
]


@pytest.mark.parametrize(("moment", "every", "field", "wanted"), MOMENTS)
def test_the_moment_of_a_record(moment: str, every: str, field: str, wanted: str) -> None:
    """In New York, looked for from the 2nd of March 2026 on."""
    trigger = Trigger(kind="date", moment=moment, every="year" if every else "")
    value = datetime.fromisoformat(field)
    whole = value.date() if len(field) == len("2026-03-31") else value
    after = datetime(2026, 3, 2, 12, tzinfo=UTC)
    found = moment_of(trigger, after, NEW_YORK, {"lead.at": whole}.get, OFFICE)
    assert found == walltime.instant(datetime.fromisoformat(wanted), NEW_YORK)


def test_twenty_birthdays_of_a_leap_day() -> None:
    """The 29th in leap years, the 28th in the others; none is left out, none doubled."""
    trigger = Trigger(kind="date", moment="lead.birthday", every="year")
    at, days = datetime(2026, 1, 1, tzinfo=UTC), []
    for _ in range(20):
        found = moment_of(trigger, at, SHANGHAI, {"lead.birthday": date(1992, 2, 29)}.get, None)
        assert found is not None
        days.append(walltime.local(found, SHANGHAI).date())
        at = found
    assert days == [date(year, 2, 29 if year % 4 == 0 else 28) for year in range(2026, 2046)]
