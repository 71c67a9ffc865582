"""The clock, invariant 18: while it cannot be trusted mail waits, and somebody says why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.operations import clock_guard
from engine.operations.clock_guard import ClockGuard
from engine.operations.windows import claim
from tests.runtime.stage import Stage, soundness

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n  - wait: 1 day\n"


def step(stage: Stage, **by: float) -> None:
    assert stage.clock is not None
    stage.clock.step(timedelta(**by))


def said(stage: Stage) -> str:
    return stage.store.read(clock_guard.said)


def sent_one(stage: Stage) -> None:
    stage.publish(mail=MAIL)
    stage.event("form.submitted", "first")
    stage.work()


@pytest.mark.parametrize(
    ("leap", "why"),
    [
        ({"days": 1}, "the clock leapt forward by 24 h 0 min"),
        ({"days": -1}, "the clock leapt back by 24 h 0 min"),
        ({"minutes": 6}, "the clock leapt forward by 6 min"),
    ],
    ids=["forward", "back", "a little"],
)
def test_i18_mail_waits_when_the_clock_leapt(
    sqlite_stage: Stage, leap: dict[str, float], why: str
) -> None:
    """Against the clock that nobody sets, a leap of over five minutes holds mail, and is named."""
    stage = sqlite_stage
    sent_one(stage)
    stage.event("form.submitted")
    batch = stage.open_batches()[0]
    step(stage, **leap)
    delivered = stage.deliver(batch)
    assert (delivered.taken, delivered.look_in) == (0, clock_guard.LOOK)
    assert len(stage.transport.sent) == 1
    assert said(stage) == why
    assert [job["reason"] for job in stage.jobs(state="queued")] == [f"waits: {why}"]


def test_i18_mail_goes_again_when_the_clock_is_right_again(sqlite_stage: Stage) -> None:
    """Set right, the clock is trusted at once; what waited goes, and nothing is said any more."""
    stage = sqlite_stage
    sent_one(stage)
    stage.event("form.submitted")
    batch = stage.open_batches()[0]
    step(stage, days=1)
    stage.deliver(batch)
    step(stage, days=-1)
    stage.deliver(batch)
    assert len(stage.transport.sent) == 2
    assert said(stage) == ""
    soundness(stage)


def test_i18_leases_do_not_run_out_by_a_leap(sqlite_stage: Stage) -> None:
    """A clock set forward makes nothing in flight doubtful: the other sender may well be alive."""
    stage = sqlite_stage
    stage.publish(mail=MAIL.replace("email: note", "email: note\n    as: transactional"))
    stage.event("form.submitted")
    (batch,) = stage.open_batches()
    guard = stage.courier.guard

    stage.store.write(lambda tx: claim(tx, batch, "one", guard))
    step(stage, days=1)
    stage.deliver(batch)
    assert stage.job()["state"] == "in_flight"


def test_i18_a_clock_behind_the_newest_mail_holds_mail_even_after_a_restart(
    sqlite_stage: Stage,
) -> None:
    """A process that has seen no leap finds one in the store: a time before what was sent."""
    stage = sqlite_stage
    sent_one(stage)
    step(stage, days=-1)
    stage.courier = replace(stage.courier, guard=ClockGuard(stage.courier.guard.steady))
    stage.event("form.submitted")
    stage.deliver(stage.open_batches()[0])
    assert len(stage.transport.sent) == 1
    assert said(stage) == "the clock stands 24 h 0 min before the newest mail"
    stage.turn(days=1, minutes=1)
    stage.work()
    assert len(stage.transport.sent) == 2


def test_i18_a_restart_accepts_a_clock_that_was_set_forward(sqlite_stage: Stage) -> None:
    """A person who has looked starts the worker anew: the clock is right as it is now."""
    stage = sqlite_stage
    sent_one(stage)
    stage.event("form.submitted")
    batch = stage.open_batches()[0]
    step(stage, days=1)
    stage.deliver(batch)
    stage.courier = replace(stage.courier, guard=ClockGuard(stage.courier.guard.steady))
    stage.deliver(batch)
    assert len(stage.transport.sent) == 2


def test_i18_a_slow_drift_is_no_leap(sqlite_stage: Stage) -> None:
    """A minute a day, corrected or not, adds up to hours in a year and holds nothing."""
    stage = sqlite_stage
    stage.publish(mail=MAIL)
    for number in range(12):
        step(stage, minutes=4)
        stage.turn(days=1)
        stage.event("form.submitted", f"lead{number}")
        stage.work()
    assert len(stage.transport.sent) == 12


def test_i18_a_timer_that_fires_early_proves_nothing(sqlite_stage: Stage) -> None:
    """Asked before its time, a wait goes on: only the store's clock ends it."""
    stage = sqlite_stage
    sent_one(stage)
    stage.turn(hours=23)
    for _ in range(3):
        stage.work()
    assert stage.run()["state"] == "waiting"


def test_the_mark_is_written_once_a_minute_at_most(sqlite_stage: Stage) -> None:
    """Watching the clock costs a read by key, and next to no writes."""
    stage = sqlite_stage
    sent_one(stage)
    (first,) = stage.all(clock_guard.table)
    stage.turn(seconds=30)
    stage.event("form.submitted")
    stage.work()
    assert stage.all(clock_guard.table) == [first]
    stage.turn(seconds=31)
    stage.event("form.submitted", "bob")
    stage.work()
    assert stage.all(clock_guard.table)[0]["at"] > first["at"]
