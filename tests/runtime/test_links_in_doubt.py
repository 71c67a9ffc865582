"""Links of messages whose sending was never recorded: they are in a mailbox all the same."""

import pytest

from engine.ids import new_id
from engine.operations.clock_guard import ClockGuard
from engine.operations.following import link_of
from engine.operations.windows import claim
from tests.runtime.stage import Stage

MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"


def taken_and_never_reported(stage: Stage) -> str:
    """A message in flight, of which nothing is recorded but that it was taken."""
    stage.publish(one=MAIL)
    stage.event("form.submitted")
    [batch] = stage.open_batches()
    window = stage.store.write(lambda tx: claim(tx, batch, new_id(), ClockGuard()))
    return window.letters[0].job


def test_a_link_works_before_the_sending_is_recorded(stage: Stage) -> None:
    """Whoever clicks faster than we record, or in a mail of a sender that died, gets there."""
    job = taken_and_never_reported(stage)
    found = link_of(stage.store, stage.courier.writer, job, 0)
    assert found is not None
    assert found.url.startswith("https://")


def test_an_index_that_the_message_does_not_have_leads_nowhere(stage: Stage) -> None:
    """The message is written again, and has no such link."""
    job = taken_and_never_reported(stage)
    assert link_of(stage.store, stage.courier.writer, job, 999) is None


@pytest.mark.parametrize("state", ["queued", "skipped"])
def test_a_message_that_never_left_has_no_links(stage: Stage, state: str) -> None:
    """Nothing is written for a message that nobody can have."""
    stage.publish(one=MAIL)
    stage.event("form.submitted")
    stage.open_batches()
    job = stage.job()["id"]
    if state == "skipped":
        stage.unsubscribe()
        stage.work()
    assert link_of(stage.store, stage.courier.writer, job, 0) is None
