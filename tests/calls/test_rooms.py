"""Notices in rooms that check every request as their makers document: format, size, signature."""

import json

import pytest

from tests.calls.conftest import Listening
from tests.calls.listener import Listener, Says
from tests.calls.rooms import ROOMS, SECRET, WEBHOOK_SECRET
from tests.calls.test_notices import TEAM, telling
from tests.runtime.stage import WORKSPACE, Stage

SIGNED = ("dingtalk", "feishu", "webhook")


def workspace(kind: str) -> str:
    """A workspace with one room, whose secret is a variable's."""
    secret = ', secret: "${ROOM_SECRET}"' if kind in SIGNED else ""
    room = f'  room: {{type: {kind}, url: "${{ROOM_URL}}"{secret}}}\n'
    return WORKSPACE.partition("team:")[0] + TEAM + room


def ready(stage: Stage, listening: Listening, kind: str, *, secret: str = "") -> Listener:
    """A room of this kind on loopback, whose address and secret the environment has."""
    server = listening(judge=ROOMS[kind])
    stage.environment["ROOM_URL"] = server.url("/send?key=k")
    stage.environment["ROOM_SECRET"] = secret or (WEBHOOK_SECRET if kind == "webhook" else SECRET)
    return server


TEXTS = {
    "plain": "要试用，请跟进",
    "signs": '<b> & "quotes" \\\\ <@all> <at user_id=all> 😀',
    "long": "很长" * 4_500,
}


@pytest.mark.parametrize("text", sorted(TEXTS))
@pytest.mark.parametrize("who", ["room", "li.wei"])
@pytest.mark.parametrize("kind", sorted(ROOMS))
def test_a_room_takes_what_it_is_sent(
    stage: Stage, listening: Listening, kind: str, who: str, text: str
) -> None:
    """To the room or to somebody in it, short or long, whatever signs it has."""
    ready(stage, listening, kind)
    options = ("via: room",) if who != "room" else ()
    message = 'message: "{{ lead.title }}{{ lead.title }}{{ lead.title }}"'
    stage.publish(workspace(kind), tell=telling(who, message, *options))
    stage.event("form.submitted", fields={"title": TEXTS[text]})
    stage.work()
    job = stage.job()
    assert (job["state"], stage.tasks()) == ("accepted", []), job["reason"]


@pytest.mark.parametrize("kind", sorted(ROOMS))
def test_a_digest_fits_its_room_with_buttons(stage: Stage, listening: Listening, kind: str) -> None:
    """Sixty notices are one message: whole ones as far as there is room, and how many more."""
    ready(stage, listening, kind)
    steps = """\
enroll: {when: [{event: form.submitted}], again: always}
steps:
  - task: "Call {{ lead.email }}"
  - notify: room
    message: "{{ lead.email }} 想要报价，请在今天之内联系并记录结果。"
    every: 1 hour
"""
    stage.publish(workspace(kind), tell=steps)
    stage.crowd(60)
    stage.work()
    stage.turn(hours=1)
    stage.work()
    (job,) = [one for one in stage.jobs() if one["playbook"] == ""]
    assert (job["state"], job["attempt"]) == ("accepted", 1), job["reason"]


@pytest.mark.parametrize("kind", ["wecom", "slack", "teams"])
def test_buttons_are_not_cut_off(stage: Stage, listening: Listening, kind: str) -> None:
    """A long text makes room for them, gathered or not."""
    room = ready(stage, listening, kind)
    steps = """\
enroll: {when: [{event: form.submitted}], again: always}
steps:
  - task: "Call {{ lead.email }}"
  - notify: room
    message: "{{ lead.title }}{{ lead.title }}{{ lead.title }}"
"""
    gathered = steps.rstrip() + "\n    every: 1 hour\n"
    stage.publish(workspace(kind), now=steps, later=gathered)
    stage.event("form.submitted", fields={"title": TEXTS["long"]})
    stage.work()
    stage.turn(hours=1)
    stage.work()
    jobs = stage.jobs()
    assert {job["state"] for job in jobs} == {"accepted"}, [job["reason"] for job in jobs]
    for heard in room.heard:
        assert json.dumps(heard.json()).count("http://127.0.0.1/a/") == 2


@pytest.mark.parametrize("kind", SIGNED)
def test_a_wrong_secret_is_said(stage: Stage, listening: Listening, kind: str) -> None:
    """The room refuses, the run goes on, and the inbox has the reason."""
    wrong = "whsec_" + "QUFB" * 8 if kind == "webhook" else "SECwrong"
    ready(stage, listening, kind, secret=wrong)
    stage.publish(workspace(kind), tell=telling("room", "message: Look"))
    stage.event("form.submitted")
    stage.work()
    (task,) = stage.tasks()
    assert "sign" in task["text"]
    assert stage.run()["outcome"] == "completed"


def test_a_message_repeated_has_the_same_id(stage: Stage, listening: Listening) -> None:
    """A digest that a room did not take goes again under the id that it had."""
    server = listening(Says(503), Says(204))
    stage.environment |= {"ROOM_URL": server.url("/"), "ROOM_SECRET": WEBHOOK_SECRET}
    text = telling("room", "message: Look", "every: 1 hour")
    stage.publish(workspace("webhook"), tell=text)
    stage.event("form.submitted")
    stage.event("form.submitted", "bob")
    stage.work()
    stage.turn(hours=1)
    for _ in range(3):
        stage.work()
        stage.turn(minutes=2)
    assert len(server.heard) == 2
    ids = {one.headers["webhook-id"] for one in server.heard}
    assert len(ids) == 1
    assert json.loads(server.heard[0].body) == json.loads(server.heard[1].body)
