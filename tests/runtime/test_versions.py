"""Versions: which was published when, going back to one, and what every process then knows."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.errors import InputError, NotFoundError
from engine.operations import moving, publish, published, rollback
from engine.operations.editions import Edition
from engine.operations.planning import Planned, planned
from engine.operations.rollback import history
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
