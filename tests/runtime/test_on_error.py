"""`on_error` in a whole runtime: what fails is stopped and shown, or left out and recorded."""

import pytest

from activities._action import Inline, Params
from activities._desk import Desk
from activities._registry import actions
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import Rejected, RejectionClass, Reply
from engine.operations import inbox
from engine.runtime.interpreter import Acted
from engine.runtime.position import Member
from tests.runtime.stage import Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\nsteps:\n"
UNREADABLE = '  - set: {trial_ends_at: "{{ lead.first_name }}"}\n    id: it\n'
MAIL = "  - email: note\n    id: it\n"
AFTER = "  - tag: after\n"


def begun(stage: Stage, steps: str) -> None:
    stage.publish(tour=ON_FORM + steps)
    stage.event("form.submitted", fields={"first_name": "Ann"})
    stage.work()


def test_an_inline_step_that_fails_waits_for_a_person(stage: Stage) -> None:
    """By default the run stops, and the inbox says at which step and why."""
    begun(stage, UNREADABLE + AFTER)
    assert stage.run()["state"] == "stopped"
    (task,) = stage.tasks(kind="stopped")
    assert task["subject"] == "tour stopped at it"
    assert "Ann" in task["text"]
    inbox.decide(stage.store, task["id"], "skip")
    stage.work()
    assert (stage.run()["outcome"], stage.lead()["tags"]) == ("completed", ["after"])
    soundness(stage)


def test_an_inline_step_that_may_fail_is_left_out(stage: Stage) -> None:
    """With `continue` the run goes on, nobody is asked, and the record says what was wrong."""
    begun(stage, UNREADABLE + "    on_error: continue\n" + AFTER)
    assert stage.run()["outcome"] == "completed"
    assert stage.log() == [("it", "failed"), ("tag-after", "tagged"), ("end", "completed")]
    assert stage.tasks() == []
    soundness(stage)


def refused(stage: Stage, on_error: str) -> None:
    """A mail that its server refuses for good, though its address is alive."""
    reply = Reply(554, "5.7.1", "not this content")
    stage.transport = MemoryTransport(
        lambda _: Rejected(reply, RejectionClass.CONTENT, suppress=False)
    )
    stage.__post_init__()
    begun(stage, f"{MAIL}    on_error: {on_error}\n{AFTER}")


def test_a_mail_that_is_refused_for_good_waits_for_a_person(stage: Stage) -> None:
    """What was tried and refused stops its run, and is sent again when a person says so."""
    refused(stage, "stop")
    assert stage.run()["state"] == "stopped"
    (task,) = stage.tasks(kind="stopped")
    assert "not this content" in task["text"]
    stage.transport = MemoryTransport()
    stage.__post_init__()
    inbox.decide(stage.store, task["id"], "retry")
    stage.work()
    assert len(stage.transport.sent) == 1
    assert stage.run()["outcome"] == "completed"
    soundness(stage)


def test_a_mail_that_may_fail_is_left_out(stage: Stage) -> None:
    """With `continue` the run goes on; the refusal is in the ledger and in the record."""
    refused(stage, "continue")
    assert stage.job()["state"] == "rejected"
    assert stage.log() == [("it", "rejected"), ("tag-after", "tagged"), ("end", "completed")]
    assert stage.tasks() == []


def test_an_unforeseen_fault_of_a_step_is_a_failure_like_any_other(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of an action itself stops its run; with `continue` the step is left out."""

    def faulty(params: Params, member: Member, desk: Desk) -> Acted:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(actions(), "score", Inline("score", faulty))
    stage = sqlite_stage
    step = "  - score: +1\n    id: it\n"
    stage.publish(stop=ON_FORM + step, go=ON_FORM + step + "    on_error: continue\n" + AFTER)
    stage.event("form.submitted")
    stage.work()
    assert {run["playbook"]: run["state"] for run in stage.runs()} == {
        "stop": "stopped", "go": "finished",
    }  # fmt: skip
    assert stage.lead()["tags"] == ["after"]
    (task,) = stage.tasks(kind="stopped")
    assert task["text"] == "division by zero"
