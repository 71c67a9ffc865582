"""The clock of escalations: when levels are due, over weekends, holidays, zones and stops."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime.calendar import BusinessCalendar, business_calendar
from engine.runtime.escalating import Clock, Ladder, Stand, Stay, clock_of

CN = business_calendar(timezone="Asia/Shanghai", country="CN")
US = business_calendar(
    timezone="America/New_York", country="US", hours={"mon-fri": "09:00-17:00"},
    closed=["2026-12-24"],
)  # fmt: skip
BERLIN = business_calendar(timezone="Europe/Berlin", hours={"mon-fri": "09:00-17:00"})


def at(text: str, calendar: BusinessCalendar = CN) -> datetime:
    """A time on the calendar's own clock."""
    return datetime.fromisoformat(text).replace(tzinfo=calendar.zone)


@dataclass(frozen=True)
class Due:
    """A level, and when it is due; `stands` are times for which the clock stood still."""

    name: str
    after: str
    start: str
    due: str
    calendar: BusinessCalendar = CN
    stands: tuple[tuple[str, str], ...] = ()


TABLE = [
    Due("a working week", "3 business days", "2026-03-02 10:00", "2026-03-05 10:00"),
    Due("over a weekend", "3 business days", "2026-03-05 10:00", "2026-03-10 10:00"),
    Due("from a saturday on", "3 business days", "2026-03-07 10:00", "2026-03-12 09:00"),
    Due("hours over a weekend", "6 business hours", "2026-03-06 15:00", "2026-03-09 12:00"),
    # Spring Festival 2026: closed 15 to 23 February; the Saturdays 14 and 28 are worked.
    Due("over the spring festival", "3 business days", "2026-02-12 10:00", "2026-02-24 10:00"),
    Due("a make-up saturday counts", "2 business days", "2026-02-12 10:00", "2026-02-14 10:00"),
    Due("the make-up saturday after", "2 business days", "2026-02-26 10:00", "2026-02-28 10:00"),
    Due("and its own hours", "12 business hours", "2026-02-13 16:00", "2026-02-24 10:00"),
    Due("thanksgiving", "2 business days", "2026-11-25 10:00", "2026-11-30 10:00", US),
    Due("christmas, and an own day", "2 business days", "2026-12-23 10:00", "2026-12-29 10:00", US),
    Due("independence day", "1 business day", "2026-07-02 10:00", "2026-07-06 10:00", US),
    Due("the owner's own zone", "1 business day", "2026-03-02 16:30", "2026-03-03 16:30", US),
    Due("clocks go forward", "2 days", "2026-03-28 10:00", "2026-03-30 10:00", BERLIN),
    Due("clocks go back", "2 days", "2026-10-24 10:00", "2026-10-26 10:00", BERLIN),
    Due("hours are exact", "24 hours", "2026-03-28 10:00", "2026-03-29 11:00", BERLIN),
    Due(
        "snoozed over the festival: two days were left", "3 business days", "2026-02-12 10:00",
        "2026-02-25 18:00", stands=(("2026-02-13 10:00", "2026-02-24 09:00"),),
    ),
    Due(
        "snoozed over a weekend: an hour was left", "3 business hours", "2026-03-06 15:00",
        "2026-03-09 11:00", stands=(("2026-03-06 17:00", "2026-03-09 10:00"),),
    ),
    Due(
        "wall time stands still as well", "2 days", "2026-03-02 10:00", "2026-03-07 10:00",
        stands=(("2026-03-03 10:00", "2026-03-06 10:00"),),
    ),
    Due(
        "twice", "2 days", "2026-03-02 10:00", "2026-03-06 10:00",
        stands=(("2026-03-02 12:00", "2026-03-03 12:00"), ("2026-03-04 12:00", "2026-03-05 12:00")),
    ),
    Due(
        "after it was due it stands for nothing", "1 day", "2026-03-02 10:00", "2026-03-03 10:00",
        stands=(("2026-03-04 10:00", "2026-03-06 10:00"),),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_when_a_level_is_due(case: Due) -> None:
    """It is due so long after the start, on its calendar, less the time that the clock stood."""
    stands = tuple(
        Stand(at(begins, case.calendar), at(ends, case.calendar)) for begins, ends in case.stands
    )
    clock = Clock("stay", "", at(case.start, case.calendar), stands=stands)
    found = Ladder((case.after,), case.calendar).due_at(clock, 1)
    assert found is not None
    assert found.astimezone(case.calendar.zone) == at(case.due, case.calendar)


START = at("2026-03-02 10:00")
LADDER = Ladder(("1 day", "2 days", "3 days"), CN)
DAY = timedelta(days=1)


def test_a_clock_that_is_paused_makes_nothing_due() -> None:
    """Without an end it stands until somebody lets it go on; then what was left is left."""
    clock = Clock("stay", "", START).stood(Stand(START + DAY / 2, None, "the customer"))
    assert (LADDER.due_at(clock, 1), LADDER.next_at(clock, START + 9 * DAY)) == (None, None)
    gone_on = clock.resumed(START + 10 * DAY)
    assert LADDER.due_at(gone_on, 1) == START + 10.5 * DAY


def test_another_snooze_takes_the_place_of_the_one_before() -> None:
    """It may end sooner as well as later; what has stood has stood."""
    clock = Clock("stay", "", START).stood(Stand(START + DAY / 2, START + 5 * DAY))
    sooner = clock.stood(Stand(START + 2 * DAY, START + 3 * DAY))
    assert LADDER.due_at(sooner, 1) == START + 3.5 * DAY
    assert len(sooner.stands) == 2


def test_stops_that_overlap_are_one() -> None:
    """A run that is held while somebody snoozes stands still once; a pause outlives the hold."""
    snoozed = Clock("stay", "", START).stood(Stand(START + DAY / 2, START + 3 * DAY))
    held = snoozed.held(START + DAY, START + 2 * DAY)
    assert LADDER.due_at(held, 1) == LADDER.due_at(snoozed, 1) == START + 3.5 * DAY
    longer = snoozed.held(START + DAY, START + 4 * DAY)
    assert LADDER.due_at(longer, 1) == START + 4.5 * DAY
    paused = Clock("stay", "", START).stood(Stand(START, None, "the customer"))
    assert LADDER.due_at(paused.held(START + DAY, START + 2 * DAY), 1) is None


def test_an_acknowledgement_holds_levels_and_lets_the_clock_go_on() -> None:
    """When it is over, whatever has come due meanwhile fires at once."""
    clock = replace(Clock("stay", "", START), passed=("1 day",), quiet_until=START + 4 * DAY)
    assert LADDER.next_at(clock, START + 2 * DAY) == START + 4 * DAY
    assert LADDER.due(clock, START + 4 * DAY) == 3


def test_a_new_round_arms_every_level_again() -> None:
    """A round in which nothing fired is not counted; a snooze goes on, a pause has ended."""
    stay = Stay("other", START, START)
    snooze, pause = Stand(START, START + 9 * DAY), Stand(START, None, "the customer")
    clock = replace(Clock("stay", "", START), stands=(snooze, pause), quiet_until=START + DAY)
    quiet = clock.renewed(START + DAY, stay)
    assert (quiet.round, quiet.passed, quiet.stands, quiet.quiet_until) == (1, (), (snooze,), None)
    assert replace(clock, passed=("1 day",)).renewed(START + DAY, stay).round == 2


@pytest.mark.parametrize(
    ("levels", "passed", "found"),
    [
        (("1 day", "2 days"), ("1 day",), 1),
        (("1 hour", "1 day", "2 days"), ("1 day",), 2),
        (("3 days", "5 days"), ("1 day",), 1),
        (("3 days",), ("1 day", "2 days"), 1),
        (("1 day", "2 days"), (), 0),
    ],
    ids=["the same", "one was put before it", "it is due later now", "there are fewer", "none"],
)
def test_what_has_fired_stays_fired_in_another_version(
    levels: tuple[str, ...], passed: tuple[str, ...], found: int
) -> None:
    """A level is the same if it is due after the same time, else if it has the same number."""
    assert Ladder(levels, CN).passed(replace(Clock("stay", "", START), passed=passed)) == found


def test_a_clock_survives_the_memory_of_a_run() -> None:
    """Whatever it holds is read back as it was; what is not there is no clock."""
    clock = Clock(
        "stay", "li.wei", START, 3, ("1 day",), (Stand(START, None, "等客户"), Stand(START, START)),
        START + DAY, hurried=True,
    )  # fmt: skip
    assert clock_of({"clock": clock.as_json()}) == clock
    assert clock_of({}) is None


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["look", "look", "snooze", "pause", "resume", "acknowledge", "round"]),
        st.integers(1, 40),
    ),
    max_size=25,
)


@settings(max_examples=50, deadline=None)
@given(ACTS)
def test_levels_fire_in_order_and_once_a_round(acts: list[tuple[str, int]]) -> None:
    """Whatever people do: upward only, never twice in a round, never while the clock stands."""
    clock, now = Clock("stay", "", START), START
    fired: list[int] = []
    for act, hours in acts:
        now += timedelta(hours=hours)
        if act == "snooze":
            clock = clock.stood(Stand(now, now + timedelta(hours=hours)))
        elif act == "pause":
            clock = clock.stood(Stand(now))
        elif act == "resume":
            clock = clock.resumed(now)
        elif act == "acknowledge":
            clock = replace(clock, quiet_until=now + timedelta(hours=hours))
        elif act == "round":
            clock, fired = clock.renewed(now, Stay("stay", START, START)), []
        quiet = clock.quiet_until is not None and clock.quiet_until > now
        level = 0 if quiet or clock.stand_at(now) else LADDER.due(clock, now)
        if level:
            assert level > max(fired, default=0)
            assert now - clock.start_at >= level * DAY
            fired.append(level)
            clock = replace(clock, passed=tuple(LADDER.levels[:level]))
        following = LADDER.next_at(clock, now)
        assert following is None or following > now


def test_zones_are_what_the_table_says() -> None:
    """A table in the wrong zones would prove nothing."""
    assert (CN.zone, US.zone) == (ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"))
