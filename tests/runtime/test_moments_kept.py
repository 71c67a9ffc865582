"""Moments that workers, doctor and every kind of change have to do with."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.operations import coming, firing
from engine.operations.doctor import examine
from engine.operations.firing import fire_due
from engine.operations.sweeper import neglected
from engine.store.database import Store
from tests.runtime.clockwork import (
    ALWAYS,
    FIELDS,
    SOON,
    fire,
    in_,
    moments,
    pages_of,
    put,
    turn,
)
from tests.runtime.stage import NOON, Stage


def test_workers_that_are_killed_between_pages_lose_and_repeat_nothing(
    sqlite_stage: Stage,
) -> None:
    """Two processes sweep together and are killed, again and again; then one ends it."""
    stage = sqlite_stage
    stage.publish(FIELDS, soon=ALWAYS)
    for number in range(80):
        put(stage, f"lead{number}", trial_ends_at=NOON + timedelta(days=3, seconds=number))
    turn(stage, days=2)
    fork = multiprocessing.get_context("fork")
    for pause in (0.1, 0.2, 0.3):
        workers = [fork.Process(target=_fire_slowly, args=[stage.store.url]) for _ in range(2)]
        for one in workers:
            one.start()
        time.sleep(pause)
        for one in workers:
            one.kill()
            one.join()
    fire(stage)
    assert sorted(Counter(run["record"] for run in stage.runs()).values()) == [1] * 80
    assert moments(stage) == []


def _fire_slowly(url: str) -> None:
    """A worker with small pages, by the clock of the test."""
    firing._Limit = pages_of(3)  # type: ignore[assignment, misc]
    store = Store(url, clock=lambda: NOON + timedelta(days=2))
    while fire_due(store).more:
        pass


def test_a_moment_that_nobody_fires_is_what_doctor_finds(stage: Stage) -> None:
    """And what the sweeper nudges the driver for."""
    stage.publish(FIELDS, soon=SOON)
    put(stage, trial_ends_at=in_(stage, days=3))
    fire(stage)
    turn(stage, days=1, minutes=10)
    assert coming.SCHEDULES in neglected(stage.store)
    (worker,) = [check for check in examine(stage.store) if check.name == "worker"]
    assert not worker.ok
    fire(stage)
    stage.work()
    assert coming.SCHEDULES not in neglected(stage.store)


def _submit(stage: Stage) -> None:
    stage.event("form.submitted")
    stage.work()


MOVES: dict[str, Callable[[Stage], object]] = {
    "by hand": lambda stage: put(stage, "ann", stage="mql"),
    "by a step": _submit,
    "with an event": lambda stage: stage.event("page.viewed", fields={"stage": "mql"}),
}


@pytest.mark.parametrize("how", MOVES)
def test_every_stay_in_a_stage_has_a_moment(sqlite_stage: Stage, how: str) -> None:
    """`stage_entered_at` is set with the stage, and followed with it, after it has fired too."""
    stage = sqlite_stage
    stuck = ALWAYS.replace("2 days before lead.trial_ends_at", "30 days after stage_entered_at")
    move = "enroll: {when: [{event: form.submitted}], again: always}\nsteps:\n  - stage: mql\n"
    stage.publish(FIELDS, stuck=stuck, move=move)
    put(stage)
    turn(stage, days=30)
    assert fire(stage) == 1
    stage.work()
    turn(stage, days=10)
    MOVES[how](stage)
    assert moments(stage) == [NOON + timedelta(days=70)]
    turn(stage, days=30)
    assert fire(stage) == 1
