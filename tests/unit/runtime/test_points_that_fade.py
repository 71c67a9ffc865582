"""Points fade exactly, are limited by their own times, and come to the same in any order."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.scoring import (
    NEAREST,
    SECOND,
    Entry,
    Idle,
    Standing,
    fold,
    granted,
    recounted,
    standing_of,
)

DAY = 86_400 * SECOND
HALF = Standing(half_life=30 * 86_400.0, low=0, high=100)
IDLE = Standing(idle=Idle(5, 7 * DAY, 14 * DAY))

times = st.integers(0, 400 * DAY)
points = st.sampled_from([5.0, 10.0, -3.0, 0.5, 25.0])
lines = st.lists(st.tuples(times, points, st.sampled_from(["a", "b"])), max_size=12)


def entries(given_: list[tuple[int, float, str]]) -> list[Entry]:
    return [
        Entry(f"{number}", rule, at, worth, 12.0 if rule == "a" else None, 7 * DAY)
        for number, (at, worth, rule) in enumerate(given_)
    ]


@settings(max_examples=50)
@given(points, times, times)
def test_decay_is_exact(worth: float, at: int, later: int) -> None:
    """After a time, value(t0) · 2^-(time / half-life) is left, to the last bit that matters."""
    standing = HALF.added(worth, at)
    expected = worth * 2 ** -(later / SECOND / HALF.half_life)
    assert math.isclose(standing.behavior_at(at + later), expected, rel_tol=1e-12)


@settings(max_examples=50)
@given(lines, st.randoms(use_true_random=False))
def test_late_events_do_not_matter(
    given_: list[tuple[int, float, str]], dice: random.Random
) -> None:
    """Points that are added as they come, in any order, are those of the ledger in its order."""
    plain = [replace(one, most=None, points=one.worth) for one in entries(given_)]
    shuffled = list(plain)
    dice.shuffle(shuffled)
    standing = HALF
    for one in shuffled:
        standing = standing.added(one.points, one.at)
    folded, now = fold(recounted(plain), HALF), 500 * DAY
    assert math.isclose(standing.behavior_at(now), folded.behavior_at(now), abs_tol=1e-9)


@settings(max_examples=50)
@given(lines, st.randoms(use_true_random=False))
def test_a_ledger_gives_the_same_in_any_order(
    given_: list[tuple[int, float, str]], dice: random.Random
) -> None:
    """What lines give under their limits depends on their times, not on their coming."""
    ledger = entries(given_)
    shuffled = list(ledger)
    dice.shuffle(shuffled)
    assert recounted(ledger) == recounted(shuffled)
    limited = [one for one in recounted(ledger) if one.most is not None]
    for one in limited:
        window = [each for each in limited if one.at - one.per < each.at <= one.at]
        assert sum(abs(each.points) for each in window) <= 12 + 1e-9


@settings(max_examples=50)
@given(st.floats(0.5, 90), st.floats(-40, 60), st.lists(st.integers(-20, 120), max_size=4))
def test_the_next_crossing_is_when_it_happens(
    behavior: float, fit: float, levels: list[int]
) -> None:
    """Just before the moment that is told no level is passed, and at it one is."""
    for sign in (1, -1):
        standing = replace(HALF, fit=fit, behavior=sign * behavior, at=0)
        look = standing.next_look(levels, 0)
        reached = {level for level in levels if standing.total(0) >= level}
        if look is None:
            end = standing.total(10_000 * DAY)
            assert {level for level in levels if end >= level} == reached
            continue
        assert {level for level in levels if standing.total(look) >= level} != reached
        if look > 3 * SECOND:
            before = standing.total(look - 2 * SECOND)
            assert {level for level in levels if before >= level} == reached


def test_readings_are_the_nearest_points_in_range() -> None:
    """A total is read as whole points, within the range; the ledger is not limited."""
    rich = HALF.added(250, 0)
    assert (rich.total(0), rich.exactly(0)) == (100, 250)
    assert HALF.added(-20, 0).total(0) == 0
    assert HALF.added(50, 0).total(60 * SECOND) == 50
    assert replace(HALF, fit=0.5 - (NEAREST - 0.5)).total(0) == 1


@pytest.mark.parametrize(
    ("days", "left"), [(13, 30), (14, 25), (20, 25), (21, 20), (28, 15), (400, 0)]
)
def test_the_idle_lose_points(days: int, left: int) -> None:
    """Points go at the first idle time, then at each further one, and never below nothing."""
    standing = IDLE.added(30, 0)
    assert standing.behavior_at(days * DAY) == left
    assert standing.since(10 * DAY).behavior_at(days * DAY) == left
    assert standing.next_look([], 0) == 14 * DAY


@pytest.mark.parametrize(
    ("worth", "most", "used", "given_"),
    [(5, None, 99, 5), (5, 15, 0, 5), (10, 15, 10, 5), (10, 15, 15, 0), (-10, 15, 10, -5)],
)
def test_limits(worth: float, most: float | None, used: float, given_: float) -> None:
    """A rule gives, or takes, what is left of its limit."""
    assert granted(worth, most, used) == given_


KINDS = [HALF, IDLE, replace(HALF, told=("a.b",), fit=3.5), Standing()]


@pytest.mark.parametrize("standing", KINDS)
def test_standings_are_kept_whole(standing: Standing) -> None:
    """What is written of a standing is read as the same."""
    one = standing.added(5, DAY)
    assert standing_of(one.as_json()) == one
