"""Control of many enrollments: slice by slice, counted, and the same as one by one."""

import pytest

from activities._registry import actions
from engine.errors import InputError, NotFoundError
from engine.operations import control_many as many
from engine.operations.control_many import Chosen, control_many
from tests.runtime.stage import Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
WAITS = ON_FORM + "steps:\n  - wait: 3 days\n  - tag: done\n"
MAIL = ON_FORM + "steps:\n  - email: note\n  - tag: sent\n"
FAILS = ON_FORM + "steps:\n  - task: Call\n  - tag: done\n"


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven at a time, so that thirty leads are several slices."""
    monkeypatch.setattr(many, "SLICE", 7)


@pytest.fixture
def crowd(stage: Stage) -> Stage:
    """Thirty leads who wait in one playbook, and thirty mails queued in another."""
    stage.publish(waits=WAITS, mails=MAIL)
    stage.crowd(30)
    stage.advance()
    return stage


def test_a_playbook_is_paused_and_goes_on_where_it_stood(crowd: Stage) -> None:
    """All of it and nobody else; the clocks stood still meanwhile."""
    told: list[int] = []
    chosen = Chosen("pause", "waits")
    done = control_many(crowd.store, chosen, told=lambda counted: told.append(counted.total))
    assert done.by_state == {"waiting": 30}
    assert told == [7, 14, 21, 28, 30]
    assert {run["state"] for run in crowd.runs(playbook="mails")} == {"waiting"}
    assert control_many(crowd.store, chosen).total == 0
    crowd.turn(days=2)
    assert control_many(crowd.store, Chosen("resume", "waits")).total == 30
    crowd.turn(days=2)
    crowd.work()
    assert {run["state"] for run in crowd.runs(playbook="waits")} == {"waiting"}
    crowd.turn(days=2)
    crowd.work()
    assert {run["state"] for run in crowd.runs()} == {"finished"}
    soundness(crowd)


def test_skipping_takes_back_the_mail_that_has_not_left(crowd: Stage) -> None:
    """The step is left out, its job is voided, and the run goes on behind it."""
    assert control_many(crowd.store, Chosen("skip", "mails")).by_state == {"waiting": 30}
    crowd.work()
    assert crowd.transport.sent == []
    assert {job["state"] for job in crowd.jobs()} == {"skipped"}
    assert {run["outcome"] for run in crowd.runs(playbook="mails")} == {"completed"}
    soundness(crowd)


def test_everything_is_cancelled(crowd: Stage) -> None:
    """Of every playbook; nothing is sent afterwards."""
    assert control_many(crowd.store, Chosen("cancel"), actor="ann").total == 60
    crowd.work()
    assert {run["outcome"] for run in crowd.runs()} == {"cancelled"}
    assert {run["reason"] for run in crowd.runs()} == {"cancelled by ann"}
    assert crowd.transport.sent == []
    soundness(crowd)


def test_all_that_stopped_are_retried_or_skipped_and_their_notices_closed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry that fails again stops again; what is skipped goes on behind the step."""
    task = actions()["task"]

    def fault(*_: object) -> object:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(actions(), "task", type(task)("task", fault))  # type: ignore[arg-type, call-arg]
    stage.publish(fails=FAILS)
    stage.crowd(20)
    stage.work()
    assert {run["state"] for run in stage.runs()} == {"stopped"}
    assert control_many(stage.store, Chosen("retry")).by_state == {"stopped": 20}
    stage.work()
    assert control_many(stage.store, Chosen("skip", state="stopped")).total == 20
    stage.work()
    assert {run["outcome"] for run in stage.runs()} == {"completed"}
    assert {one["state"] for one in stage.tasks(kind="stopped")} == {"done"}
    soundness(stage)


def test_what_was_broken_off_is_done_by_beginning_again(crowd: Stage) -> None:
    """The states say what is still to do."""

    def break_off(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        control_many(crowd.store, Chosen("pause", "waits"), told=break_off)
    assert len(crowd.runs(state="held")) == 7
    assert control_many(crowd.store, Chosen("pause", "waits")).total == 23


@pytest.mark.parametrize(
    ("chosen", "error", "said"),
    [
        (Chosen("resume", state="waiting"), InputError, "cannot be done to enrollments"),
        (Chosen("pause", state="wating"), InputError, "no enrollment is 'wating'"),
        (Chosen("pause", "wait"), NotFoundError, "no playbook is named 'wait'"),
    ],
    ids=["a state the verb is not for", "no such state", "no such playbook"],
)
def test_what_cannot_be_meant_is_refused(
    crowd: Stage, chosen: Chosen, error: type[Exception], said: str
) -> None:
    """Before anything is changed."""
    with pytest.raises(error, match=said):
        control_many(crowd.store, chosen)
