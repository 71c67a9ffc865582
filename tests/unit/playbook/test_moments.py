"""Times, cron expressions, days, hours and dates, as they are written."""

from datetime import date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.playbook.cron import CronError, parse_cron
from engine.playbook.durations import Duration
from engine.playbook.hours import HoursError, parse_dates, parse_days, parse_hours, parse_week
from engine.playbook.moments import (
    CivilMoment,
    CronMoment,
    FieldMoment,
    Moment,
    MomentError,
    NextWeekday,
    parse_moment,
)

ACCEPTED: list[tuple[str, Moment]] = [
    ("next monday 09:00", NextWeekday(0, time(9))),
    ("Next Sun at 17:30", NextWeekday(6, time(17, 30))),
    ("2026-12-01 09:00", CivilMoment(datetime(2026, 12, 1, 9))),
    ("2026-12-01", CivilMoment(datetime(2026, 12, 1))),
    ("lead.trial_ends_at", FieldMoment("lead.trial_ends_at")),
    ("trial_ends_at", FieldMoment("trial_ends_at")),
    (
        "2 days before lead.trial_ends_at",
        FieldMoment("lead.trial_ends_at", Duration(days=2), "before"),
    ),
    (
        "3 business days before trial_ends_at",
        FieldMoment("trial_ends_at", Duration(business_days=3), "before"),
    ),
    (
        "3 months before deal.contract_ends_at",
        FieldMoment("deal.contract_ends_at", Duration(months=3), "before"),
    ),
    (
        "1 business day after lead.created_at",
        FieldMoment("lead.created_at", Duration(business_days=1)),
    ),
    ("0 9 * * MON", CronMoment(parse_cron("0 9 * * MON"))),
]

REFUSED = [
    ("monday", "exactly when", "write 'next monday 09:00'"),
    ("next monday", "exactly when", "write 'next monday 09:00'"),
    ("next mnday 09:00", "'mnday'", "did you mean 'next monday'?"),
    ("next monday 25:00", "'25:00'", "'09:00'"),
    ("2026-02-30", "does not exist", "look at"),
    ("2026-12-01T09:00+08:00", "not a date and time", "without an offset"),
    ("tomorrow", "not a time", "next monday"),
    ("2 dyas before lead.trial_ends_at", "'dyas'", "2 days"),
    ("4 m after lead.created_at", "ambiguous", "4 minutes"),
    ("2 days before", "not a time", "next monday"),
    ("2 days before 5", "which field", "lead.trial_ends_at"),
    ("0 0 9 * * MON", "6 fields", "leave out the seconds: '0 9 * * MON'"),
    ("", "missing", "next monday"),
]

REFUSED_CRON = [
    ("* * * *", "4 fields"),
    ("6/10 * * * *", "'6/10' is no minute"),
    ("60 * * * *", "'60' is no minute"),
    ("0 9 30 2 *", "never fires"),
    ("0 9 31 4,6 *", "never fires"),
    ("0 9 * * FRI-MON", "'FRI-MON'"),
    ("0 9 */2 * MON", "limits both days"),
    ("0 9 L * MON", "limits both days"),
    ("０ 9 * * *", "is no minute"),
    ("0 9 ? * *", "'?'"),
    ("*/0 * * * *", "'*/0'"),
    ("0 9 * * MON#6", "'MON#6'"),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED, ids=[each[0] for each in ACCEPTED])
def test_a_time_is_read(text: str, expected: Moment) -> None:
    """Each spelling is a value of its own, and its text reads back as the same."""
    assert parse_moment(text) == expected
    assert parse_moment(expected.text) == expected


@pytest.mark.parametrize(("text", "fault", "help"), REFUSED, ids=[each[0] for each in REFUSED])
def test_a_time_that_is_not_understood_is_refused(text: str, fault: str, help: str) -> None:
    """A refusal names the fault and shows a spelling."""
    with pytest.raises(MomentError) as caught:
        parse_moment(text)
    assert fault in caught.value.message
    assert help in caught.value.help


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("*/15 9-10 * * mon-wed", "0,15,30,45 9,10 * * 1,2,3"),
        ("0 9 * * SAT-SUN", "0 9 * * 0,6"),
        ("0 9 * * 7", "0 9 * * 0"),
        ("0 9 1-10/3 JAN,jul *", "0 9 1,4,7,10 1,7 *"),
        ("0 9 L * *", "0 9 L * *"),
        ("0 9 * * fri#2", "0 9 * * 5#2"),
        ("@daily", "0 0 * * *"),
    ],
)
def test_a_cron_expression_is_written_out(text: str, plain: str) -> None:
    """Names, ranges and steps become lists that every cron reads alike."""
    assert parse_cron(text).plain == plain


@pytest.mark.parametrize(("text", "fault"), REFUSED_CRON, ids=[each[0] for each in REFUSED_CRON])
def test_a_cron_expression_that_crons_differ_about_is_refused(text: str, fault: str) -> None:
    """Five fields, no seconds, nothing that never fires or is read in two ways."""
    with pytest.raises(CronError) as caught:
        parse_cron(text)
    assert fault in caught.value.message
    assert caught.value.help


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat, sun", {5, 6}),
        ("fri-mon", {4, 5, 6, 0}),
        ("Monday", {0}),
        (["mon", "wed-thu"], {0, 2, 3}),
    ],
)
def test_days_of_the_week_are_read(text: str | list[str], days: set[int]) -> None:
    """Ranges may run over the weekend."""
    assert parse_days(text) == days


def test_hours_are_read_in_order() -> None:
    """A lunch break makes two ranges; 24:00 ends a day."""
    assert parse_hours("13:30-18:00, 09:00-12:00") == ((540, 720), (810, 1080))
    assert parse_hours("00:00-24:00") == ((0, 1440),)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("18:00-09:00", "ends before it begins"),
        ("09:00-12:00,11:00-13:00", "overlap"),
        ("9-18", "no range of hours"),
        ("09:00-24:30", "later than 24:00"),
        ("09:00-10:75", "later than 24:00"),
    ],
)
def test_hours_that_cannot_be_are_refused(text: str, fault: str) -> None:
    """Hours run forward within one day and do not overlap."""
    with pytest.raises(HoursError, match=fault):
        parse_hours(text)


def test_a_day_has_its_hours_once() -> None:
    """Two entries for one day are a mistake."""
    with pytest.raises(HoursError, match="'fri' has hours twice"):
        parse_week({"mon-fri": "09:00-18:00", "fri": "09:00-12:00"})


def test_dates_are_read_one_by_one_and_as_ranges() -> None:
    """A range holds its first and its last day."""
    found = parse_dates(["2026-12-31..2027-01-02", date(2026, 5, 1)])
    assert sorted(found) == [
        date(2026, 5, 1), date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2)
    ]  # fmt: skip
    with pytest.raises(HoursError, match="ends before it begins"):
        parse_dates(["2027-01-02..2026-12-31"])


@given(st.text(max_size=40) | st.text("0123456789-: */,MONLnextbfora#.", max_size=25))
@settings(max_examples=250, deadline=None)
def test_any_text_is_a_time_or_refused_with_help(text: str) -> None:
    """No text breaks the readers."""
    for reads in (parse_moment, parse_cron, parse_days, parse_hours):
        try:
            assert reads(text) is not None
        except InputError as wrong:
            assert wrong.message
            assert wrong.help
