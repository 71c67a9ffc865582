"""Sending at a rate: slots that no stretch of time holds too many of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.pacing import Pace, next_slot

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def slots(pace: Pace, asked: list[datetime]) -> list[datetime]:
    """The slots of mails that ask at these times."""
    found, next_at = [], None
    for now in asked:
        slot, next_at = next_slot(pace, next_at, now)
        found.append(slot)
    return found


def test_a_tenth_leaves_at_once_and_the_rest_is_spread() -> None:
    """Of 100 a minute ten go now, and the eleventh in two thirds of a second."""
    pace = Pace(100, timedelta(minutes=1))
    found = slots(pace, [NOON] * 11)
    assert found[:10] == [NOON] * 10
    assert found[10] == NOON + pace.interval == NOON + timedelta(minutes=1) / 90


@pytest.mark.parametrize("count", [1, 2, 9, 10, 100])
def test_after_a_rest_the_burst_is_there_again(count: int) -> None:
    """What was not used does not pile up beyond the burst."""
    pace = Pace(count, timedelta(minutes=1))
    later = NOON + timedelta(days=1)
    found = slots(pace, [NOON] * count + [later] * (pace.burst + 1))
    assert found[count : count + pace.burst] == [later] * pace.burst
    assert found[-1] > later


@given(
    count=st.integers(1, 60),
    gaps=st.lists(st.integers(0, 90), min_size=1, max_size=200),
)
def test_no_stretch_of_the_rates_length_holds_more_than_the_rate(
    count: int, gaps: list[int]
) -> None:
    """However mails ask, any minute holds at most `count` slots, and no slot is in the past."""
    per = timedelta(minutes=1)
    asked, now = [], NOON
    for gap in gaps:
        now += timedelta(seconds=gap)
        asked.append(now)
    found = slots(Pace(count, per), asked)
    assert all(slot >= at for slot, at in zip(found, asked, strict=True))
    found.sort()
    for first, after in zip(found, found[count:], strict=False):
        assert after - first >= per - timedelta(milliseconds=1)


def test_after_a_stride_leaves_what_would_have_left_on_the_way() -> None:
    """Sixty an hour: a stride of two hours lets two hours' mail leave, and no more."""
    pace = Pace(60, timedelta(hours=1))
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    _, next_at = next_slot(pace, None, start)
    now, left = start + timedelta(hours=2), 0
    while True:
        slot, next_at = next_slot(pace, next_at, now, stride=timedelta(hours=2))
        if slot > now:
            break
        left += 1
    assert 2 * (60 - pace.burst) <= left <= 2 * 60
