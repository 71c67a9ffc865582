"""Moving running enrollments to another version (I17): all of it without Temporal."""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from activities._action import Inline
from activities._registry import actions
from engine.operations import control, moving, planning, published
from engine.operations.doctor import examine
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.moving import Moved
from engine.runtime.interpreter import Acted
from engine.store import leads
from engine.store.database import Transaction
from tests.runtime.stage import WORKSPACE, Stage, _edition, soundness

FORM = "enroll: {when: [{event: form.submitted}]}\n"
THREE = FORM + "steps:\n  - tag: one\n  - wait: 3 days\n  - email: note\n  - end: done\n"


def begun(stage: Stage, text: str = THREE, *, work: bool = True) -> None:
    stage.publish(slow=text)
    stage.event("form.submitted")
    if work:
        stage.work()


def moved(stage: Stage) -> Moved:
    (answer,) = moving.move(stage.store)
    soundness(stage)
    assert [one.detail for one in examine(stage.store) if not one.ok] == []
    return answer


def test_a_wait_that_became_shorter_is_shorter_for_those_in_it(stage: Stage) -> None:
    """It counts from the same moment: the end of the step before."""
    begun(stage)
    until = stage.run()["until_at"]
    stage.publish(slow=THREE.replace("3 days", "2 days"))
    assert (moved(stage).moved, moved(stage).moved) == (1, 0)
    stage.work()
    assert stage.run()["until_at"] == until - timedelta(days=1)
    stage.turn(days=2, minutes=1)
    stage.work()
    assert stage.run()["outcome"] == "done"
    assert stage.log() == [
        ("tag-one", "tagged"), ("wait-3-days", "moved"), ("wait-2-days", "waited"),
        ("email-note", "accepted"), ("end-done", "done"),
    ]  # fmt: skip


def test_a_wait_that_is_over_under_the_new_version_is_over_now(stage: Stage) -> None:
    """Two of three days slept, one asked for: it goes on at once."""
    begun(stage)
    stage.turn(days=2)
    stage.publish(slow=THREE.replace("3 days", "1 day"))
    moved(stage)
    stage.work()
    assert stage.run()["outcome"] == "done"


def test_whoever_waits_in_a_wait_that_says_the_same_is_not_even_woken(sqlite_stage: Stage) -> None:
    """Another step was changed: time, state and place stay as they were."""
    stage = sqlite_stage
    begun(stage)
    before = stage.run()
    stage.publish(slow=THREE.replace("end: done", "end: through"))
    moved(stage)
    after = stage.run()
    same = ("state", "blocked_on", "until_at", "wake_at", "anchor_at", "pc")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert after["seq"] == before["seq"] + 1 and after["digest"] != before["digest"]
    assert after["cohort"].startswith(f"slow@{after['digest'][:12]}/live/")


def test_i17_nobody_moves_while_a_message_is_being_sent(stage: Stage) -> None:
    """It stays, the message goes once, and the next move takes it along."""
    begun(stage, FORM + "steps:\n  - email: note\n  - wait: 1 day\n", work=False)
    (batch,) = stage.open_batches()
    stage.publish(slow=FORM + "steps:\n  - email: note\n    subject: New\n  - wait: 2 days\n")
    answers: list[Moved] = []

    def meanwhile(_envelope: object) -> None:
        answers.extend(moving.move(stage.store))

    stage.transport._answer = meanwhile
    stage.deliver(batch)
    assert answers[0].stayed == {"its message is being sent": 1}
    assert answers[0].soon == 1
    stage.work()
    assert moved(stage).moved == 1
    stage.work()
    assert len(stage.transport.sent) == 1
    assert stage.run()["until_at"] - stage.run()["anchor_at"] == timedelta(days=2)


def test_i17_a_message_that_waits_is_taken_back_and_goes_as_the_new_version_says(
    stage: Stage,
) -> None:
    """Queued, then moved: one mail goes, with the new subject, and none of the old version."""
    begun(stage, FORM + "steps:\n  - email: note\n", work=False)
    stage.advance()
    stage.publish(slow=FORM + "steps:\n  - email: note\n    subject: 新品 {{ lead.email }}\n")
    assert moved(stage).moved == 1
    stage.work()
    assert [job["state"] for job in sorted(stage.jobs(), key=lambda one: one["seq"])] == [
        "skipped", "accepted",
    ]  # fmt: skip
    assert len(stage.transport.sent) == 1
    assert stage.run()["outcome"] == "completed"


def test_a_message_that_is_taken_back_expires_when_it_would_have(sqlite_stage: Stage) -> None:
    """However often it is moved, and whatever was written about its expiry meanwhile."""
    stage = sqlite_stage
    text = FORM + "send: {expires: 3 days}\nsteps:\n  - email: note\n    subject: {}\n"
    begun(stage, text.replace("{}", "One"), work=False)
    stage.advance()
    (first,) = [job["params"]["expires_at"] for job in stage.jobs()]
    for number in range(2):
        stage.turn(hours=20)
        stage.publish(slow=text.replace("{}", f"New {number}"))
        assert moved(stage).moved == 1
        stage.advance()
    assert [job["params"]["expires_at"] for job in stage.jobs()] == [first] * 3
    stage.publish(slow=text.replace("{}", "Soon").replace("3 days", "1 day"))
    moved(stage)
    stage.work()
    assert "expired" in {job["reason"] for job in stage.jobs(state="skipped")}
    assert stage.transport.sent == []


def test_a_message_of_a_held_one_that_is_moved_expires_as_much_later(sqlite_stage: Stage) -> None:
    """Its clock stood still; in the next round of a loop its time begins anew."""
    stage = sqlite_stage
    text = (
        FORM + "send: {expires: 2 days}\nsteps:\n  - repeat: {times: 2}\n    steps:\n"
        "      - email: note\n        subject: {}\n      - wait: 5 days\n"
    )
    begun(stage, text.replace("{}", "One"), work=False)
    stage.advance()
    (first,) = [datetime.fromisoformat(job["params"]["expires_at"]) for job in stage.jobs()]
    control.pause(stage.store, stage.run()["id"])
    stage.turn(days=3)
    stage.publish(slow=text.replace("{}", "Two"))
    moved(stage)
    control.resume(stage.store, stage.run()["id"])
    stage.work()
    stage.turn(days=5, minutes=1)
    stage.work()
    ends = sorted(datetime.fromisoformat(job["params"]["expires_at"]) for job in stage.jobs())
    assert ends == [first, first + timedelta(days=3), first + timedelta(days=8, minutes=1)]
    assert len(stage.transport.sent) == 2


def test_a_removed_step_is_left_out(stage: Stage) -> None:
    """Whoever waits in it goes on at the next step that is still there, in its own branch."""
    text = (
        FORM
        + "steps:\n  - if: lead.email is defined\n    then:\n      - wait: 3 days\n"
        + "      - tag: then\n    else:\n      - tag: else\n  - wait: 9 days\n"
    )
    begun(stage, text)
    stage.publish(slow=text.replace("      - wait: 3 days\n", ""))
    moved(stage)
    stage.work()
    assert stage.lead()["tags"] == ["then"]


def test_the_last_step_removed_is_the_end(stage: Stage) -> None:
    """Nothing is left to do: the enrollment is completed."""
    begun(stage, FORM + "steps:\n  - tag: one\n  - wait: 9 days\n")
    stage.publish(slow=FORM + "steps:\n  - tag: one\n")
    moved(stage)
    stage.work()
    assert stage.run()["outcome"] == "completed"


def test_nobody_does_a_step_again_because_it_was_put_further_back(stage: Stage) -> None:
    """The mail that stood before the wait stands behind it: whoever has had it stays."""
    before = FORM + "steps:\n  - email: note\n  - wait: 3 days\n  - tag: one\n"
    after = FORM + "steps:\n  - wait: 3 days\n  - email: note\n  - tag: one\n"
    begun(stage, before)
    stage.publish(slow=after)
    answer = moved(stage)
    assert (answer.moved, sum(answer.stayed.values())) == (0, 1)
    stage.turn(days=4)
    stage.work()
    assert len(stage.transport.sent) == 1


def test_a_loop_goes_on_in_its_round(stage: Stage) -> None:
    """Two of three rounds done; the new version has four: two are left."""
    text = FORM + "steps:\n  - repeat: {times: 3}\n    steps: [{wait: 1 day}, {score: +1}]\n"
    begun(stage, text)
    for _ in range(2):
        stage.turn(days=1, minutes=1)
        stage.work()
    stage.publish(slow=text.replace("times: 3", "times: 4"))
    moved(stage)
    for _ in range(6):
        stage.turn(days=1, minutes=1)
        stage.work()
    assert (stage.lead()["score"], stage.run()["state"]) == (4, "finished")


def test_whoever_is_put_into_a_loop_is_in_its_first_round(stage: Stage) -> None:
    """The loop was put around the wait: it is done as often as it says, not once more."""
    begun(stage, FORM + "steps:\n  - wait: 1 day\n  - score: +1\n")
    stage.publish(
        slow=FORM + "steps:\n  - repeat: {times: 2}\n    steps: [{wait: 1 day}, {score: +1}]\n"
    )
    moved(stage)
    for _ in range(4):
        stage.turn(days=1, minutes=1)
        stage.work()
    assert (stage.lead()["score"], stage.run()["state"]) == (2, "finished")


ASKS = """steps:
  - email: note
    id: hello
  - wait_for: email.clicked
    from: hello
    up_to: 3 days
    then: [{tag: clicked}]
"""


def test_answers_to_a_mail_follow_its_step_to_its_new_name(stage: Stage) -> None:
    """The mail went under the old name; a click on it counts under the new one."""
    begun(stage, FORM + ASKS)
    job = stage.job()
    stage.publish(slow=FORM + ASKS.replace("hello", "hi"))
    assert moved(stage).moved == 1
    stage.work()
    click = {"enrollment": job["enrollment"], "source": stage.job()["step"]}
    stage.event("email.clicked", **click)
    stage.work()
    assert stage.lead()["tags"] == ["clicked"]


def test_whoever_waits_for_an_answer_that_nobody_asks_for_any_more_stays(stage: Stage) -> None:
    """The reason is given, and the run ends on its own version."""
    begun(stage, FORM + ASKS)
    other = ASKS.replace("id: hello", "id: first").replace(
        "  - wait_for", "  - email: other\n    id: second\n  - wait_for"
    )
    stage.publish(slow=FORM + other.replace("from: hello", "from: second"))
    answer = moved(stage)
    assert list(answer.stayed) == [
        "it waits for an answer to a mail that the new version does not ask about"
    ]
    stage.turn(days=4)
    stage.work()
    assert stage.run()["outcome"] == "completed"


def test_a_held_one_moves_and_is_still_held(stage: Stage) -> None:
    """Moved while a person holds it; resumed, it goes on in the new version."""
    begun(stage)
    control.pause(stage.store, stage.run()["id"])
    stage.publish(slow=THREE.replace("3 days", "1 hour"))
    assert moved(stage).moved == 1
    stage.work()
    assert stage.run()["state"] == "held"
    control.resume(stage.store, stage.run()["id"])
    stage.turn(hours=2)
    stage.work()
    assert stage.run()["outcome"] == "done"


def test_a_new_enrollment_that_has_done_nothing_begins_at_the_new_beginning(stage: Stage) -> None:
    """Pending is moved to the first step, also when that one is new."""
    begun(stage, work=False)
    stage.publish(slow=THREE.replace("  - tag: one", "  - tag: zero\n  - tag: one"))
    moved(stage)
    stage.work()
    assert stage.lead()["tags"] == ["zero", "one"]


def test_a_move_tells_both_cohorts(stage: Stage) -> None:
    """The new one has somebody to drive, the old one may be empty and end."""
    begun(stage)
    before = stage.run()["cohort"]
    stage.publish(slow=THREE.replace("3 days", "2 days"))
    nudged: list[frozenset[str]] = []
    stage.store.on_commit(nudged.append)
    moved(stage)
    assert nudged == [frozenset({before, stage.run()["cohort"]})]


def test_a_move_that_is_broken_off_goes_on_when_it_is_called_again(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page is a transaction of its own; what was done stands."""
    stage = sqlite_stage
    stage.publish(slow=THREE)
    stage.crowd(5)
    stage.work()
    stage.publish(slow=THREE.replace("3 days", "2 days"))
    monkeypatch.setattr(moving, "PAGE", 2)

    def break_off(done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moving.move(stage.store, progress=break_off)
    soundness(stage)
    assert moved(stage).moved == 1
    assert len({run["digest"] for run in stage.runs()}) == 1


def announced(stage: Stage, text: str) -> planning.PlaybookChange:
    """What `plan` says of publishing `text`."""
    edition = _edition(WORKSPACE, (("slow", f"playbook: slow\n{text}"),))
    found = stage.store.read(lambda tx: planning.planned(tx, edition))
    (one,) = found.changes
    return one


MANY = """steps:
  - email: note
    id: first
  - wait: 3 days
  - wait_for: email.clicked
    from: first
    up_to: 2 days
    then: [{tag: clicked}]
    else:
      - email: other
  - if: lead.score > 5
    then:
      - wait: 5 days
    else:
      - wait: 6 days
  - task: Call
  - repeat: {times: 3}
    steps: [{wait: 1 day}, {score: +1}]
  - wait: 1 day
  - end: done
"""
MENDED = """steps:
  - tag: began
  - email: note
    id: first
    subject: New
  - wait: 2 days
  - wait_for: email.clicked
    from: first
    up_to: 4 days
    then: [{tag: clicked}]
    else:
      - email: other
  - if: lead.score > 7
    then:
      - wait: 5 days
  - repeat: {times: 4}
    steps: [{wait: 1 day}, {score: +1}]
  - task: Call
  - wait: 1 day
  - end: done
"""


def test_what_plan_announces_is_what_a_move_does(stage: Stage) -> None:
    """A thousand enrollments over all steps: every count of the plan is met."""
    stage.publish(slow=FORM + MANY)
    for part in range(10):
        crowd_of(stage, 100, f"p{part}-")
        stage.store.write(partial(_scatter, part=part))
        stage.work()
        stage.turn(hours=30)
        stage.work()
    change = announced(stage, FORM + MENDED)
    assert change.active == len([one for one in stage.runs() if one["ended_at"] is None])
    assert change.active > 900
    for one in change.steps:
        if one.change.kind != "head":
            assert one.before + one.here + one.past == change.active, one
    expected: dict[str, int] = {}
    for going in change.going:
        expected[going.to] = expected.get(going.to, 0) + going.count
    stage.publish(slow=FORM + MENDED)
    before = {run["id"]: run["seq"] for run in stage.runs()}
    answer = moved(stage)
    assert answer.moved == change.moves and answer.moved > 500
    stays: dict[str, int] = {}
    for stay in change.staying:
        stays[stay.why] = stays.get(stay.why, 0) + stay.count
    assert answer.stayed == stays
    there: dict[str, int] = {}
    for run in stage.runs(digest=change.after):
        if run["ended_at"] is None:
            step = step_of(stage, run)
            there[step] = there.get(step, 0) + 1
            assert run["seq"] == before[run["id"]] + 1
    assert there == expected
    again = announced(stage, FORM + MENDED)
    assert (again.change, again.moves) == ("unchanged", 0)


def crowd_of(stage: Stage, size: int, prefix: str) -> None:
    """Leads of this prefix come in."""
    every = [
        IncomingEvent("form.submitted", {"email": f"{prefix}{n}@example.com"}) for n in range(size)
    ]
    take_in(stage.store, every)


def step_of(stage: Stage, run: Mapping[str, Any]) -> str:
    """The step at which an enrollment stands."""
    plan = stage.store.read(lambda tx: published.plan(tx, run["digest"]))
    return str(plan.ops[run["pc"]].step)


def _scatter(tx: Transaction, part: int) -> None:
    """Every other crowd has a high score, so that both branches are taken."""
    table = leads.table
    tx.conn.execute(
        table.update().where(table.c.email.like(f"p{part}-%")).values(score=8 * (part % 2))
    )


def test_moving_beside_drivers_that_are_at_work_mails_nobody_twice(stage: Stage) -> None:
    """Drivers and senders run while versions change and everybody is moved, and moved again."""
    text = (
        FORM
        + "steps:\n  - email: note\n    id: a\n  - tag: one\n  - email: other\n    id: b\n"
        + "  - wait: 1 hour\n  - email: note\n    id: c\n  - end: done\n"
    )
    versions = [text.replace("1 hour", f"{hours} hours") for hours in (2, 3)]
    stage.publish(slow=text)
    stage.crowd(120)
    failed: list[BaseException] = []

    def move_again() -> None:
        try:
            for turn in range(6):
                stage.publish(slow=versions[turn % 2])
                moving.move(stage.store)
        except BaseException as error:
            failed.append(error)

    movers = [threading.Thread(target=move_again) for _ in range(2)]
    for one in movers:
        one.start()
    while any(one.is_alive() for one in movers):
        for batch in stage.open_batches():
            stage.deliver(batch)
    for one in movers:
        one.join()
    assert failed == []
    stage.work()
    moved(stage)
    stage.turn(hours=4)
    stage.work()
    assert {run["outcome"] for run in stage.runs()} == {"done"}
    mails = Counter((job["enrollment"], job["step"]) for job in stage.jobs(state="accepted"))
    assert len(mails) == 360 and set(mails.values()) == {1}
    assert len(stage.transport.sent) == 360
    soundness(stage)


def test_whoever_waits_for_a_persons_answer_stays(sqlite_stage: Stage) -> None:
    """The question in the inbox is about the version that asked it."""
    stage = sqlite_stage
    text = (
        FORM
        + "steps:\n  - approve: Shall we?\n    by: li.wei\n    up_to: 9 days\n"
        + "    then: [{tag: yes}]\n    else: [{tag: no}]\n"
    )
    begun(stage, text)
    stage.publish(slow=text.replace("9 days", "8 days"))
    assert moved(stage).stayed == {"it waits for a person's answer": 1}


MOMENT = "steps:\n  - wait: {until: 'lead.trial_ends_at'}\n  - tag: there\n"


def test_a_wait_for_a_moment_has_its_new_moment(sqlite_stage: Stage) -> None:
    """Two days before the trial ends, and not when it ends; a moment that has gone by is now."""
    stage = sqlite_stage
    ends = stage.store.read(lambda tx: tx.now) + timedelta(days=9)
    stage.publish(slow=FORM + MOMENT)
    stage.event("form.submitted", fields={"trial_ends_at": ends.isoformat()})
    stage.work()
    assert stage.run()["until_at"] == ends
    stage.publish(slow=FORM + MOMENT.replace("'lead", "'2 days before lead"))
    moved(stage)
    stage.work()
    assert stage.run()["until_at"] == ends - timedelta(days=2)
    stage.turn(days=4)
    stage.publish(slow=FORM + MOMENT.replace("'lead", "'6 days before lead"))
    moved(stage)
    stage.work()
    assert (stage.run()["outcome"], stage.lead()["tags"]) == ("completed", ["there"])


def test_a_wait_for_an_event_that_is_put_in_the_place_of_a_wait_counts_from_the_same_moment(
    sqlite_stage: Stage,
) -> None:
    """One day of the wait is over; of the three for which the event is awaited two are left."""
    stage = sqlite_stage
    begun(stage, FORM + "steps:\n  - tag: one\n  - wait: 9 days\n  - tag: two\n")
    began = stage.run()["anchor_at"]
    stage.turn(days=1)
    waits = "wait_for: order.placed\n    up_to: 3 days\n    then: [{tag: bought}]"
    stage.publish(slow=FORM + f"steps:\n  - tag: one\n  - {waits}\n  - tag: two\n")
    moved(stage)
    stage.work()
    assert (stage.run()["blocked_on"], stage.run()["until_at"]) == (
        "await", began + timedelta(days=3),
    )  # fmt: skip
    stage.event("order.placed")
    stage.work()
    assert stage.lead()["tags"] == ["one", "bought", "two"]


def test_somebody_who_stopped_at_a_mended_step_can_be_retried_in_the_new_version(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He moves, is still in the inbox, and goes on when a person says so."""
    stage.publish(slow=FORM + "steps:\n  - task: Call\n  - end: done\n")
    stage.event("form.submitted")
    with monkeypatch.context() as patch:
        patch.setitem(actions(), "task", Inline("task", _fail))
        stage.work()
    assert stage.run()["state"] == "stopped"
    stage.publish(slow=FORM + "steps:\n  - task: Call\n    due: 1 day\n  - end: better\n")
    assert moved(stage).moved == 1
    stage.work()
    assert stage.run()["state"] == "stopped"
    control.retry(stage.store, stage.run()["id"])
    stage.work()
    assert stage.run()["outcome"] == "better"
    assert [one["due_at"] is not None for one in stage.tasks(kind="task")] == [True]


def test_somebody_who_stopped_at_a_step_that_is_gone_stays(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person decides about him where he stands."""
    stage.publish(slow=FORM + "steps:\n  - task: Call\n  - end: done\n")
    stage.event("form.submitted")
    with monkeypatch.context() as patch:
        patch.setitem(actions(), "task", Inline("task", _fail))
        stage.work()
    stage.publish(slow=FORM + "steps:\n  - end: done\n")
    assert list(moved(stage).stayed) == [
        "it stopped at a step that is gone: retry, skip or cancel it first"
    ]


def _fail(*_: object) -> Acted:
    raise ZeroDivisionError("division by zero")
