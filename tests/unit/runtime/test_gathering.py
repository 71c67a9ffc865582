"""When our own people are told: by the clock on their wall, never in their quiet hours."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.playbook.hours import parse_week
from engine.runtime.calendar import BusinessCalendar
from engine.runtime.gathering import Manner, minutes_of, told_at

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
WEEK = parse_week({"mon-fri": "09:00-18:00"})
CN = BusinessCalendar(SHANGHAI, WEEK, country="CN")
NIGHT = (20 * 60, 8 * 60)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "every", "manner", "expected"),
    [
        ("2026-03-02 12:20", "", Manner(SHANGHAI), "2026-03-02 12:20"),
        ("2026-03-02 12:20", "1 hour", Manner(SHANGHAI), "2026-03-02 13:00"),
        ("2026-03-02 12:00", "1 hour", Manner(SHANGHAI), "2026-03-02 13:00"),
        ("2026-03-02 23:50", "7 hours", Manner(SHANGHAI), "2026-03-03 00:00"),
        ("2026-03-02 12:20", "30 minutes", Manner(SHANGHAI, NIGHT), "2026-03-02 12:30"),
        ("2026-03-02 19:40", "1 hour", Manner(SHANGHAI, NIGHT), "2026-03-03 08:00"),
        ("2026-03-02 19:59", "", Manner(SHANGHAI, NIGHT), "2026-03-02 19:59"),
        ("2026-03-02 20:00", "", Manner(SHANGHAI, NIGHT), "2026-03-03 08:00"),
        ("2026-03-03 07:59", "", Manner(SHANGHAI, NIGHT), "2026-03-03 08:00"),
        ("2026-03-03 08:00", "", Manner(SHANGHAI, NIGHT), "2026-03-03 08:00"),
        ("2026-03-03 12:30", "", Manner(SHANGHAI, (720, 840)), "2026-03-03 14:00"),
        ("2026-03-02 12:20", "morning", Manner(SHANGHAI), "2026-03-03 09:00"),
        ("2026-03-02 08:20", "morning", Manner(SHANGHAI), "2026-03-02 09:00"),
        # Friday evening: Monday. Before the Chinese New Year: after it, on a 调休 Saturday.
        ("2026-03-06 19:00", "morning", Manner(SHANGHAI, None, CN.next_opening),
         "2026-03-09 09:00"),
        ("2026-02-14 19:00", "morning", Manner(SHANGHAI, None, CN.next_opening),
         "2026-02-24 09:00"),
        ("2026-02-27 19:00", "morning", Manner(SHANGHAI, None, CN.next_opening),
         "2026-02-28 09:00"),
        ("2026-03-06 19:00", "", Manner(SHANGHAI, None, CN.next_opening, off_hours=True),
         "2026-03-09 09:00"),
        ("2026-03-04 12:00", "1 week", Manner(SHANGHAI), "2026-03-09 09:00"),
        ("2026-03-02 12:00", "08:30", Manner(SHANGHAI), "2026-03-03 08:30"),
        ("2026-03-02 12:00", "08:30", Manner(SHANGHAI, NIGHT), "2026-03-03 08:30"),
        ("2026-03-02 12:00", "06:30", Manner(SHANGHAI, NIGHT), "2026-03-03 08:00"),
    ],
)  # fmt: skip
def test_when_somebody_is_told(now: str, every: str, manner: Manner, expected: str) -> None:
    """At once, at the full hour, in the morning, after the quiet hours."""
    assert told_at(at(now), every, manner) == at(expected)


def test_clocks_that_change_lose_nothing() -> None:
    """02:30 that does not exist is 03:00; of the doubled hour both are told, each in its hour."""
    gap = told_at(at("2026-03-29 01:10", BERLIN), "02:30", Manner(BERLIN))
    assert gap == at("2026-03-29 03:00", BERLIN)
    doubled = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)  # 02:10, for the first time
    first = told_at(doubled, "30 minutes", Manner(BERLIN))
    second = told_at(doubled + timedelta(hours=1), "30 minutes", Manner(BERLIN))
    assert (first - doubled, second - first) == (timedelta(minutes=20), timedelta(hours=1))


moments = st.datetimes(
    datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)
)  # fmt: skip
everys = st.sampled_from(["", "1 minute", "45 minutes", "1 hour", "7 hours", "morning", "1 day",
                          "1 week", "08:30", "23:59", "00:00"])  # fmt: skip
quiets = st.one_of(
    st.none(), st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda q: q[0] != q[1])
)


@settings(max_examples=50)
@given(
    moments, everys, quiets, st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"])
)
def test_nobody_is_told_too_early_or_in_quiet_hours(
    now: datetime, every: str, quiet: tuple[int, int] | None, name: str
) -> None:
    """Later than now where it is gathered, and outside of quiet hours.

    What comes between now and that moment is never told before; without quiet hours, with it.
    """
    zone = ZoneInfo(name)
    manner = Manner(zone, quiet)
    told = told_at(now, every, manner)
    assert told > now if every else told >= now
    steady = now.astimezone(zone).utcoffset() == told.astimezone(zone).utcoffset()
    if every and steady:
        between = now + (told - now) / 2
        again = told_at(between, every, manner)
        assert again > between and again >= told
        assert again == told or quiet is not None
    if quiet is not None:
        here = told.astimezone(zone)
        minute, (begins, ends) = here.hour * 60 + here.minute, quiet
        inside = begins <= minute < ends if begins < ends else not ends <= minute < begins
        changes = here.utcoffset() != (told - timedelta(hours=3)).astimezone(zone).utcoffset()
        assert not inside or changes


def test_a_time_of_day_in_minutes() -> None:
    assert (minutes_of("8:05"), minutes_of("23:59")) == (485, 1439)
