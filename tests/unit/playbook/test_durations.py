"""Lengths of time: what is read, what is refused, and what is said instead."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.playbook.durations import Duration, DurationError, parse_duration, parse_offset

ACCEPTED = [
    ("45 seconds", Duration(exact=timedelta(seconds=45)), "45 seconds"),
    ("30 minutes", Duration(exact=timedelta(minutes=30)), "30 minutes"),
    ("4 hours", Duration(exact=timedelta(hours=4)), "4 hours"),
    ("4 hrs", Duration(exact=timedelta(hours=4)), "4 hours"),
    ("48 hours", Duration(exact=timedelta(hours=48)), "48 hours"),
    ("90 minutes", Duration(exact=timedelta(minutes=90)), "1 hour 30 minutes"),
    ("2 days", Duration(days=2), "2 days"),
    ("1 week", Duration(days=7), "7 days"),
    ("1 day 4 hours", Duration(days=1, exact=timedelta(hours=4)), "1 day 4 hours"),
    ("1 day and 4 hours", Duration(days=1, exact=timedelta(hours=4)), "1 day 4 hours"),
    ("2d", Duration(days=2), "2 days"),
    ("10 business minutes", Duration(business=timedelta(minutes=10)), "10 business minutes"),
    ("6 business hours", Duration(business=timedelta(hours=6)), "6 business hours"),
    ("3 business days", Duration(business_days=3), "3 business days"),
    ("3天", Duration(days=3), "3 days"),
    ("２ 小时", Duration(exact=timedelta(hours=2)), "2 hours"),
    ("1天 12个小时", Duration(days=1, exact=timedelta(hours=12)), "1 day 12 hours"),
    ("3个工作日", Duration(business_days=3), "3 business days"),
    ("0 minutes", Duration(), "0 seconds"),
]

REFUSED = [
    ("4 m", "ambiguous", "write '4 minutes' or '4 months'"),
    ("3月", "ambiguous", "write '3 minutes' or '3 months'"),
    ("3 months", "no fixed length", "such as '30 days'"),
    ("3", "has no unit", "'3 days'"),
    ("", "missing", "'2 days'"),
    ("-2 days", "less than nothing", "'2 days'"),
    ("2 dyas", "no unit of time 'dyas'", "did you mean '2 days'?"),
    ("2 workdays", "no unit of time 'workdays'", "did you mean 'business days'?"),
    ("3 busines hours", "no unit of time 'busines'", "did you mean '3 business days'?"),
    ("1.5 days", "not a whole number", "write '1 day 12 hours'"),
    ("0.5 hours", "not a whole number", "write '30 minutes'"),
    ("1.5 business days", "not a whole number", "'2 days'"),
    ("1 day 2 business hours", "mixes business time", "before every unit"),
    ("1 day 2 days", "counts days twice", "add them up"),
    ("2 business weeks", "no business weeks", "business days"),
    ("2 business", "business what", "business days"),
    ("half a day", "not a length of time", "'2 days'"),
    ("999999999 days", "longer than 100 years", "'2 days'"),
    ("9999999999999 days", "longer than 100 years", "'2 days'"),
    ("1 day " * 30, "more than 100 characters", "'2 days'"),
]


@pytest.mark.parametrize(("text", "expected", "canonical"), ACCEPTED, ids=[a[0] for a in ACCEPTED])
def test_a_length_is_read_and_has_one_spelling(
    text: str, expected: Duration, canonical: str
) -> None:
    """A length is read by its parts, and written back in one way."""
    assert parse_duration(text) == expected
    assert str(expected) == canonical


@pytest.mark.parametrize(("text", "fault", "help"), REFUSED, ids=[r[0][:20] for r in REFUSED])
def test_what_could_be_read_in_two_ways_is_refused(text: str, fault: str, help: str) -> None:
    """A refusal names the fault first and says what to write."""
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert fault in caught.value.message
    assert help in caught.value.help


def test_months_count_only_as_the_offset_of_a_date() -> None:
    """Three months before a date is fine; waiting three months is not."""
    assert parse_offset("3 months") == Duration(months=3)
    assert parse_offset("2个月").text == "2 months"


@pytest.mark.parametrize(
    ("text", "rough"),
    [("2 business days", timedelta(days=2)), ("1 week", timedelta(days=7))],
    ids=["business", "week"],
)
def test_lengths_can_be_compared_roughly(text: str, rough: timedelta) -> None:
    """A rough length sorts durations of all kinds."""
    assert parse_duration(text).rough == rough


PLAIN = st.builds(
    Duration,
    months=st.integers(0, 1200),
    days=st.integers(0, 36_000),
    exact=st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds)),
)
BUSINESS = st.builds(
    Duration,
    business_days=st.integers(0, 26_000),
    business=st.integers(0, 10**6).map(lambda minutes: timedelta(minutes=minutes)),
)


@given(PLAIN | BUSINESS)
@settings(max_examples=150, deadline=None)
def test_reading_what_was_written_gives_the_same_length(duration: Duration) -> None:
    """The canonical spelling loses nothing."""
    assert parse_offset(duration.text) == duration


@given(st.text(max_size=40) | st.text("0123456789 .-dayshourmbusin天个月", max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused_with_help(text: str) -> None:
    """No text breaks the reader."""
    try:
        assert isinstance(parse_duration(text), Duration)
    except InputError as wrong:
        assert wrong.message
        assert wrong.help
