"""Mail that Longplay signs itself, through the whole runtime."""

import base64
from dataclasses import replace

import dkim

from engine.mail.dkim import read_key
from engine.operations.exits import Exits
from engine.runtime.mail_routes import TRIES
from tests.runtime.stage import WORKSPACE, Stage
from tests.runtime.test_mail_accounts import ACCOUNTS, AWAY, NEWS, SECRETS, House

KEY = base64.b64encode(bytes(range(32))).decode()
SIGNING = WORKSPACE.replace("sender:\n", 'sender:\n  dkim: [{selector: lp1, key: "${DKIM_KEY}"}]\n')
HELLO = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"


def leaving_by(stage: Stage, environment: dict[str, str], *, caught: bool = False) -> None:
    stage.courier = replace(stage.courier, exits=Exits(stage.transport, environment, caught))


def verifies(content: bytes) -> bool:
    key = read_key(KEY, domain="acme.example", selector="lp1", name="DKIM_KEY")
    records = {f"{key.record_name}.".encode(): key.record.encode()}
    return bool(dkim.verify(content, dnsfunc=lambda name, timeout=5: records.get(name)))


def test_what_leaves_is_signed_and_verifies(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    leaving_by(stage, {"DKIM_KEY": KEY})
    stage.publish(SIGNING, one=HELLO)
    stage.event("form.submitted")
    stage.work()
    (sent,) = stage.transport.sent
    assert verifies(sent.content)
    assert not verifies(sent.content.replace(b"Hello", b"Hullo"))
    assert b"list-unsubscribe-post:list-unsubscribe-post" in sent.content.replace(b"\r\n ", b"")


def test_without_its_key_mail_waits_and_never_leaves_unsigned(sqlite_stage: Stage) -> None:
    """The ledger names what is missing; once it is there, the mail leaves."""
    stage = sqlite_stage
    leaving_by(stage, {})
    stage.publish(SIGNING, one=HELLO)
    stage.event("form.submitted")
    stage.work()
    assert stage.transport.sent == []
    reason = "it cannot be signed: the environment variable 'DKIM_KEY' is not set"
    assert (stage.job()["state"], stage.job()["reason"]) == ("deferred", reason)
    leaving_by(stage, {"DKIM_KEY": KEY})
    stage.turn(minutes=16)
    stage.work()
    assert [verifies(one.content) for one in stage.transport.sent] == [True]


def test_what_is_caught_needs_no_key_and_leaves_by_no_account(sqlite_stage: Stage) -> None:
    """Trying things out on a laptop asks for no secrets, and reaches nobody."""
    stage = sqlite_stage
    leaving_by(stage, {}, caught=True)
    both = ACCOUNTS.replace("sender:\n", 'sender:\n  dkim: [{selector: lp1, key: "${DKIM_KEY}"}]\n')
    stage.publish(both, one=NEWS)
    stage.event("form.submitted")
    stage.work()
    (sent,) = stage.transport.sent
    assert not sent.content.startswith(b"DKIM-Signature")
    assert stage.job()["state"] == "accepted"


def test_the_fallback_sends_the_very_same_message(sqlite_stage: Stage) -> None:
    """Signed alike and under one Message-ID: whoever gets both knows them for one."""
    stage = sqlite_stage
    both = ACCOUNTS.replace("sender:\n", 'sender:\n  dkim: [{selector: lp1, key: "${DKIM_KEY}"}]\n')
    house = House(stage, {**SECRETS, "DKIM_KEY": KEY})
    stage.publish(both, one=NEWS)
    house.fail("news", AWAY, TRIES)
    stage.turn(seconds=25)
    stage.work()
    sent = [one.content for one in house.by["default"].sent]
    assert sorted(sent) == sorted(one.content for name, one in house.tried if name == "news")
    assert all(map(verifies, sent))
