"""Arithmetic on the calendar of a zone, over clock changes and the ends of months."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.playbook import walltime
from engine.playbook.durations import Duration, parse_offset
from engine.playbook.moments import parse_moment
from engine.playbook.values import Value
from engine.runtime.civil import ZoneError, add, next_moment, subtract, zone

NEW_YORK = zone("America/New_York")  # 2026: forward on March 8, back on November 1
BERLIN = zone("Europe/Berlin")
SHANGHAI = zone("Asia/Shanghai")

ADDED = [
    ("2026-03-07 09:00", "1 day", "2026-03-08 09:00-04:00"),
    ("2026-03-07 09:00", "24 hours", "2026-03-08 10:00-04:00"),
    ("2026-03-07 02:30", "1 day", "2026-03-08 03:00-04:00"),
    ("2026-03-07 02:30", "1 day 1 hour", "2026-03-08 04:00-04:00"),
    ("2026-10-31 01:30", "1 day", "2026-11-01 01:30-04:00"),
    ("2026-10-31 01:30", "1 day 1 hour", "2026-11-01 01:30-05:00"),
    ("2026-10-25 09:00", "1 week", "2026-11-01 09:00-05:00"),
    ("2026-01-31 12:00", "1 month", "2026-02-28 12:00-05:00"),
    ("2027-12-31 12:00", "2 months", "2028-02-29 12:00-05:00"),
    ("2026-01-31 12:00", "1 month 1 day", "2026-03-01 12:00-05:00"),
]


def at(text: str, where: ZoneInfo = NEW_YORK) -> datetime:
    return walltime.instant(datetime.fromisoformat(text), where)


@pytest.mark.parametrize(("start", "length", "expected"), ADDED)
def test_days_keep_the_clock_and_hours_are_exact(start: str, length: str, expected: str) -> None:
    """A day is one of the calendar; a gap ends at its first instant; the first of two counts."""
    assert add(at(start), parse_offset(length), NEW_YORK) == datetime.fromisoformat(expected)


def test_an_hour_added_to_nothing_but_the_clock_keeps_the_instant() -> None:
    """The second 01:30 of a night stays the second when no day is added."""
    second = datetime.fromisoformat("2026-11-01T01:30:00-05:00")
    assert add(second, parse_offset("0 days"), NEW_YORK) == second


@pytest.mark.parametrize(
    ("end", "length", "expected"),
    [("2026-03-31", "1 month", "2026-02-28"), ("2026-05-31", "3 months", "2026-02-28")],
)
def test_months_before_a_date_end_on_the_last_day(end: str, length: str, expected: str) -> None:
    """The 31st becomes the last day."""
    assert subtract(at(end), parse_offset(length), NEW_YORK) == at(expected)


def test_business_time_needs_a_calendar() -> None:
    """It is a mistake of the caller, not of the author."""
    with pytest.raises(ValueError, match="needs a calendar"):
        add(at("2026-03-07"), Duration(business_days=1), NEW_YORK)


def test_an_unknown_zone_is_named() -> None:
    """The error shows how a zone is written."""
    with pytest.raises(ZoneError, match="'Asia/Shangai'"):
        zone("Asia/Shangai")


RECORD: dict[str, Value] = {
    "lead.trial_ends_at": datetime(2026, 12, 31, 4, tzinfo=UTC),
    "deal.contract_ends_at": date(2026, 5, 31),
    "lead.answer": "2026-12-01 09:00",
    "lead.title": "CTO",
}

MOMENTS = [
    ("next monday 09:00", "2026-11-23 09:00"),
    ("next saturday 12:00", "2026-11-21 12:00"),
    ("next saturday 11:59", "2026-11-28 11:59"),
    ("2026-12-01 09:00", "2026-12-01 09:00"),
    ("2020-01-01", "2020-01-01 00:00"),
    ("lead.trial_ends_at", "2026-12-31 12:00"),
    ("2 days before lead.trial_ends_at", "2026-12-29 12:00"),
    ("1 week after lead.trial_ends_at", "2027-01-07 12:00"),
    ("3 months before deal.contract_ends_at", "2026-02-28 00:00"),
    ("lead.answer", "2026-12-01 09:00"),
    ("0 9 * * MON", "2026-11-23 09:00"),
    ("lead.title", None),
    ("lead.birthday", None),
]


@pytest.mark.parametrize(("text", "expected"), MOMENTS, ids=[each[0] for each in MOMENTS])
def test_a_moment_comes_when_it_says(text: str, expected: str | None) -> None:
    """Seen from a saturday at 11:59 in Shanghai."""
    now = at("2026-11-21 11:59", SHANGHAI)
    found = next_moment(parse_moment(text), now, SHANGHAI, RECORD.get)
    assert found == (at(expected, SHANGHAI) if expected else None)


ZONES = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Shanghai",
     "Africa/Casablanca", "America/Sao_Paulo", "Asia/Tehran", "UTC"]
).map(zone)  # fmt: skip
CLOCKS = st.datetimes(datetime(1975, 1, 1), datetime(2040, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(ZONES, CLOCKS)
@settings(max_examples=300, deadline=None)
def test_every_clock_time_names_an_instant_that_exists(where: ZoneInfo, clock: datetime) -> None:
    """It is the clock time itself, or the first instant after the gap that skips it."""
    found = walltime.instant(clock, where)
    shown = walltime.local(found, where)
    assert shown >= clock
    if shown != clock:
        before = walltime.local(found - timedelta(seconds=1), where)
        assert before < clock


@given(ZONES, CLOCKS, CLOCKS)
@settings(max_examples=200, deadline=None)
def test_a_later_clock_time_is_never_an_earlier_instant(
    where: ZoneInfo, one: datetime, other: datetime
) -> None:
    """Gaps and doubled hours keep the order of clock times."""
    early, late = sorted((one, other))
    assert walltime.instant(early, where) <= walltime.instant(late, where)


@given(ZONES, CLOCKS, st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_more_days_never_end_earlier(
    where: ZoneInfo, clock: datetime, one: int, other: int
) -> None:
    """Adding is monotone in what is added."""
    start = clock.replace(tzinfo=UTC)
    few, many = sorted((one, other))
    assert add(start, Duration(days=few), where) <= add(start, Duration(days=many), where)


@given(CLOCKS, st.integers(0, 3650))
@settings(max_examples=100, deadline=None)
def test_near_every_clock_change_days_keep_the_clock(clock: datetime, days: int) -> None:
    """Only a gap moves the clock time of a later day."""
    start = walltime.instant(clock, BERLIN)
    shown = walltime.local(add(start, Duration(days=days), BERLIN), BERLIN)
    wanted = walltime.local(start, BERLIN) + timedelta(days=days)
    assert shown == wanted or (shown - wanted <= timedelta(hours=1) and shown.hour in (1, 3, 4))
