"""Progress, invariants 1 to 6: every step once, whoever drives, and nothing is left standing."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from activities._advance import Progress, advance
from activities._registry import actions
from engine.ids import job_id
from engine.operations.sweeper import neglected
from engine.store import enrollments, jobs, leads
from tests.runtime.stage import Stage, soundness, steps

ON_FORM = steps("enroll:", "  when: [{event: form.submitted}]")
BUSY = ON_FORM + steps(
    "steps:",
    "  - tag: one",
    "  - score: +5",
    "  - if: lead.score >= 5",
    "    then: [{set: {segment: warm}}]",
    "  - email: note",
    "  - task: Call {{ lead.email }}",
    "  - end: done",
)


def test_i1_two_drivers_of_one_cohort_do_every_step_once(stage: Stage) -> None:
    """Effect, step log and row commit together: two drivers at once pass each op once."""
    stage.publish(busy=BUSY)
    stage.crowd(120)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(30):
            turns = [
                pool.submit(advance, stage.store, cohort, limit=40)
                for cohort in stage.cohorts()
                for _ in range(2)
            ]
            progress = [turn.result() for turn in turns]
            batches = sorted({batch for one in progress for batch, _ in one.batches})
            list(pool.map(stage.deliver, batches + batches))
            if all(one.is_empty for one in progress):
                break
    assert {run["outcome"] for run in stage.runs()} == {"done"}
    assert len(stage.transport.sent) == len({one.recipient for one in stage.transport.sent}) == 120
    assert len(stage.tasks()) == 120
    assert [lead["score"] for lead in stage.all(leads.table)] == [5] * 120
    soundness(stage)


def test_i1_a_line_of_the_step_log_cannot_be_written_twice(stage: Stage) -> None:
    """The step log refuses a second line for one (enrollment, seq)."""
    stage.publish(busy=BUSY)
    stage.event("form.submitted")
    stage.advance()
    line = stage.all(enrollments.log_table)[0]
    with pytest.raises(sa.exc.IntegrityError):
        stage.store.write(lambda tx: tx.conn.execute(sa.insert(enrollments.log_table), [line]))


def test_i1_a_step_from_a_seq_that_is_gone_writes_nothing(stage: Stage) -> None:
    """The row moves only from the seq that was read: who comes second changes nothing."""
    stage.publish(busy=BUSY)
    stage.event("form.submitted")
    row = stage.run()
    stage.advance()
    after = stage.run()
    stale = enrollments.Step(row["id"], row["seq"], row | {"seq": 1, "pc": 1})
    with pytest.raises(RuntimeError):
        stage.store.write(lambda tx: enrollments.advance(tx, [stale]))
    assert stage.run() == after


def test_i2_advance_repeated_after_its_commit_changes_nothing(stage: Stage) -> None:
    """Whose answer was lost asks again: the same open batches, and no step more."""
    stage.publish(busy=BUSY)
    stage.crowd(30)
    first = {cohort: advance(stage.store, cohort) for cohort in stage.cohorts()}
    before = (stage.runs(), stage.jobs(), stage.all(enrollments.log_table))
    for cohort, progress in first.items():
        again = advance(stage.store, cohort)
        assert (again.batches, again.passed) == (progress.batches, 0)
    assert (stage.runs(), stage.jobs(), stage.all(enrollments.log_table)) == before


def test_i2_answers_thrown_away_at_random_cost_only_time(stage: Stage) -> None:
    """A run whose answers are lost every other time ends as any other."""
    stage.publish(busy=BUSY)
    stage.crowd(40)
    chance = random.Random(7)
    for _ in range(200):
        progress: list[Progress] = []
        for cohort in stage.cohorts():
            answer = advance(stage.store, cohort, limit=chance.choice([1, 7, 50]))
            progress.append(answer)
            if chance.random() < 0.5:
                continue
            for batch, _ in answer.batches:
                stage.deliver(batch)
        if all(one.is_empty for one in progress):
            break
    assert {run["outcome"] for run in stage.runs()} == {"done"}
    assert len(stage.transport.sent) == 40
    soundness(stage)


def test_i3_keys_of_effects_are_made_of_enrollment_and_seq(stage: Stage) -> None:
    """Jobs and their Message-IDs depend on (enrollment, seq), and on nothing else."""
    stage.publish(busy=BUSY)
    stage.crowd(5)
    stage.advance()
    for job in stage.jobs():
        assert job["id"] == job_id(job["enrollment"], job["seq"])
        assert job["message_id"] == f"<{job['id']}@acme.example>"


def test_i4_a_cohort_is_empty_only_without_members_batches_and_deferred_jobs(
    stage: Stage,
) -> None:
    """A driver may end when the transaction counted nothing open, and not before."""
    stage.publish(slow=ON_FORM + steps("steps:", "  - email: note", "  - wait: 1 day"))
    stage.event("form.submitted")
    assert [one.is_empty for one in stage.advance()] == [False]
    stage.work()
    (sleeping,) = stage.advance()
    assert (sleeping.is_empty, sleeping.batches) == (False, [])
    assert sleeping.wake_at is not None
    stage.turn(days=2)
    (done,) = stage.advance()
    assert (done.is_empty, done.wake_at, done.more) == (True, None, False)


def test_i4_a_member_that_waits_for_ever_keeps_its_cohort_open(stage: Stage) -> None:
    """No wake-up is no zero: a cohort without a next time is not an empty one."""
    forever = steps("steps:", "  - wait_for: order.placed", "    up_to: forever")
    stage.publish(patient=ON_FORM + forever)
    stage.event("form.submitted")
    (progress,) = stage.advance()
    assert (progress.is_empty, progress.wake_at, progress.more) == (False, None, False)


def test_i4_a_deferred_message_keeps_its_cohort_open(sqlite_stage: Stage) -> None:
    """A message that may go later is work left, even when its enrollment was cancelled."""
    window = steps("send:", '  window: {hours: "09:00-10:00"}')
    sqlite_stage.publish(later=ON_FORM + window + steps("steps:", "  - email: note"))
    sqlite_stage.event("form.submitted")
    sqlite_stage.work()
    sqlite_stage.event("email.unsubscribed")
    (progress,) = sqlite_stage.advance()
    assert sqlite_stage.run()["outcome"] == "unsubscribed"
    assert not progress.is_empty
    sqlite_stage.turn(days=1)
    sqlite_stage.work()
    (progress,) = sqlite_stage.advance()
    assert progress.is_empty
    assert sqlite_stage.job()["state"] == "skipped"


def test_i5_a_member_that_is_due_and_unserved_is_found(stage: Stage) -> None:
    """A nudge that was lost costs five seconds: the sweeper names the cohort."""
    stage.publish(busy=BUSY)
    stage.event("form.submitted")
    assert neglected(stage.store) == frozenset()
    stage.turn(seconds=6)
    assert neglected(stage.store) == frozenset(stage.cohorts())
    stage.advance()
    assert neglected(stage.store) == frozenset()


def test_i5_an_open_batch_that_nobody_touches_is_found(stage: Stage) -> None:
    """Members that only await their mails are found by their batch, when Temporal forgot it."""
    stage.publish(busy=BUSY)
    stage.crowd(3)
    stage.open_batches()
    stage.turn(seconds=59)
    assert neglected(stage.store) == frozenset()
    stage.turn(seconds=2)
    assert neglected(stage.store) == frozenset(stage.cohorts())
    stage.work()
    stage.turn(minutes=2)
    assert neglected(stage.store) == frozenset()
    assert {run["outcome"] for run in stage.runs()} == {"done"}


def test_i5_a_deferred_message_that_is_overdue_is_found(sqlite_stage: Stage) -> None:
    """A message whose time has come, and whose driver is gone, is found too."""
    window = steps("send:", '  window: {hours: "13:00-14:00"}')
    sqlite_stage.publish(later=ON_FORM + window + steps("steps:", "  - email: note"))
    sqlite_stage.event("form.submitted")
    sqlite_stage.work()
    assert sqlite_stage.job()["state"] == "deferred"
    sqlite_stage.turn(minutes=60, seconds=4)
    assert neglected(sqlite_stage.store) == frozenset()
    sqlite_stage.turn(seconds=2)
    assert neglected(sqlite_stage.store) == frozenset(sqlite_stage.cohorts())
    sqlite_stage.work()
    assert sqlite_stage.run()["outcome"] == "completed"


def test_i5_a_lost_driver_is_made_up_for_by_sweeps_alone(stage: Stage) -> None:
    """Driven by nothing but what the sweeper finds, everything finishes."""
    stage.publish(busy=BUSY)
    stage.crowd(20)
    for _ in range(8):
        stage.turn(minutes=2)
        for cohort in neglected(stage.store):
            for batch, _ in advance(stage.store, cohort).batches:
                stage.deliver(batch)
    assert {run["outcome"] for run in stage.runs()} == {"done"}


def test_i6_members_that_fail_are_stopped_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One member in 500 raises, another breaks a constraint: 498 go on, two are in the inbox."""
    stage.publish(busy=BUSY)
    stage.crowd(500)
    raises, breaks = "lead7@example.com", "lead11@example.com"
    tag = actions()["tag"]

    def fault(params: object, member: object, desk: object) -> object:
        email = member.scope["lead"]["email"]  # type: ignore[attr-defined]
        if email == raises:
            raise ZeroDivisionError("division by zero")
        if email == breaks:
            desk._tasks.append({"id": None})  # type: ignore[attr-defined]
        return tag.run(params, member, desk)  # type: ignore[union-attr, arg-type]

    faulty = type(tag)("tag", fault)  # type: ignore[arg-type, call-arg]
    monkeypatch.setitem(actions(), "tag", faulty)
    stage.advance()
    stopped = stage.runs(state="stopped")
    assert len(stage.runs(state="waiting")) == 498
    reasons = sorted(run["reason"] for run in stopped)
    assert [one.split(":")[0] for one in reasons] == ["division by zero", "the database refused it"]
    assert {one["enrollment"] for one in stage.tasks(kind="stopped")} == {
        run["id"] for run in stopped
    }
    soundness(stage)


def test_i6_a_database_that_is_away_stops_nobody(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost connection is no member's fault: the slice is tried again, and nobody is stopped."""
    stage = sqlite_stage
    stage.publish(busy=BUSY)
    stage.crowd(4)
    failures = iter([True] * 3)

    def flaky(conn: sa.Connection, *_: object) -> None:
        if next(failures, False):
            raise sa.exc.OperationalError("COMMIT", {}, Exception("server closed the connection"))

    sa.event.listen(stage.store.engine, "commit", flaky)
    for _ in range(4):
        try:
            stage.advance()
        except Exception:
            continue
    assert not stage.runs(state="stopped")
    assert len(stage.jobs()) == 4


def test_a_stopped_enrollment_stays_stopped_whatever_happens(stage: Stage) -> None:
    """Events do not start a stopped enrollment again: a person does, by retry or skip."""
    stage.publish(
        busy=ON_FORM
        + steps(
            "steps:",
            "  - assign: {to: li.wei}",
            "  - wait_for: [order.placed, page.viewed]",
            "    up_to: 1 day",
        )
    )
    stage.event("form.submitted")
    _stop_it(stage)
    before = stage.run()
    stage.event("page.viewed")
    stage.work()
    assert stage.run() == before


def _stop_it(stage: Stage) -> None:
    row = stage.run()
    stage.store.write(
        lambda tx: enrollments.set_values(
            tx, row["id"], row["seq"], {"state": "stopped", "wake_at": None, "reason": "a fault"}
        )
    )


@pytest.mark.parametrize(
    ("due", "expected"),
    [pytest.param(400, [150, 250], id="few"), pytest.param(500, [500], id="a full slice")],
)
def test_a_batch_holds_half_a_slice_unless_more_follow(
    sqlite_stage: Stage, due: int, expected: list[int]
) -> None:
    """What one activity serves is bounded, and few mails are not left to one sender."""
    sqlite_stage.publish(busy=BUSY)
    sqlite_stage.crowd(due)
    sqlite_stage.advance()
    count = sa.func.count()
    sizes = sqlite_stage.read(sa.select(count).select_from(jobs.table).group_by(jobs.table.c.batch))
    assert sorted(size for (size,) in sizes) == expected


def test_a_slice_waits_for_the_earliest_of_its_members(sqlite_stage: Stage) -> None:
    """The driver is told when the next member is due."""
    sqlite_stage.publish(slow=ON_FORM + steps("steps:", "  - wait: 3 days", "  - tag: one"))
    sqlite_stage.event("form.submitted", "ann")
    sqlite_stage.turn(hours=5)
    sqlite_stage.event("form.submitted", "bob")
    (progress,) = sqlite_stage.advance()
    first = min(run["wake_at"] for run in sqlite_stage.runs())
    assert progress.wake_at == first
    assert first - sqlite_stage.runs()[0]["entered_at"] == timedelta(days=3)
