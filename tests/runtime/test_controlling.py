"""Control and counting, invariants 16, 17 and 19: each a transaction, with no Temporal anywhere."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from activities._registry import actions
from engine.errors import InputError, NotFoundError
from engine.operations import control
from engine.operations.doctor import examine
from engine.operations.firing import fire_due
from engine.runtime.position import Logged
from engine.store import enrollments, jobs
from engine.store.database import Store
from tests.runtime.stage import Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
SLOW = ON_FORM + "steps:\n  - tag: one\n  - wait: 2 days\n  - email: note\n  - end: done\n"
FAILS = ON_FORM + "steps:\n  - stage: mql\n  - task: Call\n  - wait: 1 day\n  - end: done\n"


def stop(stage: Stage, reason: str = "a fault") -> None:
    """Stops the one enrollment at the op where it stands, as a fault there would."""
    row = stage.run()

    def write(tx: Any) -> None:
        line = Logged(row["seq"], "do", "task", "stopped", reason)
        enrollments.log(tx, [(row["id"], line)])
        values = {"state": "stopped", "seq": row["seq"] + 1, "reason": reason}
        enrollments.set_values(tx, row["id"], row["seq"], values | {"wake_at": None})

    stage.store.write(write)


def begun(stage: Stage, playbook: str = SLOW) -> str:
    stage.publish(slow=playbook)
    stage.event("form.submitted")
    stage.work()
    return str(stage.run()["id"])


def test_i16_pause_and_resume_shift_the_wait_by_the_time_paused(sqlite_stage: Stage) -> None:
    """While a person holds it its clock stands still, and goes on from there."""
    stage = sqlite_stage
    run = begun(stage)
    due_at = stage.run()["until_at"]
    control.pause(stage.store, run)
    stage.turn(days=5)
    stage.work()
    assert stage.run()["state"] == "held"
    control.resume(stage.store, run)
    stage.work()
    assert stage.run()["until_at"] == due_at + timedelta(days=5)
    stage.turn(days=2)
    stage.work()
    assert stage.run()["outcome"] == "done"
    soundness(stage)


def test_i16_events_meanwhile_are_kept_for_a_paused_enrollment(stage: Stage) -> None:
    """What happens to a paused enrollment's lead is acted upon when it is resumed."""
    run = begun(stage, ON_FORM + "steps:\n  - wait_for: order.placed\n    up_to: 9 days\n")
    control.pause(stage.store, run)
    stage.event("order.placed")
    stage.work()
    assert stage.run()["state"] == "held"
    control.resume(stage.store, run)
    stage.work()
    assert [outcome for _, outcome in stage.log()] == ["happened", "completed"]


def test_i16_an_exit_ends_a_paused_enrollment_too(stage: Stage) -> None:
    """Whoever unsubscribes is out, paused or not."""
    run = begun(stage)
    control.pause(stage.store, run)
    stage.unsubscribe()
    assert stage.run()["outcome"] == "unsubscribed"
    soundness(stage)


def test_i16_cancel_ends_it_and_its_queued_message_does_not_go(stage: Stage) -> None:
    """Cancelled with a mail queued: the run is over, the mail is left out."""
    stage.publish(mail=ON_FORM + "steps:\n  - email: note\n")
    stage.event("form.submitted")
    stage.advance()
    control.cancel(stage.store, stage.run()["id"], "ann")
    stage.work()
    assert (stage.run()["outcome"], stage.job()["state"]) == ("cancelled", "skipped")
    soundness(stage)


def test_i16_skip_ends_a_wait(stage: Stage) -> None:
    """Skipped, a wait is over now, and the next one counts from now."""
    run = begun(stage)
    control.skip(stage.store, run)
    stage.work()
    assert stage.run()["outcome"] == "done"
    soundness(stage)


def test_i16_skip_leaves_out_a_message_that_waits(stage: Stage) -> None:
    """A message that was not sent yet is taken back; the run goes on behind it."""
    stage.publish(mail=ON_FORM + "steps:\n  - email: note\n  - end: done\n")
    stage.event("form.submitted")
    stage.advance()
    control.skip(stage.store, stage.run()["id"])
    stage.work()
    assert (stage.run()["outcome"], stage.job()["state"]) == ("done", "skipped")
    assert stage.transport.sent == []
    soundness(stage)


def test_i16_skip_of_a_failed_branch_takes_neither_its_then_nor_its_guard(stage: Stage) -> None:
    """Leaving out an `if` that failed does what it does when it does not hold."""
    guarded = (
        ON_FORM
        + "steps:\n  - wait: 1 day\n  - tag: guarded\n    if: lead.score > 9\n  - end: done\n"
    )
    run = begun(stage, guarded)
    control.skip(stage.store, run)
    stop(stage)
    control.skip(stage.store, run)
    stage.work()
    assert stage.run()["outcome"] == "done"
    assert stage.lead()["tags"] == []


def test_i16_retry_tries_the_failed_step_again_under_a_new_seq(stage: Stage) -> None:
    """The step is done once more, its effect under a key of its own, and nothing is lost."""
    stage.publish(slow=ON_FORM + "steps:\n  - wait: 1 day\n  - task: Call\n  - end: done\n")
    stage.event("form.submitted")
    stage.work()
    run = stage.run()["id"]
    control.skip(stage.store, run)
    stop(stage)
    control.retry(stage.store, run)
    stage.work()
    assert stage.run()["outcome"] == "done"
    assert [task["subject"] for task in stage.tasks(kind="task")] == ["Call"]
    soundness(stage)


def test_a_task_that_works_at_the_second_try_is_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task of a step that failed first is not mistaken for the notice that it had stopped."""
    stage.publish(slow=ON_FORM + "steps:\n  - task: Call\n  - end: done\n")
    stage.event("form.submitted")
    _fail_once(stage, monkeypatch)
    control.retry(stage.store, stage.run()["id"])
    stage.work()
    assert stage.run()["outcome"] == "done"
    assert [(one["kind"], one["state"]) for one in stage.tasks(kind="task")] == [("task", "open")]
    assert [one["state"] for one in stage.tasks(kind="stopped")] == ["done"]


def test_a_wait_behind_a_step_that_was_retried_counts_from_the_retry(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days in the inbox do not eat up the wait behind the step."""
    stage = sqlite_stage
    stage.publish(slow=FAILS)
    stage.event("form.submitted")
    _fail_once(stage, monkeypatch)
    stage.turn(days=3)
    control.retry(stage.store, stage.run()["id"])
    stage.work()
    assert stage.run()["state"] == "waiting"


def _fail_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    task = actions()["task"]

    def fault(*_: object) -> object:
        raise ZeroDivisionError("division by zero")

    with monkeypatch.context() as patch:
        patch.setitem(actions(), "task", type(task)("task", fault))  # type: ignore[arg-type, call-arg]
        stage.work()
    assert stage.run()["state"] == "stopped"


def test_an_exit_closes_the_task_of_a_stopped_enrollment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inbox does not ask about a run that is over."""
    stage.publish(slow=FAILS)
    stage.event("form.submitted")
    _fail_once(stage, monkeypatch)
    assert [one["state"] for one in stage.tasks(kind="stopped")] == ["open"]
    stage.unsubscribe()
    assert stage.run()["outcome"] == "unsubscribed"
    assert [one["state"] for one in stage.tasks(kind="stopped")] == ["done"]


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (control.resume, "waiting"),
        (control.retry, "waiting"),
        (control.pause, "held"),
        (control.retry, "held"),
        (control.pause, "stopped"),
        (control.resume, "stopped"),
        (control.pause, "finished"),
        (control.resume, "finished"),
        (control.cancel, "finished"),
        (control.retry, "finished"),
        (control.skip, "finished"),
    ],
)
def test_an_action_that_does_not_fit_the_state_changes_nothing(
    sqlite_stage: Stage, action: Callable[..., object], state: str
) -> None:
    """The fault names the state, and the row stays as it was."""
    stage = sqlite_stage
    run = begun(stage)
    match state:
        case "held":
            control.pause(stage.store, run)
        case "stopped":
            stop(stage)
        case "finished":
            control.cancel(stage.store, run)
        case _:
            pass
    before = stage.run()
    with pytest.raises(InputError, match=f"'{state}'"):
        action(stage.store, run)
    assert stage.run() == before


def test_an_enrollment_that_does_not_exist_cannot_be_controlled(sqlite_stage: Stage) -> None:
    """The id is named in the fault."""
    with pytest.raises(NotFoundError, match="'nobody'"):
        control.pause(sqlite_stage.store, "nobody")


def test_every_control_action_nudges_the_cohort(sqlite_stage: Stage) -> None:
    """What a person does is seen at once: after the commit the driver is told to look."""
    stage = sqlite_stage
    run = begun(stage)
    nudged: list[frozenset[str]] = []
    stage.store.on_commit(nudged.append)
    for action in (control.pause, control.resume, control.skip, control.cancel):
        action(stage.store, run)
    assert nudged == [frozenset(stage.cohorts())] * 4


def test_i17_a_new_version_takes_new_leads_and_leaves_the_others_on_theirs(stage: Stage) -> None:
    """Applying a changed playbook never changes what a running enrollment does."""
    begun(stage)
    stage.publish(slow=SLOW.replace("end: done", "end: other").replace("2 days", "1 hour"))
    stage.event("form.submitted", "bob")
    stage.turn(hours=2)
    stage.work()
    assert [run["outcome"] for run in stage.runs(state="finished")] == ["other"]
    stage.turn(days=2)
    stage.work()
    assert {run["outcome"] for run in stage.runs()} == {"done", "other"}
    assert len({run["cohort"].split("/")[0] for run in stage.runs()}) == 2


def test_i17_a_retired_playbook_takes_nobody_in_and_finishes_what_it_began(stage: Stage) -> None:
    """A playbook whose file is gone runs on for those who are in it."""
    begun(stage)
    stage.publish(other=SLOW.replace("form.submitted", "page.viewed"))
    stage.event("form.submitted", "bob")
    stage.turn(days=3)
    stage.work()
    assert stage.run()["outcome"] == "done"


CRON = "enroll:\n  when: [{cron: '0 9 * * *'}]\n  again: always\nsteps:\n  - %s\n"


def test_a_version_that_is_current_again_keeps_its_clock(sqlite_stage: Stage) -> None:
    """Applied, replaced, and applied again: the cron trigger fires as before."""
    stage = sqlite_stage
    stage.publish(daily=CRON % "tag: one")
    stage.event("page.viewed")
    stage.publish(daily=CRON % "tag: two")
    stage.publish(daily=CRON % "tag: one")
    stage.turn(days=1)
    while fire_due(stage.store).more:
        pass
    stage.work()
    assert stage.lead()["tags"] == ["one"]


def found(store: Store) -> dict[str, str]:
    return {check.name: check.detail for check in examine(store) if not check.ok}


def test_i19_a_sound_store_is_found_sound(stage: Stage) -> None:
    """After a life with mails, a fault, a pause and a cancellation, the recount agrees."""
    stage.publish(slow=SLOW, mail=ON_FORM + "steps:\n  - email: note\n  - wait: 1 day\n")
    stage.crowd(8)
    stage.work()
    control.pause(stage.store, stage.runs(playbook="slow")[0]["id"])
    control.cancel(stage.store, stage.runs(playbook="slow")[1]["id"])
    assert found(stage.store) == {}


@pytest.mark.parametrize(
    "harm",
    [
        lambda run: sa.delete(jobs.table).where(jobs.table.c.enrollment == run),
        lambda run: sa.delete(enrollments.log_table).where(
            enrollments.log_table.c.enrollment == run, enrollments.log_table.c.seq == 0
        ),
        lambda run: (
            sa.update(enrollments.table).where(enrollments.table.c.id == run).values(state="lost")
        ),
        lambda run: sa.update(enrollments.table).where(enrollments.table.c.id == run).values(seq=7),
    ],
    ids=["a job is gone", "a line is gone", "no state", "another seq"],
)
def test_i19_what_does_not_agree_is_named(
    sqlite_stage: Stage, harm: Callable[[str], sa.Delete | sa.Update]
) -> None:
    """Each enrollment is in exactly one state; what the recount misses is named by its id."""
    stage = sqlite_stage
    stage.publish(mail=ON_FORM + "steps:\n  - tag: one\n  - email: note\n")
    stage.event("form.submitted")
    stage.advance()
    run = stage.run()["id"]
    stage.store.write(lambda tx: tx.conn.execute(harm(run)))
    named = " ".join(found(stage.store).values())
    assert run in named
