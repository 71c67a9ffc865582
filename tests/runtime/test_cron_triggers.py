"""`cron` and `at` triggers, hourly looks, and any life that moments may have."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.operations import clocks, firing
from engine.operations.coming import load_seen
from engine.operations.firing import Fired, fire_due
from engine.store.database import Store
from tests.runtime.clockwork import (
    ALWAYS,
    FIELDS,
    SOON,
    causes,
    fire,
    in_,
    moments,
    pages_of,
    put,
    turn,
)
from tests.runtime.stage import NOON, Clock, Stage

DAILY = "enroll:\n  when: [{cron: '0 9 * * *'%s}]\n  again: always\nsteps:\n  - tag: one\n"
IN_ZONE = DAILY % ", timezone: lead"


def test_a_cron_trigger_in_each_leads_zone_fires_there_at_nine(sqlite_stage: Stage) -> None:
    """Nine in Shanghai, nine in Berlin, nine in New York; who has no zone is the workspace's."""
    stage = sqlite_stage
    stage.publish(FIELDS, daily=IN_ZONE)
    for name, zone in {
        "ann": None, "bob": "Europe/Berlin", "cid": "America/New_York", "dan": "Asia/Shanghai",
    }.items():  # fmt: skip
        put(stage, name, timezone=zone)
    entered = {}
    for hour in range(24):
        turn(stage, hours=1)
        if fire(stage):
            entered[hour + 1] = len(stage.runs())
            stage.work()
    # From noon in Shanghai: nine in Berlin is in 4 hours, in New York in 10, in Shanghai in 21.
    assert entered == {4: 1, 10: 2, 21: 4}


def test_who_moves_to_a_later_zone_is_not_reached_twice(sqlite_stage: Stage) -> None:
    """Nine o'clock of that day has been, wherever the lead is now."""
    stage = sqlite_stage
    stage.publish(FIELDS, daily=IN_ZONE)
    put(stage, timezone="Asia/Shanghai")
    put(stage, "bob", timezone="Europe/Berlin")
    turn(stage, hours=21)
    assert fire(stage) == 2
    stage.work()
    put(stage, timezone="Europe/Berlin")
    turn(stage, hours=8)
    assert fire(stage) == 1
    assert Counter(run["record"] for run in stage.runs())[stage.lead("ann")["id"]] == 1


ONCE = "enroll:\n  when: [{at: 2026-03-05 10:00%s}]\nsteps:\n  - tag: one\n"


def test_a_time_fires_once_for_all_who_are_there_then(stage: Stage) -> None:
    """Not before, not again, and not for those who come later."""
    soon = in_(stage, hours=5)
    text = f"{soon + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"
    once = ONCE.replace("2026-03-05 10:00%s", f"'{text}'")
    stage.publish(FIELDS, once=once)
    put(stage, "ann")
    put(stage, "bob")
    assert fire(stage) == 0
    turn(stage, hours=6)
    assert fire(stage) == 2
    put(stage, "cid")
    turn(stage, days=400)
    assert fire(stage) == 0
    stage.publish(FIELDS, once=once.replace("tag: one", "tag: two"))
    assert fire(stage) == 0


def test_a_time_in_each_leads_zone(sqlite_stage: Stage) -> None:
    """Ten o'clock comes to Shanghai first."""
    stage = sqlite_stage
    stage.publish(FIELDS, once=ONCE % ", timezone: lead")
    put(stage, "ann", timezone="America/New_York")
    put(stage, "bob")
    turn(stage, days=2, hours=22)
    assert fire(stage) == 1
    turn(stage, hours=12)
    assert fire(stage) == 0
    turn(stage, hours=1)
    assert fire(stage) == 1


def test_a_firing_under_way_goes_on_under_the_next_version(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the leads are through when somebody applies: nobody is left out, nobody twice."""
    stage = sqlite_stage
    monkeypatch.setattr(firing, "_Limit", pages_of(4))
    stage.publish(FIELDS, daily=DAILY % "")
    stage.crowd(10)
    turn(stage, days=1)
    first = fire_due(stage.store)
    assert first == Fired(4, True, 0.0)
    stage.publish(FIELDS, daily=(DAILY % "").replace("tag: one", "tag: two"))
    stage.work()
    assert fire(stage) == 6
    assert max(Counter(run["record"] for run in stage.runs()).values()) == 1


@pytest.mark.parametrize(("version", "entered"), [("0 10 * * *", 10), (None, 4)])
def test_a_firing_under_way_is_ended_when_its_trigger_is_gone(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch, version: str | None, entered: int
) -> None:
    """Another hour in the next version: today's is ended. Retired: it ends at once."""
    stage = sqlite_stage
    monkeypatch.setattr(firing, "_Limit", pages_of(4))
    stage.publish(FIELDS, daily=DAILY % "")
    stage.crowd(10)
    turn(stage, hours=21)
    fire_due(stage.store)
    daily = {"daily": (DAILY % "").replace("0 9 * * *", version)} if version else {}
    stage.publish(FIELDS, **daily)
    fire(stage)
    assert len(stage.runs()) == entered
    assert len(stage.all(clocks.table)) == len(daily)


def test_missed_firings_are_one_firing(sqlite_stage: Stage) -> None:
    """Three days without a worker: once, at once, and then on time; after weeks not at all."""
    stage = sqlite_stage
    stage.publish(FIELDS, daily=DAILY % "")
    put(stage)
    turn(stage, days=3)
    assert fire(stage) == 1
    stage.work()
    turn(stage, days=30)
    assert fire(stage) == 0
    turn(stage, days=1)
    assert fire(stage) == 1


def test_a_clock_that_is_set_back_repeats_nothing(sqlite_stage: Stage) -> None:
    """The clock goes a day ahead, fires, and is set right again: the same moments come once."""
    stage = sqlite_stage
    assert stage.clock is not None
    stage.publish(FIELDS, daily=DAILY % "", soon=ALWAYS)
    put(stage, trial_ends_at=NOON + timedelta(days=2, hours=30))
    stage.clock.step(timedelta(hours=32))
    assert fire(stage) == 2
    stage.work()
    stage.clock.step(timedelta(hours=-32))
    for _ in range(4):
        turn(stage, hours=8)
        fire(stage)
        stage.work()
    assert Counter(causes(stage)).most_common(1)[0][1] == 1


def test_one_lead_that_cannot_be_looked_at_holds_up_nobody(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is halved until the culprit stands alone, and is passed over."""
    stage = sqlite_stage
    stage.publish(FIELDS, daily=DAILY % "", soon=SOON)
    for number in range(9):
        put(stage, f"lead{number}", trial_ends_at=NOON + timedelta(days=3))
    culprit = stage.lead("lead4")["id"]
    real = load_seen

    def poisoned(tx: Any, current: Any, record: Any, ids: Any) -> Any:
        if culprit in list(ids):
            raise RuntimeError("this lead cannot be read")
        return real(tx, current, record, ids)

    monkeypatch.setattr(firing, "load_seen", poisoned)
    turn(stage, days=1)
    assert fire(stage) == 8 + 8
    assert moments(stage) == []


def test_an_hourly_look_goes_through_its_pages(sqlite_stage: Stage) -> None:
    """It is called with the cursor that it gave, until it gives none; then in an hour."""
    stage = sqlite_stage
    seen: list[str] = []

    def page(tx: Any, cursor: str) -> str | None:
        seen.append(cursor)
        return f"{len(seen)}" if len(seen) % 3 else None

    clocks.LOOKS["counting"] = page
    try:
        stage.publish(FIELDS)
        for _ in range(2):
            stage.store.write(lambda tx: clocks.look_hourly(tx, "counting"))
        fire(stage)
        assert seen == ["", "1", "2"]
        fire(stage)
        stage.publish(FIELDS)
        turn(stage, hours=1)
        fire(stage)
        assert seen == ["", "1", "2", "", "4", "5"]
        stage.store.write(lambda tx: clocks.stop_looking(tx, "counting"))
        assert fire_due(stage.store) == Fired(0, False, None)
    finally:
        del clocks.LOOKS["counting"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["field", "zone", "time", "fire", "apply", "work", "none"]),
            st.integers(0, 60),
        ),
        max_size=25,
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_happens_each_moment_fires_once_and_on_time(
    sqlite_store: Store, script: list[tuple[str, int]]
) -> None:
    """A record changes, time goes by, somebody applies: a simple oracle agrees."""
    stage = _fresh_stage(sqlite_store)
    zones = ["Asia/Shanghai", "America/New_York", "Europe/Berlin"]
    ends: datetime | None = None
    armed: datetime | None = None
    expected: list[datetime] = []
    assert stage.clock is not None
    put(stage)
    for what, number in script:
        match what:
            case "field":
                ends = stage.clock.now + timedelta(hours=24 * 2 + 6 * number - 24)
                put(stage, trial_ends_at=ends)
            case "none":
                ends = None
                put(stage, trial_ends_at=None)
            case "zone":
                put(stage, timezone=zones[number % 3])
            case "time":
                turn(stage, hours=number)
            case "fire":
                fire(stage)
            case "apply":
                stage.publish(FIELDS, soon=ALWAYS.replace("tag: soon", f"tag: v{number}"))
            case _:
                stage.work()
        if what in {"field", "none", "zone"}:
            moment = shifted(stage, ends)
            armed = moment if moment and moment > stage.clock.now else armed
            if moment is None or (moment <= stage.clock.now and armed != moment):
                armed = None
        if armed is not None and armed <= stage.clock.now and what == "fire":
            expected.append(armed)
            armed = None
            stage.work()
    entered = sorted(run["entered_at"] for run in stage.runs())
    assert len(entered) == len(expected)
    assert all(at >= moment for at, moment in zip(entered, sorted(expected), strict=True))


def shifted(stage: Stage, ends: datetime | None) -> datetime | None:
    from zoneinfo import ZoneInfo

    from engine.playbook import walltime

    if ends is None:
        return None
    zone = ZoneInfo(stage.lead()["timezone"] or "Asia/Shanghai")
    return walltime.instant(walltime.local(ends, zone) - timedelta(days=2), zone)


def _fresh_stage(store: Store) -> Stage:
    clock = Clock()
    stage = Stage(Store(store.url, clock=clock), clock)

    def empty(tx: Any) -> None:
        from sqlmodel import SQLModel

        for table in SQLModel.metadata.sorted_tables:
            tx.conn.execute(sa.delete(table))

    stage.store.write(empty)
    stage.publish(FIELDS, soon=ALWAYS)
    return stage
