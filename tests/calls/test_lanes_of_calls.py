"""Notices and webhooks of a bulk go by queues of their own, and leave a room's turns to others."""

import pytest

from engine.operations import bulk
from engine.operations.bulk import Driver
from tests.calls.conftest import Listening
from tests.calls.test_notices import OK, TEAM
from tests.runtime.stage import WORKSPACE, Stage, soundness

TRIAL = (
    "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - notify: sales-room\n    message: 试用\n"
)
MANY = "enroll: {when: [manual]}\nsteps:\n  - notify: sales-room\n    message: campaign\n"
EACH = {
    "notify": "  - notify: li.wei\n    message: Look\n",
    "room": "  - notify: sales-room\n    message: Look\n",
    "webhook": "  - webhook: https://hooks.example/lead\n",
    "email": "  - email: note\n",
}
QUEUES = {
    "notify": "longplay-notify", "room": "longplay-webhook", "webhook": "longplay-webhook",
    "email": "longplay-email",
}  # fmt: skip
ROOM = (
    WORKSPACE.partition("team:")[0]
    + TEAM
    + '  sales-room: {type: wecom, url: "${ROOM_URL}"}\n'
)  # fmt: skip


def enroll_all(stage: Stage, playbook: str) -> None:
    driver = Driver(stage.store, bulk.begin(stage.store, playbook).id)
    while driver.step():
        pass


@pytest.mark.parametrize("what", EACH)
@pytest.mark.parametrize("lane", ["live", "bulk"])
def test_what_leaves_the_house_goes_by_the_queue_of_its_lane(
    stage: Stage, what: str, lane: str
) -> None:
    """A lone lead's by the queue as it is; a bulk's by another, with senders of its own."""
    trigger = "{event: form.submitted}" if lane == "live" else "manual"
    stage.publish(ROOM, one=f"enroll: {{when: [{trigger}]}}\nsteps:\n{EACH[what]}")
    stage.crowd(1)
    if lane == "bulk":
        enroll_all(stage, "one")
    [queue] = [queue for one in stage.advance() for _, queue in one.batches]
    assert queue == QUEUES[what] + ("-bulk" if lane == "bulk" else "")


def test_a_lone_leads_notice_waits_behind_none_of_a_bulk(
    stage: Stage, listening: Listening
) -> None:
    """A room takes twenty notices a minute, and eighty of a bulk wait for it."""
    server = listening(OK)
    stage.environment["ROOM_URL"] = server.url("/send?key=k")
    stage.publish(ROOM, many=MANY, trial=TRIAL)
    stage.crowd(80, "page.viewed")
    enroll_all(stage, "many")
    stage.work()
    assert 1 <= len(server.heard) < 20
    for name in ("ann", "bo", "sam"):
        stage.event("form.submitted", name)
        stage.work()
        assert stage.jobs(state="deferred", playbook="trial") == []
        stage.turn(seconds=9)
        stage.work()
    assert len(stage.jobs(state="accepted", playbook="trial")) == 3
    assert len(stage.jobs(state="deferred", playbook="many")) > 60
    soundness(stage)
