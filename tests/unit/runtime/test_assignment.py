"""Assignment: who is next, who is passed over, and that turns are shared out fairly."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.playbook.workspace import AssignmentRule, Owner
from engine.playbook.workspace_values import Period
from engine.runtime.assignment import (
    Assigned,
    Decision,
    Owners,
    OwnerState,
    Turn,
    Unassigned,
    after,
    decide,
)

NOW = datetime(2026, 12, 24, 10, tzinfo=UTC)
ALL = ("away", "off-hours", "full")


def an_owner(name: str, *, load: int = 0, **section: Any) -> OwnerState:
    return OwnerState(name, Owner(**{"teams": ("cn",), **section}), load=load)


def team(*states: OwnerState) -> dict[str, OwnerState]:
    return {state.name: state for state in states}


def a_line(**section: Any) -> AssignmentRule:
    return AssignmentRule(**{"among": ("team:cn",), "skip": ALL, **section})


def choose(
    owners: Owners,
    *lines: AssignmentRule,
    now: datetime = NOW,
    excluded: Mapping[str, str] | None = None,
) -> Decision:
    return decide(
        lines,
        owners,
        holds=lambda text: text == "true",
        is_open=lambda calendar, _: calendar == "open",
        now=now,
        excluded=excluded,
    )


AWAY = (Period(first=date(2026, 12, 24), last=date(2027, 1, 2)),)


@pytest.mark.parametrize(
    ("unfit", "why"),
    [
        (an_owner("a", away=AWAY), "a is away until 2027-01-02"),
        (an_owner("a", calendar="closed"), "a is off duty by calendar closed"),
        (an_owner("a", capacity=3, load=3), "a is full (3 of 3)"),
        (an_owner("a", weight=0), "a has weight 0"),
    ],
    ids=["away", "off-hours", "full", "weightless"],
)
def test_who_cannot_take_a_lead_is_passed_over(unfit: OwnerState, why: str) -> None:
    """And the decision says why."""
    decision = choose(team(unfit, an_owner("b", calendar="open", capacity=3, load=2)), a_line())
    assert isinstance(decision, Assigned)
    assert decision.owner == "b"
    assert why in decision.why


@pytest.mark.parametrize(
    ("state", "skip"),
    [
        (an_owner("a", away=AWAY), ("full",)),
        (an_owner("a", calendar="closed"), ("away",)),
        (an_owner("a", capacity=1, load=1), ("away", "off-hours")),
    ],
    ids=["away", "off-hours", "full"],
)
def test_what_the_line_does_not_skip_is_no_obstacle(
    state: OwnerState, skip: tuple[str, ...]
) -> None:
    """`skip` says everything that keeps a lead from an owner."""
    why = choose(team(state), a_line(skip=skip)).why
    assert why.startswith("a, among team:cn: next in turn")


@pytest.mark.parametrize(
    ("now", "is_away"),
    [
        (datetime(2026, 12, 23, 16, tzinfo=UTC), True),
        (datetime(2026, 12, 23, 15, 59, tzinfo=UTC), False),
        (datetime(2027, 1, 2, 15, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 2, 16, tzinfo=UTC), False),
    ],
)
def test_days_off_are_days_of_the_owners_zone(now: datetime, is_away: bool) -> None:
    """In Shanghai the day begins at 16:00 UTC; the last day off counts."""
    state = OwnerState("a", Owner(teams=("cn",), away=AWAY), zone=ZoneInfo("Asia/Shanghai"))
    assert isinstance(choose(team(state), a_line(), now=now), Unassigned) is is_away


def test_when_nobody_is_free_the_fallback_gets_it_even_if_away() -> None:
    """The sentence says that it is the fallback, and what kept the others."""
    owners = team(an_owner("a", capacity=1, load=1), an_owner("boss", teams=("board",), away=AWAY))
    decision = choose(owners, a_line(fallback="boss"))
    assert decision == Assigned(
        "boss",
        "boss, the fallback: nobody among team:cn is free: a is full (1 of 1)",
        is_fallback=True,
    )


def test_without_a_fallback_nobody_gets_it() -> None:
    """And the reason names everybody who was looked at."""
    decision = choose(team(an_owner("a")), a_line(), excluded={"a": "owns it now"})
    assert decision == Unassigned("nobody among team:cn is free: a owns it now")


def test_the_first_line_whose_condition_holds_decides() -> None:
    """Later lines are not looked at, even when nobody in the first is free."""
    owners = team(an_owner("a"), an_owner("b", teams=("us",)))
    lines = [a_line(**{"if": "false"}), a_line(**{"if": "true"}, among=("team:us",)), a_line()]
    assert choose(owners, *lines).why.startswith("b, among team:us")
    assert isinstance(choose(owners, *lines, excluded={"b": "had it"}), Unassigned)
    assert isinstance(choose(owners, a_line(**{"if": "false"})), Unassigned)


def test_least_loaded_compares_shares_of_capacity() -> None:
    """3 of 10 is less than 2 of 4; where somebody has no limit, plain numbers are compared."""
    limited = team(an_owner("a", capacity=4, load=2), an_owner("b", capacity=10, load=3))
    line = a_line(by="least-loaded")
    assert choose(limited, line).why == "b, among team:cn: least loaded (3 of 10)"
    assert choose(limited | team(an_owner("c", load=5)), line).why.startswith("a,")


def test_first_takes_the_first_who_is_free_in_the_order_written() -> None:
    """The order of `among`, not of the team section."""
    owners = team(an_owner("a"), an_owner("b", away=AWAY), an_owner("c"))
    assert choose(owners, a_line(by="first", among=("b", "c", "a"))).why.startswith("c,")


def test_a_lead_that_changes_hands_changes_both_loads() -> None:
    """And one that stays changes none."""
    owners = team(an_owner("a", load=2), an_owner("b"))
    moved = after(owners, "b", NOW, former="a")
    assert (moved["a"].load, moved["b"].load) == (1, 1)
    assert after(moved, "b", NOW, former="b")["b"].load == 1


def test_who_comes_back_has_one_turn_waiting_not_a_backlog() -> None:
    """After twenty leads without her she is next once, then it goes round as before."""
    owners: Owners = team(an_owner("a"), an_owner("b"), an_owner("c"))
    for _ in range(20):
        owners = give(owners, excluded={"c": "is away"})[0]
    names = []
    for _ in range(6):
        owners, name = give(owners)
        names.append(name)
    assert names[0] == "c"
    assert Counter(names) == {"a": 2, "b": 2, "c": 2}


def give(
    owners: Owners,
    *,
    excluded: Mapping[str, str] | None = None,
    now: datetime = NOW,
    line: AssignmentRule | None = None,
) -> tuple[Owners, str]:
    decision = choose(owners, line or a_line(), excluded=excluded, now=now)
    assert isinstance(decision, Assigned)
    return after(owners, decision.owner, now), decision.owner


@given(number=st.integers(1, 7), leads=st.integers(0, 60))
def test_equal_owners_get_equally_many(number: int, leads: int) -> None:
    """They never differ by more than one lead, whether leads come one by one or all at once."""
    owners: Owners = team(*(an_owner(f"o{each}") for each in range(number)))
    got = Counter(dict.fromkeys(owners, 0))
    for lead in range(leads):
        owners, name = give(owners, now=NOW + timedelta(seconds=lead // 5))
        got[name] += 1
        assert max(got.values()) - min(got.values()) <= 1


@given(weights=st.lists(st.sampled_from([0.5, 1, 2, 3, 5, 10]), min_size=2, max_size=12))
@example(weights=[10, *[1] * 10])
def test_weights_share_leads_out_within_one_of_exact(weights: list[float]) -> None:
    """At every moment, not in the end alone; a heavy owner among many light ones as well."""
    owners: Owners = team(*(an_owner(f"o{n}", weight=w) for n, w in enumerate(weights)))
    got = Counter(dict.fromkeys(owners, 0))
    for leads in range(1, 61):
        owners, name = give(owners)
        got[name] += 1
        for n, weight in enumerate(weights):
            assert abs(got[f"o{n}"] - leads * weight / sum(weights)) < 1 + 1e-6


def test_a_light_owner_who_comes_back_has_one_turn_waiting_too() -> None:
    """After a hundred leads without her she is not owed the half of them."""
    owners: Owners = team(an_owner("a", weight=2), an_owner("b", weight=1))
    for _ in range(100):
        owners = give(owners, excluded={"b": "is away"})[0]
    names = []
    for _ in range(9):
        owners, name = give(owners)
        names.append(name)
    assert 3 <= Counter(names)["b"] <= 4


@given(
    st.lists(st.sets(st.sampled_from("abcd"), max_size=3), min_size=1, max_size=40),
    st.integers(1, 3),
)
def test_with_equal_weights_the_turn_is_of_who_has_waited_longest(
    absences: list[set[str]], weight: int
) -> None:
    """Whoever is away when, the free one with the oldest turn is next."""
    owners: Owners = team(*(an_owner(name, weight=weight) for name in "abcd"))
    for absent in absences:
        since = {
            name: state.turn.at if state.turn else datetime.min.replace(tzinfo=UTC)
            for name, state in owners.items()
            if name not in absent
        }
        owners, name = give(owners, excluded=dict.fromkeys(absent, "is away"))
        assert since[name] == min(since.values())


@given(
    capacities=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    by=st.sampled_from(["round-robin", "least-loaded", "first", "weighted"]),
    leads=st.integers(1, 30),
)
def test_nobody_but_the_fallback_is_overloaded(capacities: list[int], by: str, leads: int) -> None:
    """However leads are shared out."""
    states = [an_owner(f"o{n}", capacity=capacity) for n, capacity in enumerate(capacities)]
    owners: Owners = team(*states, an_owner("boss", teams=("board",), capacity=1))
    for _ in range(leads):
        owners, _ = give(owners, line=a_line(by=by, fallback="boss"))
    for name, state in owners.items():
        assert name == "boss" or not state.owner.capacity or state.load <= state.owner.capacity
    assert sum(state.load for state in owners.values()) == leads


def test_a_turn_says_since_when_its_owner_has_waited() -> None:
    """The sentence carries the time."""
    state = OwnerState("a", Owner(teams=("cn",)), turn=Turn(NOW - timedelta(days=1), 3))
    why = "a, among team:cn: next in turn, the last was at 2026-12-23 10:00 UTC"
    assert choose(team(state), a_line()) == Assigned("a", why)
