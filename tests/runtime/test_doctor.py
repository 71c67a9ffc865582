"""The doctor: whatever does not add up is counted and named (I19)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.operations import braking, control
from engine.operations.doctor import Check, examine
from engine.store import enrollments, jobs, tasks
from tests.runtime.stage import Stage

TOUR = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
  - wait: 2 days
  - email: other
"""

run, job, line, batch = enrollments.table, jobs.table, enrollments.log_table, jobs.batch_table


def ill(stage: Stage) -> dict[str, Check]:
    """The checks that failed."""
    return {one.name: one for one in examine(stage.store) if not one.ok}


def spoil(stage: Stage, statement: sa.Executable) -> None:
    stage.store.write(lambda tx: tx.conn.execute(statement))


@pytest.fixture
def queued(stage: Stage) -> Stage:
    """Three leads whose first mail is queued."""
    stage.publish(tour=TOUR)
    stage.crowd(3)
    stage.advance()
    return stage


def test_a_life_from_the_first_mail_to_the_last_is_sound(queued: Stage) -> None:
    """At every rest, held and cancelled ones included."""
    assert ill(queued) == {}
    queued.work()
    assert ill(queued) == {}
    first, second, _ = queued.runs()
    control.pause(queued.store, first["id"])
    control.cancel(queued.store, second["id"])
    assert ill(queued) == {}
    queued.turn(days=3)
    queued.work()
    assert ill(queued) == {}


def test_a_job_row_that_is_gone_is_named(queued: Stage) -> None:
    """The enrollment waits for a message that nobody will ever send."""
    victim = queued.jobs()[0]
    spoil(queued, sa.delete(job).where(job.c.id == victim["id"]))
    assert victim["enrollment"] in ill(queued)["jobs"].detail


DAMAGE: dict[str, tuple[str, Callable[[dict[str, Any]], sa.Executable]]] = {
    "a line of the step log is gone": (
        "step-log", lambda one: sa.delete(line).where(line.c.enrollment == one["id"]),
    ),
    "an op was passed twice": (
        "step-log", lambda one: sa.update(run).where(run.c.id == one["id"]).values(seq=7),
    ),
    "a state that is none": (
        "states", lambda one: sa.update(run).where(run.c.id == one["id"]).values(state="lost"),
    ),
    "finished without an end": (
        "states", lambda one: sa.update(run).where(run.c.id == one["id"]).values(state="finished"),
    ),
    "held since never": (
        "states", lambda one: sa.update(run).where(run.c.id == one["id"]).values(state="held"),
    ),
    "woken by nothing": (
        "wake", lambda one: sa.update(run).where(run.c.id == one["id"]).values(wake_at=None),
    ),
    "stopped and told to nobody": (
        "stopped",
        lambda one: sa.update(run).where(run.c.id == one["id"]).values(
            state="stopped", reason="x", wake_at=None
        ),
    ),
    "a row is gone": (
        "step-log", lambda one: sa.delete(run).where(run.c.id == one["id"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_an_enrollment_is_found(queued: Stage, damage: str) -> None:
    """Each by the check that is there for it, with the enrollment's id."""
    queued.work()
    victim = queued.runs()[1]
    check, statement = DAMAGE[damage]
    spoil(queued, statement(victim))
    assert victim["id"] in ill(queued)[check].detail


def test_damage_to_messages_is_found(queued: Stage) -> None:
    """An end without a time, and an open batch with nothing in it."""
    first = queued.jobs()[0]
    spoil(queued, sa.update(job).where(job.c.id == first["id"]).values(state="accepted"))
    assert first["id"] in ill(queued)["job-ends"].detail
    spoil(queued, sa.update(job).values(state="skipped"))
    assert first["batch"] in ill(queued)["batches"].detail


def test_work_in_a_closed_batch_is_found(queued: Stage) -> None:
    """Nobody would ever look at it."""
    spoil(queued, sa.update(batch).values(state="closed"))
    assert ill(queued)["batches"].detail.startswith("3 messages queued in no open batch")


def test_a_finding_names_some_and_counts_all(stage: Stage) -> None:
    """A thousand broken rows are one line."""
    stage.publish(tour=TOUR)
    stage.crowd(12)
    spoil(stage, sa.update(run).values(state="lost"))
    detail = ill(stage)["states"].detail
    assert detail.startswith("12 enrollments in no state") and detail.endswith(", …")


def test_work_that_nobody_serves_is_told(queued: Stage) -> None:
    """A worker that is not there is noticed by what is overdue."""
    queued.work()
    queued.turn(days=2, minutes=5)
    assert "5 minutes" in ill(queued)["worker"].detail


def test_a_clock_behind_the_newest_row_is_told(sqlite_stage: Stage) -> None:
    """Set back a day, it would forget what was sent (I18)."""
    sqlite_stage.publish(tour=TOUR)
    sqlite_stage.crowd(1)
    assert sqlite_stage.clock
    sqlite_stage.clock.step(-timedelta(days=1))
    assert "1 day before the newest row" in ill(sqlite_stage)["clock"].detail


def test_messages_in_doubt_and_the_brake_are_shown_but_no_fault(queued: Stage) -> None:
    """A person decides about them; nothing is lost meanwhile."""
    first = queued.jobs()[0]
    now = queued.store.read(lambda tx: tx.now)
    spoil(
        queued,
        sa.update(job).where(job.c.id == first["id"]).values(state="in_doubt", ended_at=now),
    )
    queued.store.write(lambda tx: jobs.settle_batch(tx, first["batch"]))
    braking.pull(queued.store, "tour")
    said = {one.name: one.detail for one in examine(queued.store)}
    assert ill(queued) == {}
    assert first["id"] in said["in-doubt"] and "tour" in said["brake"]


def test_a_store_that_nothing_was_published_to_says_so(stage: Stage) -> None:
    """The rest is looked at all the same."""
    assert "longplay apply" in ill(stage)["workspace"].detail
    assert tasks.table is not None and len(examine(stage.store)) > 8
