"""Mail that is refused for a fault of ours: the lead is left alone, a person hears of it."""

import pytest

from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import Envelope, Outcome, Rejected, RejectionClass, Reply
from engine.operations import brakes, braking
from engine.store import suppressions
from tests.runtime.stage import Stage, soundness

HELLO = "enroll: {when: [{event: form.submitted}]}\nsteps:\n  - email: note\n"
LISTED = Rejected(Reply(550, "5.7.1", "your IP is listed"), RejectionClass.SENDER_FAULT, False)
LOCKED = Rejected(
    Reply(535, "5.7.8", "bad password"), RejectionClass.CONFIGURATION, False, entry=True
)


def refusing(stage: Stage, outcome: Outcome, *taken: str) -> MemoryTransport:
    """The stage's transport refuses mail to everybody but those `taken`."""

    def answer(envelope: Envelope) -> Outcome | None:
        return None if envelope.recipient.partition("@")[0] in taken else outcome

    stage.transport._answer = answer
    return stage.transport


def test_a_playbook_of_which_nothing_is_taken_is_braked_and_told_of(stage: Stage) -> None:
    """Three mails wait, no address is suppressed, and once mended and let go all of them leave."""
    transport = refusing(stage, LISTED)
    stage.publish(one=HELLO)
    stage.crowd(5)
    stage.work()
    assert stage.store.read(brakes.on) == {"one"}
    (told,) = stage.tasks(kind="notice")
    assert told["subject"] == "'one' is paused: its mail is refused for a fault of ours"
    assert "550 5.7.1 your IP is listed" in told["text"]
    assert "longplay doctor --mail" in told["text"]
    assert {row["state"] for row in stage.jobs()} == {"deferred"}
    reasons = {row["reason"] for row in stage.jobs()} - {"paused"}
    assert reasons == {"sender_fault: 550 5.7.1 your IP is listed"}
    addresses = [f"lead{n}@example.com" for n in range(5)]
    blocks = stage.store.read(lambda tx: suppressions.blocks_of(tx, addresses))
    assert not any(one.dead for one in blocks.values())
    transport._answer = None
    braking.let_go(stage.store, "one")
    stage.turn(minutes=20)
    stage.work()
    assert len(transport.sent) == 5
    assert len(stage.tasks(kind="notice")) == 1
    soundness(stage)


def test_lone_mails_add_up(sqlite_stage: Stage) -> None:
    """One refused mail proves little; the third in a row is enough."""
    stage = sqlite_stage
    refusing(stage, LISTED)
    stage.publish(one=HELLO)
    for number, braked in enumerate((False, False, True)):
        stage.event("form.submitted", f"lead{number}")
        stage.work()
        assert ("one" in stage.store.read(brakes.on)) is braked


@pytest.mark.parametrize("first", [True, False], ids=["in the same window", "a minute before"])
def test_where_others_take_it_only_some_destinations_refuse(
    sqlite_stage: Stage, first: bool
) -> None:
    """The brake would keep the mail from those who do take it."""
    stage = sqlite_stage
    refusing(stage, LISTED, "ann")
    stage.publish(one=HELLO)
    stage.event("form.submitted")
    if not first:
        stage.work()
        stage.turn(minutes=1)
    stage.crowd(5)
    stage.work()
    assert stage.store.read(brakes.on) == frozenset()
    assert stage.tasks(kind="notice") == []


def test_a_server_that_does_not_let_us_in_is_told_of_once_a_day(sqlite_stage: Stage) -> None:
    """Nothing is braked: mail leaves by itself once the password is right."""
    stage = sqlite_stage
    transport = refusing(stage, LOCKED)
    stage.publish(one=HELLO)
    stage.crowd(5)
    stage.work()
    stage.turn(hours=1)
    stage.work()
    assert stage.store.read(brakes.on) == frozenset()
    (told,) = stage.tasks(kind="notice")
    assert (told["subject"], "535 5.7.8 bad password" in told["text"]) == (
        "the mail server does not let us in", True,
    )  # fmt: skip
    transport._answer = None
    stage.turn(hours=1)
    stage.work()
    assert len(transport.sent) == 5
