"""The inbox: what a person's answer sets off."""

from datetime import UTC, datetime, time, timedelta

import pytest

from engine.errors import InputError
from engine.operations import inbox
from engine.store.database import Store
from tests.runtime.stage import Stage

CALL = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - assign: {to: li.wei}
  - task: Call {{ lead.email }}
  - wait_for: task.done
    up_to: 2 days
    then: [{end: worked}]
  - end: late
"""
ESCALATE = """\
enroll: {when: [{event: form.submitted}]}
exit: [{event: lead.contacted, goal: contacted}]
steps: [{wait: 9 days}]
"""
STOPS = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - set: {trial_ends_at: "{{ lead.email }}"}
  - tag: through
"""


def first(store: Store) -> str:
    return str(inbox.listing(store)[0]["id"])


@pytest.fixture
def called(stage: Stage) -> Stage:
    """Ann is to be called."""
    stage.publish(call=CALL, escalate=ESCALATE)
    stage.event("form.submitted")
    stage.work()
    return stage


def test_the_inbox_keeps_its_promise(called: Stage) -> None:
    """The keys that scripts rely on, and whose it is."""
    (row,) = inbox.listing(called.store, owner="li.wei")
    promised = {"id", "kind", "subject", "owner", "level", "due_at", "state", "text"}
    assert promised <= set(row)
    assert (row["subject"], row["lead"]) == ("Call ann@example.com", "ann@example.com")
    assert inbox.listing(called.store, owner="") == []


def test_a_task_done_ends_the_wait_for_it(called: Stage) -> None:
    """The run that made it goes on; without a result it is no contact."""
    inbox.finish(called.store, first(called.store))
    called.work()
    assert called.run(playbook="call")["outcome"] == "worked"
    assert called.run(playbook="escalate")["state"] == "waiting"


def test_a_task_done_with_a_result_counts_as_contact(called: Stage) -> None:
    """Every run of the lead hears of it, and the lead was contacted."""
    inbox.finish(called.store, first(called.store), result="wants a quote", actor="li.wei")
    called.work()
    assert called.run(playbook="escalate")["outcome"] == "contacted"
    assert called.lead()["last_contacted_at"] is not None


def test_a_task_is_done_once(called: Stage) -> None:
    """The second answer is refused."""
    task = first(called.store)
    inbox.finish(called.store, task)
    with pytest.raises(InputError, match="is done already"):
        inbox.finish(called.store, task)


def test_a_task_put_off_comes_back(called: Stage) -> None:
    """It is out of sight until then."""
    task = first(called.store)
    now = called.store.read(lambda tx: tx.now)
    with pytest.raises(InputError, match="is past"):
        inbox.snooze(called.store, task, now - timedelta(hours=1))
    inbox.snooze(called.store, task, now + timedelta(hours=1))
    assert inbox.listing(called.store) == []
    assert len(inbox.listing(called.store, snoozed=True)) == 1
    called.turn(hours=2)
    assert len(inbox.listing(called.store)) == 1


def test_a_time_without_a_zone_is_the_workspaces(called: Stage) -> None:
    """Whoever writes 09:00 means nine o'clock where the workspace is, not where the machine is."""
    day = called.store.read(lambda tx: tx.now).date() + timedelta(days=2)
    found = inbox.snooze(called.store, first(called.store), datetime.combine(day, time(9)))
    assert found["snoozed_until"] == datetime.combine(day, time(1), UTC)


@pytest.mark.parametrize(("verb", "state"), [("retry", "stopped"), ("skip", "finished")])
def test_a_stopped_enrollment_waits_for_a_decision(stage: Stage, verb: str, state: str) -> None:
    """Retried it fails again, and is in the inbox again; skipped it goes on behind the step."""
    stage.publish(stops=STOPS)
    stage.event("form.submitted")
    stage.work()
    (row,) = inbox.listing(stage.store)
    assert row["kind"] == "stopped" and "trial_ends_at" in row["text"]
    with pytest.raises(InputError, match="asks what to do"):
        inbox.finish(stage.store, row["id"])
    inbox.decide(stage.store, row["id"], verb, actor="li.wei")
    stage.work()
    assert stage.run()["state"] == state
    assert len(inbox.listing(stage.store)) == (1 if verb == "retry" else 0)
    with pytest.raises(InputError, match="is done already"):
        inbox.decide(stage.store, row["id"], verb)


def test_a_task_is_no_stopped_enrollment(called: Stage) -> None:
    """It cannot be retried."""
    with pytest.raises(InputError, match="no stopped enrollment"):
        inbox.decide(called.store, first(called.store), "retry")
