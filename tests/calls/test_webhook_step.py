"""The `webhook` step against real servers: what is sent, what an answer means, what is kept."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from engine.operations import control
from engine.operations.calls import MOST_KEPT, QUEUE
from engine.operations.windows import claim
from tests.calls.conftest import Listening
from tests.calls.listener import Heard, Listener, Says
from tests.runtime.stage import Stage, soundness

KEY = b"a key for tests, nothing else"
ON_FORM = "enroll: {when: [{event: form.submitted}], again: always}\n"


def calling(server: Listener, *options: str, path: str = "/hook", after: str = "") -> str:
    lines = [f"  - webhook: {server.url(path)}", "    id: tell", *(f"    {one}" for one in options)]
    return ON_FORM + "steps:\n" + "\n".join(lines) + "\n" + (after or "  - tag: told\n")


def verified(heard: Heard, key: bytes = KEY) -> bool:
    """What the receiver does, written from the convention and not from our code."""
    signed = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(key, signed + heard.body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    return expected in heard.headers["webhook-signature"].split(" ")


def test_a_call_is_signed_and_says_who(stage: Stage, listening: Listening) -> None:
    """Without `json:` the body tells the lead and the place; the receiver can verify it."""
    server = listening(Says(200, {"ok": True}))
    stage.publish(call=calling(server))
    stage.event("form.submitted", "安", fields={"first_name": "安妮", "company": "星河"})
    stage.work()
    (heard,) = server.heard
    assert verified(heard)
    assert not verified(heard, b"another key")
    told = heard.json()
    assert told["type"] == "call.tell"
    assert told["data"]["lead"]["first_name"] == "安妮"
    assert told["data"]["playbook"] == "call"
    job = stage.job()
    assert heard.headers["webhook-id"] == heard.headers["idempotency-key"] == job["id"]
    assert (job["state"], job["reason"], job["subject"]) == (
        "accepted", "answered 200", f"POST {server.url('/hook')}",
    )  # fmt: skip
    assert stage.log() == [("tell", "accepted"), ("tag-told", "tagged"), ("end", "completed")]
    soundness(stage)


def test_templates_keep_their_types_and_are_encoded_in_addresses(
    stage: Stage, listening: Listening
) -> None:
    """A number stays a number, a missing value is null, and no lead's data can change the path."""
    server = listening()
    body = (
        'json: {score: "{{ lead.score }}", who: "Hi {{ lead.first_name }}", no: "{{ lead.city }}"}'
    )
    path = "/leads/{{ lead.first_name }}?c={{ lead.company }}"
    stage.publish(call=calling(server, "method: PUT", body, path=path))
    stage.event("form.submitted", fields={"first_name": "../../admin?x=1&", "company": "a&b=中"})
    stage.work()
    (heard,) = server.heard
    assert heard.method == "PUT"
    assert heard.path == "/leads/..%2F..%2Fadmin%3Fx%3D1%26?c=a%26b%3D%E4%B8%AD"
    assert heard.json() == {"score": 0, "who": "Hi ../../admin?x=1&", "no": None}


def test_secrets_are_read_when_used_and_kept_nowhere(stage: Stage, listening: Listening) -> None:
    """A `${NAME}` reaches the server and no row of the database, even if the server echoes it."""
    secret = "s3cr3t-of-the-crm"
    server = listening(Says(400, f"wrong token {secret}"))
    stage.environment = {"CRM_TOKEN": secret}
    headers = 'headers: {Authorization: "Bearer ${CRM_TOKEN}"}'
    stage.publish(call=calling(server, headers, path="/${CRM_TOKEN}"))
    stage.event("form.submitted")
    stage.work()
    (heard,) = server.heard
    assert heard.headers["authorization"] == f"Bearer {secret}"
    assert heard.path == f"/{secret}"
    assert stage.job()["reason"] == "answered 400: wrong token •••"
    stage.store.close()
    for file in (stage.store.url.removeprefix("sqlite:///"),):
        with open(file, "rb") as database:  # noqa: PTH123 - the bytes, as they are
            assert secret.encode() not in database.read()


def test_a_lead_cannot_read_the_environment(stage: Stage, listening: Listening) -> None:
    """A `${NAME}` that a lead brings along is text like any other."""
    server = listening()
    stage.environment = {"CRM_TOKEN": "s3cr3t-of-the-crm"}
    stage.publish(call=calling(server, 'json: {name: "{{ lead.first_name }} ${CRM_TOKEN}"}'))
    stage.event("form.submitted", fields={"first_name": "${CRM_TOKEN}"})
    stage.work()
    assert server.heard[0].json() == {"name": "${CRM_TOKEN} s3cr3t-of-the-crm"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("CRM_TOKEN", "the environment variable 'CRM_TOKEN' is not set"),
        (
            "LONGPLAY_SECRET_KEY",
            "'LONGPLAY_SECRET_KEY' is a setting of Longplay's own, which playbooks do not get",
        ),
    ],
)
def test_a_variable_that_is_not_to_be_had_stops_the_run(
    stage: Stage, listening: Listening, name: str, reason: str
) -> None:
    """Nothing is called without a secret that belongs there; the run waits in the inbox."""
    server = listening()
    stage.environment = {"LONGPLAY_SECRET_KEY": "the key of the house"}
    stage.publish(call=calling(server, f'headers: {{X-Key: "${{{name}}}"}}'))
    stage.event("form.submitted")
    stage.work()
    assert server.heard == []
    assert (stage.run()["state"], stage.run()["reason"]) == ("stopped", reason)
    assert stage.tasks()[0]["kind"] == "stopped"


SAVED = """\
  - if: run.saved.crm.level >= 3
    then: [{tag: big}]
    else: [{tag: small}]
"""


@pytest.mark.parametrize(
    ("answer", "tag"),
    [
        ({"level": 5, "名": "星河"}, "big"), ({"level": 1}, "small"), ([1, 2], "small"),
        ({"level": "5"}, "small"),
    ],
)  # fmt: skip
def test_the_answer_is_kept_for_later_conditions(
    stage: Stage, listening: Listening, answer: object, tag: str
) -> None:
    """JSON under `run.saved.NAME` decides what follows."""
    server = listening(Says(200, answer))  # type: ignore[arg-type]
    stage.publish(call=calling(server, "save: crm", after=SAVED))
    stage.event("form.submitted")
    stage.work()
    assert stage.lead()["tags"] == [tag]
    assert stage.run()["memory"]["saved"] == {"crm": answer}
    assert "answer" not in stage.run()["memory"]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (Says(200, "not json at all"), "but not with JSON that can be kept"),
        (Says(200, b'{"a": NaN}'), "but not with JSON that can be kept"),
        (Says(200, b"[" * 30_000), "but not with JSON that can be kept"),
        (Says(200, b'"' + b"x" * MOST_KEPT + b'"'), "bytes, more than 16,384"),
        (Says(200, b'"' + b"x" * 200_000 + b'"'), "the answer is too long"),
    ],
    ids=["text", "nan", "deep", "large", "huge"],
)
def test_an_answer_that_cannot_be_kept_stops_the_run(
    stage: Stage, listening: Listening, says: Says, reason: str
) -> None:
    """Whoever asks for an answer decides by it: without one a person has to."""
    server = listening(says)
    stage.publish(call=calling(server, "save: crm"))
    stage.event("form.submitted")
    stage.work()
    assert (stage.run()["state"], len(server.heard)) == ("stopped", 1)
    assert reason in stage.run()["reason"]


def test_odd_json_is_made_storable(stage: Stage, listening: Listening) -> None:
    """NUL, half a surrogate pair and an endless number do not break the database."""
    server = listening(Says(200, b'{"a\\u0000": "x\\u0000y", "b": "\\ud800", "c": 1e999}'))
    stage.publish(call=calling(server, "save: crm"))
    stage.event("form.submitted")
    stage.work()
    assert stage.run()["memory"]["saved"] == {"crm": {"a": "xy", "b": "?", "c": None}}


def test_an_answer_nobody_keeps_may_be_as_long_as_it_likes(
    stage: Stage, listening: Listening
) -> None:
    """Of a huge answer only the beginning is read."""
    server = listening(Says(200, b"x" * 3_000_000))
    stage.publish(call=calling(server))
    stage.event("form.submitted")
    stage.work()
    assert stage.job()["state"] == "accepted"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422])
def test_a_refusal_is_not_repeated(stage: Stage, listening: Listening, status: int) -> None:
    """Other 4xx stop the run, with what the server said; by `on_error: continue` it goes on."""
    server = listening(Says(status, "no such lead"))
    stage.publish(call=calling(server), go=calling(server, "on_error: continue"))
    stage.event("form.submitted")
    stage.work()
    assert len(server.heard) == 2
    states = {run["playbook"]: (run["state"], run["reason"]) for run in stage.runs()}
    assert states["call"] == ("stopped", f"answered {status}: no such lead")
    assert states["go"][0] == "finished"


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (Says(500, "oops"), "answered 500: oops"),
        (Says(503), "answered 503"),
        (Says(429), "answered 429"),
        (Says(408), "answered 408"),
        (Says(drops=True), "the connection broke"),
    ],
    ids=["500", "503", "429", "408", "drop"],
)
def test_a_fault_of_the_other_side_is_repeated_under_the_same_id(
    stage: Stage, listening: Listening, says: Says, why: str
) -> None:
    """429, 5xx and broken links come again later, signed anew, with the same id."""
    server = listening(says, Says(200))
    stage.publish(call=calling(server))
    stage.event("form.submitted")
    stage.work()
    assert stage.job()["state"] == "deferred"
    assert why in stage.job()["reason"]
    assert stage.job()["not_before"] - stage.store.read(lambda tx: tx.now) == timedelta(seconds=10)
    stage.turn(seconds=11)
    stage.work()
    assert stage.job()["state"] == "accepted"
    assert len({one.headers["webhook-id"] for one in server.heard}) == 1
    assert len(server.heard) == 2
    assert all(map(verified, server.heard))


def test_retry_after_is_obeyed(stage: Stage, listening: Listening) -> None:
    """In seconds or as a date, and never for longer than a day."""
    at = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    waits = {"120": 120, at: 7200, "99999999": 86_400, "soon": 10, "-5": 10}
    for written, seconds in waits.items():
        server = listening(Says(429, headers={"retry-after": written}))
        stage.publish(call=calling(server))
        stage.event("form.submitted", f"lead{seconds}{len(written)}")
        stage.work()
        (job,) = [one for one in stage.jobs(state="deferred") if server.url() in one["subject"]]
        wait = job["not_before"] - stage.store.read(lambda tx: tx.now)
        assert abs(wait.total_seconds() - seconds) < 5, written


def test_it_is_given_up_in_the_end(stage: Stage, listening: Listening) -> None:
    """After a day of faults the run stops, with the last one."""
    server = listening(Says(500, "still broken"))
    stage.publish(call=calling(server))
    stage.event("form.submitted")
    for _ in range(30):
        stage.work()
        if stage.run()["state"] == "stopped":
            break
        stage.turn(hours=5)
    assert stage.run()["reason"] == "given up after 8 attempts: answered 500: still broken"


def test_a_redirect_is_not_followed(stage: Stage, listening: Listening) -> None:
    """Who answers with another address has not taken the call."""
    other = listening()
    server = listening(Says(302, headers={"location": other.url("/metadata")}))
    stage.publish(call=calling(server))
    stage.event("form.submitted")
    stage.work()
    assert other.heard == []
    assert stage.run()["reason"] == "answered 302: redirects are not followed"


def test_a_killed_sender_calls_again_with_the_same_id(stage: Stage, listening: Listening) -> None:
    """What was in flight when the sender died is called once more when its lease is over."""
    server = listening()
    stage.publish(call=calling(server))
    stage.event("form.submitted")
    (batch,) = stage.open_batches()
    guard = stage.courier.guard
    lost = stage.store.write(lambda tx: claim(tx, batch, "a sender that dies", guard))
    assert [one.attempt for one in lost.letters] == [1]
    stage.work()
    assert server.heard == []
    stage.turn(minutes=3)
    stage.work()
    assert [one.headers["webhook-id"] for one in server.heard] == [lost.letters[0].job]
    assert (stage.job()["state"], stage.job()["attempt"]) == ("accepted", 2)
    soundness(stage)


def test_whoever_left_is_not_called_about(stage: Stage, listening: Listening) -> None:
    """A cancelled enrollment's call is left out; a paused one's waits."""
    server = listening()
    stage.publish(call=calling(server))
    stage.event("form.submitted")
    stage.event("form.submitted", "bob")
    stage.advance()
    ann, bob = stage.runs()
    control.cancel(stage.store, ann["id"])
    control.pause(stage.store, bob["id"])
    stage.work()
    assert server.heard == []
    assert {job["enrollment"]: job["state"] for job in stage.jobs()} == {
        ann["id"]: "skipped", bob["id"]: "deferred",
    }  # fmt: skip
    control.resume(stage.store, bob["id"])
    stage.work()
    assert len(server.heard) == 1


def test_calls_have_a_queue_of_their_own(stage: Stage, listening: Listening) -> None:
    """A slow host delays no mail: the batch is another's."""
    server = listening()
    stage.publish(call=calling(server))
    stage.event("form.submitted")
    (progress,) = stage.advance()
    assert [queue for _, queue in progress.batches] == [QUEUE] == ["longplay-webhook"]


def test_a_loop_keeps_the_answer_of_each_round(stage: Stage, listening: Listening) -> None:
    """The same step again, with another seq, has another id and another answer."""
    server = listening(Says(200, {"n": 1}), Says(200, {"n": 2}))
    text = ON_FORM + (
        "steps:\n  - repeat: {times: 2}\n    steps:\n"
        f"      - webhook: {server.url()}\n        save: crm\n      - wait: 1 hour\n"
    )
    stage.publish(call=text)
    stage.event("form.submitted")
    stage.work()
    assert stage.run()["memory"]["saved"] == {"crm": {"n": 1}}
    stage.turn(hours=2)
    stage.work()
    assert stage.run()["memory"]["saved"] == {"crm": {"n": 2}}
    assert len({one.headers["webhook-id"] for one in server.heard}) == 2
