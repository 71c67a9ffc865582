"""The sender's rate, over the whole runtime: mails wait for their slots, and all leave."""

from datetime import timedelta

from tests.runtime.stage import WORKSPACE, Stage, soundness

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"
SLOWLY = WORKSPACE.replace("sender:\n", "sender:\n  rate: 20 per minute\n")
WARMING = WORKSPACE.replace(
    "sender:\n", "sender:\n  warm_up: {from: 2020-01-01, start: 24, grow: 1}\n"
)


def test_no_more_mails_leave_than_the_rate_allows(stage: Stage) -> None:
    """Of thirty mails two go at once, the others when it is their turn, and none is lost."""
    stage.publish(SLOWLY, one=MAIL)
    stage.crowd(30)
    stage.work()
    assert len(stage.jobs(state="accepted")) == 2
    stage.turn(seconds=59)
    stage.work()
    assert len(stage.jobs(state="accepted")) <= 20
    stage.turn(minutes=2)
    stage.work()
    assert len(stage.jobs(state="accepted")) == 30
    assert {run["state"] for run in stage.runs()} == {"finished"}
    soundness(stage)


def test_a_deferred_mail_says_that_it_waits_for_its_turn(stage: Stage) -> None:
    """The reason and the time are in the ledger."""
    stage.publish(SLOWLY, one=MAIL)
    stage.crowd(3)
    stage.work()
    [waiting] = stage.jobs(state="deferred")
    assert "rate" in waiting["reason"]
    assert waiting["not_before"] > stage.store.read(lambda tx: tx.now) - timedelta(minutes=1)


def test_a_warm_up_spreads_the_days_volume_over_the_day(stage: Stage) -> None:
    """Of 24 a day two go at once, and an hour later one or two more."""
    stage.publish(WARMING, one=MAIL)
    stage.crowd(10)
    stage.work()
    assert len(stage.jobs(state="accepted")) == 2
    stage.turn(hours=24)
    stage.work()
    assert len(stage.jobs(state="accepted")) == 10
