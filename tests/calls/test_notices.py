"""`notify` over channels: carried out like every job, retried, and in the end in the inbox."""

import json
from datetime import timedelta

import pytest

from engine.operations import listings
from engine.operations.explain import explain
from tests.calls.conftest import Listening
from tests.calls.listener import Listener, Says
from tests.runtime.stage import WORKSPACE, Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}], again: always}\n"
OK = Says(200, {"errcode": 0, "errmsg": "ok", "code": 0, "msg": "success"})
TEAM = """\
team:
  owners:
    li.wei: {name: 李伟, email: li.wei@acme.example, manager: chen.jie, wecom: liwei}
    chen.jie: {name: 陈杰, email: chen@acme.example}
channels:
"""


def workspace(**kinds: str) -> str:
    """A workspace with a channel of each kind; `room_url` in the environment is its address."""
    lines = [
        f'  {name.replace("_", "-")}: {{type: {kind}, url: "${{ROOM_URL}}"}}\n'
        for name, kind in kinds.items()
    ]
    return WORKSPACE.partition("team:")[0] + TEAM + "".join(lines)


def telling(who: str, *options: str) -> str:
    lines = [f"  - notify: {who}", *(f"    {one}" for one in options)]
    return ON_FORM + "steps:\n" + "\n".join(lines) + "\n  - tag: told\n"


def at(stage: Stage, server: Listener) -> None:
    stage.environment["ROOM_URL"] = server.url("/send?key=k")


@pytest.mark.parametrize("kind", ["slack", "teams", "wecom", "dingtalk", "feishu", "webhook"])
def test_a_room_of_each_kind_is_told(stage: Stage, listening: Listening, kind: str) -> None:
    """The message arrives, in Chinese, and the run goes on."""
    server = listening(OK)
    at(stage, server)
    message = 'message: "{{ lead.first_name }} 要试用"'
    stage.publish(workspace(sales_room=kind), tell=telling("sales-room", message))
    stage.event("form.submitted", fields={"first_name": "安妮"})
    stage.work()
    (heard,) = server.heard
    assert "安妮 要试用" in json.dumps(heard.json(), ensure_ascii=False)
    job = stage.job()
    assert (job["state"], job["address"], job["subject"]) == (
        "accepted", "sales-room", "安妮 要试用",
    )  # fmt: skip
    assert stage.run()["outcome"] == "completed"
    assert stage.transport.sent == []
    soundness(stage)


@pytest.mark.parametrize("via", ["sales-room", "wecom"])
def test_a_person_is_told_in_a_room(stage: Stage, listening: Listening, via: str) -> None:
    """`via` names the channel, or the kind of the first one; the person is pinged."""
    server = listening(OK)
    at(stage, server)
    rooms = workspace(other="slack", sales_room="wecom")
    stage.publish(rooms, tell=telling("li.wei", "message: 来看", f"via: {via}"))
    stage.event("form.submitted")
    stage.work()
    assert server.heard[0].json()["text"] == {"content": "来看", "mentioned_list": ["liwei"]}


def test_a_person_is_told_by_mail_unless_said_otherwise(stage: Stage) -> None:
    """What everybody has is an address."""
    for number, options in enumerate([(), ("via: email",)]):
        name = f"tell{number}"
        text = telling("li.wei", "message: Look", *options)
        stage.publish(workspace(sales_room="wecom"), **{name: text})
        stage.event("form.submitted", f"lead{number}")
        stage.work()
    assert [one.recipient for one in stage.transport.sent] == ["li.wei@acme.example"] * 2


def test_a_template_is_a_notice_too(stage: Stage, listening: Listening) -> None:
    """By mail with subject and HTML, in a room as its text."""
    server = listening(OK)
    at(stage, server)
    stage.publish(
        workspace(sales_room="wecom"),
        mail=telling("li.wei", "template: note"),
        room=telling("sales-room", "template: note"),
    )
    stage.event("form.submitted", fields={"first_name": "Ann"})
    stage.work()
    (mail,) = stage.transport.sent
    assert b"Subject: Hello" in mail.content
    content = server.heard[0].json()["text"]["content"]
    assert content.startswith("Hello\n\nDear Ann")


def test_a_room_that_refuses_is_no_silence(stage: Stage, listening: Listening) -> None:
    """The run goes on, and the notice is in the inbox with the whole text and the reason."""
    server = listening(Says(200, {"errcode": 93000, "errmsg": "invalid webhook url"}))
    at(stage, server)
    stage.publish(
        workspace(sales_room="wecom"),
        tell=telling("li.wei", 'message: "First line\\nSecond line"', "via: wecom"),
    )
    stage.event("form.submitted")
    stage.work()
    (task,) = stage.tasks()
    reason = "put into the inbox: answered with code 93000: invalid webhook url"
    assert (task["kind"], task["owner"], task["subject"]) == ("notice", "li.wei", "First line")
    assert task["text"] == f"First line\nSecond line\n\n{reason}"
    assert stage.job()["reason"] == reason
    assert stage.run()["outcome"] == "completed"


def test_a_room_that_fails_is_tried_for_half_an_hour(stage: Stage, listening: Listening) -> None:
    """Then the notice is in the inbox, once."""
    server = listening(Says(502, "bad gateway"))
    at(stage, server)
    stage.publish(workspace(sales_room="slack"), tell=telling("sales-room", "message: Look"))
    stage.event("form.submitted")
    for _ in range(40):
        stage.work()
        if stage.tasks():
            break
        stage.turn(minutes=2)
    assert 4 <= len(server.heard) <= 6
    (task,) = stage.tasks()
    assert task["owner"] is None
    assert "given up after" in task["text"]
    assert "answered 502: bad gateway" in task["text"]
    assert stage.run()["outcome"] == "completed"


@pytest.mark.parametrize("broken", ["variable", "address"])
def test_a_channel_that_cannot_be_called_lands_in_the_inbox(stage: Stage, broken: str) -> None:
    """A variable that is not set, or an address that is none, is said there."""
    if broken == "address":
        stage.environment["ROOM_URL"] = "no address"
    stage.publish(workspace(sales_room="wecom"), tell=telling("sales-room", "message: 看"))
    stage.event("form.submitted")
    stage.work()
    (task,) = stage.tasks()
    assert task["subject"] == "看"
    assert "ROOM_URL" in task["text"]


def test_a_room_takes_twenty_a_minute(stage: Stage, listening: Listening) -> None:
    """More than its makers allow is not even sent: it waits, and says why."""
    server = listening(OK)
    at(stage, server)
    stage.publish(workspace(sales_room="wecom"), tell=telling("sales-room", "message: Look"))
    stage.crowd(30)
    stage.work()
    assert len(server.heard) == 3
    waiting = stage.jobs(state="deferred")
    assert {one["reason"] for one in waiting} == {
        "waits for its turn: the room takes so many messages a minute"
    }
    for _ in range(60):
        stage.turn(seconds=2)
        stage.work()
    assert len(server.heard) == 30
    spans = [one["accepted_at"] for one in stage.jobs()]
    spans.sort()
    within = [sum(1 for b in spans if a <= b < a + timedelta(minutes=1)) for a in spans]
    assert max(within) <= 20


def test_a_standstill_is_no_reason_for_a_flood(stage: Stage, listening: Listening) -> None:
    """Places that came while no worker ran do not all leave at once: a robot is shut out then."""
    server = listening(OK)
    at(stage, server)
    stage.publish(workspace(sales_room="dingtalk"), tell=telling("sales-room", "message: Look"))
    stage.crowd(40)
    stage.work()
    stage.turn(hours=2)
    for _ in range(80):
        stage.work()
        stage.turn(seconds=2)
    assert len(server.heard) == 40
    left = sorted(one["accepted_at"] for one in stage.jobs())
    within = [sum(1 for b in left if a <= b < a + timedelta(minutes=1)) for a in left]
    assert max(within) <= 20


def test_a_room_that_says_slow_down_is_left_alone(stage: Stage, listening: Listening) -> None:
    """WeCom's code for too many messages is obeyed like a 429."""
    server = listening(Says(200, {"errcode": 45009, "errmsg": "api freq out of limit"}), OK)
    at(stage, server)
    stage.publish(workspace(sales_room="wecom"), tell=telling("sales-room", "message: Look"))
    stage.event("form.submitted")
    stage.work()
    assert stage.job()["state"] == "deferred"
    stage.turn(seconds=50)
    stage.work()
    assert len(server.heard) == 1
    stage.turn(seconds=11)
    stage.work()
    assert (stage.job()["state"], stage.tasks()) == ("accepted", [])


def test_the_ledger_and_the_explanation_say_it_in_plain_words(
    stage: Stage, listening: Listening
) -> None:
    """`messages list` and `explain` show notices and calls beside mail."""
    server = listening(Says(503), OK)
    at(stage, server)
    stage.environment["CRM_URL"] = server.url().rstrip("/")
    stage.publish(
        workspace(sales_room="wecom"),
        call=ON_FORM + "steps:\n  - webhook: ${CRM_URL}/leads\n",
        tell=telling("sales-room", "message: Look"),
        mail=ON_FORM + "steps:\n  - email: note\n",
    )
    stage.event("form.submitted")
    stage.work()
    shown = {row["kind"]: row for row in listings.list_messages(stage.store)}
    assert set(shown) == {"email", "notice", "webhook"}
    assert (shown["webhook"]["to"], shown["webhook"]["subject"]) == (
        "${CRM_URL}/leads", "POST ${CRM_URL}/leads",
    )  # fmt: skip
    assert (shown["notice"]["to"], shown["notice"]["subject"]) == ("sales-room", "Look")
    told = [(one.what, one.why) for one in explain(stage.store, "ann@example.com")]
    (later,) = [why for what, why in told if "deferred" in what]
    assert later in {"answered 503", "it did not answer just now"}


def test_pages_of_the_ledger_mix_all_kinds_in_order(stage: Stage, listening: Listening) -> None:
    """The next page begins where the last one ended, whatever kind that was."""
    server = listening(OK)
    at(stage, server)
    both = "steps:\n  - email: note\n  - notify: sales-room\n    message: Look\n"
    stage.publish(workspace(sales_room="slack"), both=ON_FORM + both)
    for number in range(5):
        stage.event("form.submitted", f"lead{number}")
        stage.work()
        stage.turn(seconds=5)
    everything = [row["id"] for row in listings.list_messages(stage.store)]
    assert len(everything) == 10
    pages, before = [], ""
    while page := listings.list_messages(stage.store, before=before, limit=3):
        pages += [row["id"] for row in page]
        before = pages[-1]
    assert pages == everything
