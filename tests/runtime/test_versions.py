"""Versions: which was published when, going back to one, and what every process then knows."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.errors import InputError, NotFoundError
from engine.operations import moving, publish, published, rollback
from engine.operations.editions import Edition
from engine.operations.planning import Planned, planned
from engine.operations.rollback import history
from engine.playbook.fitness import misfits
from engine.playbook.workspace import Workspace
from engine.store.database import Transaction
from tests.runtime.stage import WORKSPACE, Stage, _edition

FORM = "enroll: {when: [{event: form.submitted}]}\n"
ONE = FORM + "steps:\n  - wait: 1 day\n  - tag: one\n"
TWO = FORM + "steps:\n  - wait_for: order.placed\n    up_to: 9 days\n    then: [{tag: two}]\n"


@contextmanager
def published_elsewhere() -> Iterator[None]:
    """What happens in here is another process's: this one's memory does not notice."""
    remembered = dict(published._current)
    yield
    published._current.clear()
    published._current.update(remembered)


def published_thrice(stage: Stage) -> None:
    stage.publish(slow=ONE)
    stage.publish(slow=TWO)
    stage.publish(slow=TWO, other=ONE)


def test_every_publication_that_changed_something_is_on_record(stage: Stage) -> None:
    """Newest first; applying the same again leaves no line."""
    published_thrice(stage)
    stage.publish(slow=TWO, other=ONE)
    found = history(stage.store)
    assert [(one.playbook, one.is_current) for one in found] == [
        ("other", True), ("slow", True), ("slow", False),
    ]  # fmt: skip
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)


def test_a_version_says_how_many_still_run_on_it(stage: Stage) -> None:
    """Told once, at its latest publication."""
    stage.publish(slow=ONE)
    stage.event("form.submitted", "ann")
    stage.publish(slow=TWO)
    stage.event("form.submitted", "bob")
    stage.event("form.submitted", "cara")
    rollback.rollback(stage.store, "slow", actor="ann")
    found = [(one.how, one.is_current, one.running) for one in history(stage.store, "slow")]
    assert found == [("rollback", True, 1), ("apply", False, 2), ("apply", False, 0)]


def test_rollback_publishes_the_version_before(stage: Stage) -> None:
    """New leads begin on it; done again, it is the other one's turn; the rest stays published."""
    published_thrice(stage)
    change = rollback.rollback(stage.store, "slow")
    assert change.change == "changed"
    stage.event("form.submitted")
    stage.work()
    assert stage.run(playbook="slow")["blocked_on"] == "wait"
    assert rollback.rollback(stage.store, "slow").after == change.before
    assert set(stage.store.read(published.current).plans) == {"slow", "other"}


def test_rolling_back_and_applying_again_agree_on_what_is_published(stage: Stage) -> None:
    """The plan shows the file's version as a change, and after an apply nothing."""
    published_thrice(stage)
    edition = _edition(
        WORKSPACE, (("slow", f"playbook: slow\n{TWO}"), ("other", f"playbook: other\n{ONE}"))
    )
    rollback.rollback(stage.store, "slow")
    found = stage.store.read(lambda tx: planned(tx, edition))
    assert {one.playbook: one.change for one in found.changes} == {
        "other": "unchanged", "slow": "changed",
    }  # fmt: skip
    stage.publish(slow=TWO, other=ONE)
    assert stage.store.read(lambda tx: planned(tx, edition)).is_nothing


def test_rollback_brings_a_retired_playbook_back(stage: Stage) -> None:
    """Its file is gone; its last version takes leads in again."""
    published_thrice(stage)
    stage.publish(other=ONE)
    change = rollback.rollback(stage.store, "slow")
    assert change.change == "added"
    stage.event("form.submitted")
    assert len(stage.runs(playbook="slow")) == 1


def test_rollback_with_move_takes_running_enrollments_back(stage: Stage) -> None:
    """Who entered on the bad version goes on in the good one."""
    stage.publish(slow=ONE)
    stage.publish(slow=TWO)
    stage.event("form.submitted")
    stage.work()
    rollback.rollback(stage.store, "slow")
    assert [one.moved for one in moving.move(stage.store, ["slow"])] == [1]
    stage.turn(days=2)
    stage.work()
    assert stage.lead()["tags"] == ["one"]


@pytest.mark.parametrize(
    ("to", "fault"),
    [
        ("zzzz", "has no version 'zzzz'"),
        ("current", "is published already"),
        ("", "no version but the one"),
    ],
)
def test_a_version_that_cannot_be_gone_back_to_is_named(
    sqlite_stage: Stage, to: str, fault: str
) -> None:
    """And nothing is published."""
    stage = sqlite_stage
    stage.publish(slow=ONE)
    digest = history(stage.store)[0].digest
    with pytest.raises(InputError, match=fault):
        rollback.rollback(stage.store, "slow", to=digest if to == "current" else to)
    assert len(history(stage.store)) == 1


NAMES = """\
for: deal
enroll:
  when: [{stage: b2b.demo, if: "lead.segment == 'hot'"}, {event: quote.asked}]
exit: [{if: segment.gone_cold}]
steps:
  - set: {lead.segment: warm}
  - stage: b2b.won
  - assign: {to: li.wei}
  - assign: new
  - task: Call
    to: li.wei
  - notify: [room, owner]
    message: Hello
  - email: note
    topic: product-tips
  - approve: Really?
    by: li.wei
    up_to: 1 business day
    calendar: cn
    then: [tag: yes]
  - wait_for: quote.asked
    up_to: 1 day
  - enroll: other
"""
RICH = WORKSPACE.replace("topics: [product-tips]", "topics: [product-tips]\n" + """\
pipelines: {b2b: {stages: [qualify, demo, {won: {closes: won}}]}}
segments: {gone_cold: "lead.segment == 'cold'"}
events: {quote.asked: {}}
channels: {room: {type: slack, url: "${ROOM_URL}"}}
calendars: {cn: {hours: {mon-fri: "09:00-18:00"}}}
assignment: {new: [{among: [li.wei]}]}
""")  # fmt: skip


def test_rollback_refuses_a_version_that_names_what_is_gone(sqlite_stage: Stage) -> None:
    """Everything is named, with its step; by force it is published all the same."""
    stage = sqlite_stage
    stage.publish(RICH, slow=NAMES, other="for: deal\nenroll: {when: [manual]}\nsteps: [tag: x]\n")
    bare = WORKSPACE.replace("{segment: text, trial_ends_at: datetime}", "{}")
    bare = bare.replace("li.wei:", "wang.fang:").replace("[product-tips]", "[]")
    stage.publish(bare, slow="for: deal\nenroll: {when: [manual]}\nsteps: [tag: x]\n")
    with pytest.raises(InputError, match="does not fit the workspace of today") as refused:
        rollback.rollback(stage.store, "slow")
    for fault in (
        "  there is no stage 'b2b.demo'", "  there is no event 'quote.asked'",
        "at 'set-lead-segment': there is no field of a lead 'segment'",
        "at 'assign-to-li-wei': there is no owner 'li.wei'", "… and 7 more",
    ):  # fmt: skip
        assert fault in refused.value.message
    assert len(history(stage.store, "slow")) == 2
    assert rollback.rollback(stage.store, "slow", force=True).change == "changed"


def test_what_does_not_fit_is_named_once_and_what_fits_is_not(sqlite_stage: Stage) -> None:
    """Whatever a plan can name: against its own workspace, and against a bare one."""
    stage = sqlite_stage
    other = "for: deal\nenroll: {when: [manual]}\nsteps: [tag: x]\n"
    stage.publish(RICH, slow=NAMES, other=other)
    current = stage.store.read(published.current)
    plan = current.plans["slow"]
    assert misfits(plan, current.workspace, current.plans) == []
    found = [one.fault for one in misfits(plan, Workspace(), ())]
    assert sorted(fault for fault in found if fault.startswith("there is no")) == [
        "there is no calendar 'cn'", "there is no event 'quote.asked'",
        "there is no event 'quote.asked'", "there is no field of a lead 'segment'",
        "there is no owner 'li.wei'", "there is no owner 'li.wei'", "there is no owner 'li.wei'",
        "there is no owner or channel 'room'", "there is no playbook 'other'",
        "there is no rule 'new'", "there is no stage 'b2b.demo'", "there is no stage 'b2b.won'",
        "there is no topic 'product-tips'",
    ]  # fmt: skip
    assert [fault for fault in found if "segment" in fault and "there is" not in fault] == [
        "no name 'lead.segment', in 'lead.segment == 'hot''",
        "no name 'segment.gone_cold', in 'segment.gone_cold'",
    ]


def test_a_playbook_that_never_was_has_no_versions(sqlite_stage: Stage) -> None:
    """The nearest name is offered."""
    sqlite_stage.publish(slow=ONE)
    with pytest.raises(NotFoundError) as raised:
        history(sqlite_stage.store, "slwo")
    assert raised.value.help == "did you mean 'slow'?"


def test_what_is_heard_is_known_after_a_version_came_and_went(sqlite_stage: Stage) -> None:
    """Another process published a version, and the first again, while this one did not look.

    An enrollment still runs on the version between; what it waits for is heard.
    """
    stage = sqlite_stage
    stage.publish(slow=ONE)
    known = stage.store.read(published.current)
    assert "order.placed" not in known.heard
    with published_elsewhere():
        stage.publish(slow=TWO)
        stage.event("form.submitted")
        stage.publish(slow=ONE)
    assert "order.placed" in stage.store.read(published.current).heard


def test_two_who_publish_at_once_both_tell_what_they_changed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting holds nobody up; if somebody publishes meanwhile, it is counted again."""
    stage.publish(slow=ONE)
    first = history(stage.store)[0].digest
    asked: list[str] = []

    def planned_slowly(tx: Transaction, edition: Edition) -> Planned:
        found = planned(tx, edition)
        asked.append(found.changes[0].before)
        if len(asked) == 1:
            stage.publish(slow=TWO)
        return found

    monkeypatch.setattr(publish, "planned", planned_slowly)
    stage.publish(slow=FORM + "steps:\n  - tag: three\n")
    found = history(stage.store)
    assert len(found) == 3 and asked[0] == first and asked[-1] == found[1].digest
    assert [one.is_current for one in found] == [True, False, False]
