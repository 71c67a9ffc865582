"""Approvals: a person's yes or no, or none in time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import InputError
from engine.operations import control, inbox
from engine.operations.doctor import examine
from engine.operations.explain import explain
from engine.store import enrollments, tasks
from tests.runtime.stage import WORKSPACE, Stage, soundness

TEAM = WORKSPACE + (
    "    chen.jie: {name: 陈杰, email: chen.jie@acme.example}\n"
    "    sam.lee: {manager: chen.jie, email: sam@acme.example}\n"
)
ASKING = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - assign: {to: sam.lee}
  - approve: "给 {{ lead.email }} 打折?"
    id: discount
    up_to: 2 days
    then: [{tag: offered}]
    else: [{tag: refused}]
"""


def asked(stage: Stage, text: str = ASKING) -> dict[str, Any]:
    """A lead whose discount is to be approved: the open task."""
    stage.publish(TEAM, deal=text)
    stage.event("form.submitted")
    stage.advance()
    return task(stage)


def task(stage: Stage) -> dict[str, Any]:
    (found,) = stage.tasks(kind="approval", state="open")
    return found


def tags(stage: Stage) -> list[str]:
    found = stage.lead()["tags"]
    assert isinstance(found, list)
    return found


def test_the_manager_is_asked_and_the_run_waits(stage: Stage) -> None:
    """The question is in the inbox of the owner's manager, with its text and its time."""
    question = asked(stage)
    assert (question["owner"], question["subject"]) == ("chen.jie", "给 ann@example.com 打折?")
    run = stage.run()
    assert (run["state"], run["blocked_on"], run["until_at"]) == (
        "waiting", "answer", question["due_at"],
    )  # fmt: skip
    shown = inbox.listing(stage.store, owner="chen.jie")
    assert [(one["kind"], one["id"]) for one in shown] == [("approval", question["id"])]
    soundness(stage)


@pytest.mark.parametrize(
    ("yes", "outcome", "tag"), [(True, "approved", "offered"), (False, "rejected", "refused")]
)
def test_an_answer_moves_the_run_and_is_on_record(
    stage: Stage, yes: bool, outcome: str, tag: str
) -> None:
    """Yes goes on with `then`, no with `else`; who said it and when is kept."""
    question = asked(stage)
    shown = inbox.answer(stage.store, question["id"], yes=yes, actor="chen.jie")
    assert (shown["state"], shown["result"]) == ("done", outcome)
    stage.advance()
    assert tags(stage) == [tag]
    (row,) = stage.tasks(kind="approval")
    assert (row["ended_by"], row["ended_at"] is not None) == ("chen.jie", True)
    told = [one for one in explain(stage.store, "ann@example.com") if "discount" in one.what]
    assert [(one.what, one.why) for one in told] == [(f"deal / discount: {outcome}", "by chen.jie")]
    soundness(stage)


def test_no_answer_in_time_is_a_no(stage: Stage) -> None:
    """When the time is over the run goes on with `else`, and nobody is asked any more."""
    question = asked(stage)
    stage.turn(days=2, minutes=1)
    stage.advance()
    assert tags(stage) == ["refused"]
    assert ("discount", "no answer") in stage.log()
    with pytest.raises(InputError, match="done already: no answer in time"):
        inbox.answer(stage.store, question["id"], yes=True, actor="chen.jie")


def test_an_answer_wins_over_a_time_that_nobody_has_acted_upon(stage: Stage) -> None:
    """The time is over, no worker was there, and the answer comes first: it counts."""
    question = asked(stage)
    stage.turn(days=3)
    inbox.answer(stage.store, question["id"], yes=True, actor="chen.jie")
    stage.advance()
    assert tags(stage) == ["offered"]


def test_the_answer_is_given_once(stage: Stage) -> None:
    """Two people answer at the same time: one of them does, the other is told what was said."""
    question = asked(stage)
    barrier = threading.Barrier(2)

    def say(yes: bool) -> str:
        barrier.wait()
        try:
            return str(inbox.answer(stage.store, question["id"], yes=yes, actor="x")["result"])
        except InputError as error:
            return error.message

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(say, [True, False]), key=len)
    assert said[0] in {"approved", "rejected"}
    assert said[1].endswith(f"is done already: {said[0]}")
    stage.advance()
    assert tags(stage) == [{"approved": "offered", "rejected": "refused"}[said[0]]]


def test_an_answer_and_a_time_out_at_once_agree_with_the_record(stage: Stage) -> None:
    """Whichever commits first counts, and the task says the same as the run."""
    stage.publish(TEAM, deal=ASKING)
    stage.crowd(30)
    stage.advance()
    stage.turn(days=2, minutes=1)
    open_ = [row["id"] for row in stage.tasks(kind="approval", state="open")]
    barrier = threading.Barrier(2)

    def answer() -> None:
        barrier.wait()
        for one in open_:
            try:
                inbox.answer(stage.store, one, yes=True, actor="chen.jie")
            except InputError:
                continue

    def drive() -> None:
        barrier.wait()
        stage.advance()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(answer), pool.submit(drive)]:
            done.result()
    stage.advance()
    said = {row["enrollment"]: row["result"] for row in stage.tasks(kind="approval")}
    for run in stage.runs():
        log = dict(stage.log(run["id"]))
        expected = "approved" if said[run["id"]] == "approved" else "no answer"
        assert log["discount"] == expected
    soundness(stage)


def test_nobody_to_ask_is_the_common_inbox(stage: Stage) -> None:
    """A lead without an owner has no manager: the question is everybody's, never nobody's."""
    question = asked(stage, ASKING.replace("  - assign: {to: sam.lee}\n", ""))
    assert question["owner"] is None
    assert [one["id"] for one in inbox.listing(stage.store, owner="")] == [question["id"]]


def test_the_first_of_a_list_that_there_is_is_asked(stage: Stage) -> None:
    """No owner, then the one who is named."""
    text = ASKING.replace("  - assign: {to: sam.lee}\n", "")
    question = asked(stage, text.replace("    up_to", "    by: [owner, li.wei]\n    up_to"))
    assert question["owner"] == "li.wei"


def test_an_exit_closes_the_question(stage: Stage) -> None:
    """Whoever buys meanwhile leaves, and nobody is asked about it any more."""
    question = asked(stage, "exit: [{event: order.placed, goal: bought}]\n" + ASKING)
    stage.event("order.placed")
    (row,) = stage.tasks(kind="approval")
    assert (row["state"], row["result"]) == ("done", "ended")
    with pytest.raises(InputError):
        inbox.answer(stage.store, question["id"], yes=True)
    assert stage.run()["outcome"] == "bought"


def test_an_exit_by_condition_closes_the_question(stage: Stage) -> None:
    """A condition that comes true while the run waits ends it, and the question with it."""
    asked(stage, "exit: [{if: lead.orders > 0}]\n" + ASKING)
    stage.event("order.placed")
    stage.advance()
    assert stage.run()["outcome"] == "exited"
    assert stage.tasks(kind="approval", state="open") == []


def test_skip_is_a_no_without_an_answer(stage: Stage) -> None:
    """A person who skips the step ends the wait: `else`, and the question is closed."""
    asked(stage)
    control.skip(stage.store, stage.run()["id"], "li.wei")
    stage.advance()
    assert tags(stage) == ["refused"]
    assert stage.tasks(kind="approval", state="open") == []


def test_a_paused_run_keeps_its_answer_and_its_time(stage: Stage) -> None:
    """While a run is held its clock stands, and an answer is kept for it."""
    question = asked(stage)
    run = stage.run()["id"]
    control.pause(stage.store, run)
    stage.turn(days=5)
    inbox.answer(stage.store, question["id"], yes=True, actor="chen.jie")
    stage.advance()
    assert stage.run()["state"] == "held"
    control.resume(stage.store, run)
    stage.advance()
    assert tags(stage) == ["offered"]


def test_a_resumed_run_gives_the_person_the_rest_of_the_time(sqlite_stage: Stage) -> None:
    """As long as the run was held, so much later the answer is due, in the inbox too."""
    stage = sqlite_stage
    question = asked(stage)
    run = stage.run()["id"]
    control.pause(stage.store, run)
    stage.turn(days=5)
    control.resume(stage.store, run)
    stage.advance()
    assert stage.run()["until_at"] == question["due_at"] + timedelta(days=5)
    assert task(stage)["due_at"] == question["due_at"] + timedelta(days=5)


def test_a_question_that_is_asked_again_closes_the_one_before(stage: Stage) -> None:
    """A way round that asks anew leaves one question open at a time."""
    text = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - approve: Ready?
    id: ready
    up_to: 1 day
    else: [{goto: ready}]
"""
    stage.publish(TEAM, deal=text)
    stage.event("form.submitted")
    for _ in range(3):
        stage.advance()
        stage.turn(days=1, minutes=1)
    stage.advance()
    assert len(stage.tasks(kind="approval")) == 4
    inbox.answer(stage.store, task(stage)["id"], yes=True, actor="li.wei")
    stage.advance()
    assert stage.run()["outcome"] == "completed"


@pytest.mark.parametrize("answer", ["done", "retry"])
def test_an_approval_takes_a_yes_or_a_no(stage: Stage, answer: str) -> None:
    """Finishing or retrying it is refused, with the words that answer it."""
    question = asked(stage)
    with pytest.raises(InputError) as caught:
        if answer == "done":
            inbox.finish(stage.store, question["id"])
        else:
            inbox.decide(stage.store, question["id"], "retry")
    assert question["id"] in caught.value.message


def test_a_task_takes_no_yes(stage: Stage) -> None:
    """What is no approval cannot be approved."""
    stage.publish(TEAM, deal=ASKING.replace("  - assign", "  - task: Call\n  - assign"))
    stage.event("form.submitted")
    stage.advance()
    (other,) = stage.tasks(kind="task")
    with pytest.raises(InputError, match="is no approval"):
        inbox.answer(stage.store, other["id"], yes=True)


def test_a_guard_that_fails_asks_nobody(stage: Stage) -> None:
    """Neither then nor else is done."""
    stage.publish(TEAM, deal=ASKING.replace("    up_to", "    if: lead.score > 50\n    up_to"))
    stage.event("form.submitted")
    stage.advance()
    assert stage.tasks(kind="approval") == []
    assert (stage.run()["outcome"], tags(stage)) == ("completed", [])


def test_a_question_that_is_gone_is_named(stage: Stage) -> None:
    """The doctor names the run that waits for an answer nobody was asked for."""
    question = asked(stage)
    assert [one.name for one in examine(stage.store) if not one.ok] == []
    gone = tasks.table.delete().where(tasks.table.c.id == question["id"])
    stage.store.write(lambda tx: tx.conn.execute(gone))
    (found,) = [one for one in examine(stage.store) if not one.ok]
    assert (found.name, stage.run()["id"] in found.detail) == ("questions", True)


def test_a_question_survives_a_repeated_look(stage: Stage) -> None:
    """Driven again and again, it is asked once."""
    asked(stage)
    run = stage.run()["id"]
    stage.store.write(lambda tx: enrollments.wake(tx, [run]))
    stage.advance()
    assert len(stage.tasks(kind="approval")) == 1
    assert stage.run()["state"] == "waiting"
