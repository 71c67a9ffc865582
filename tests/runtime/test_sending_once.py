"""Sending, invariants 11 to 15: decided late, committed first, once, and within bounds."""

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from activities import _send
from engine.ids import new_id
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import (
    Accepted,
    DeferralClass,
    Deferred,
    Envelope,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    RejectionClass,
    Reply,
)
from engine.mail.transports.smtp import SmtpTransport
from engine.operations import brakes, control
from engine.operations.reports import report
from engine.operations.windows import LEASE, WINDOW, Window, claim
from engine.store import suppressions
from tests.runtime.stage import WORKSPACE, Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
MAIL = ON_FORM + "steps:\n  - email: note\n  - tag: sent\n"
TRANSACTIONAL = ON_FORM + "steps:\n  - {email: note, as: transactional}\n  - tag: sent\n"
BUSY_SERVER = Deferred(Reply(451, "4.7.1", "later"), DeferralClass.GREYLISTED, timedelta(minutes=2))
NO_SUCH_USER = Rejected(Reply(550, "5.1.1", "unknown"), RejectionClass.HARD_BOUNCE, suppress=True)


class Answers(MemoryTransport):
    """A transport that gives the outcomes in order, and then accepts."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._left = list(outcomes)
        self.tried: list[Envelope] = []
        super().__init__(self._next)

    def _next(self, envelope: Envelope) -> Outcome | None:
        self.tried.append(envelope)
        return self._left.pop(0) if self._left else None


def answering(stage: Stage, *outcomes: Outcome) -> Answers:
    stage.transport = Answers(*outcomes)
    stage.courier = replace(stage.courier, transport=stage.transport)
    return stage.transport


def taken(stage: Stage, token: str = "") -> tuple[str, Window]:
    """A window claimed by an attempt that will not report by itself."""
    batch = stage.open_batches()[0]
    guard = stage.courier.guard
    token = token or new_id()
    return token, stage.store.write(lambda tx: claim(tx, batch, token, guard))


def tell(stage: Stage, token: str, window: Window, outcome: Outcome) -> None:
    """The late answer of such an attempt."""
    batch = stage.jobs()[0]["batch"]
    sent = [_send._sent(letter, None, outcome) for letter in window.letters]
    stage.store.write(lambda tx: report(tx, batch, token, sent))


def test_i11_a_message_is_committed_as_in_flight_before_it_is_sent(stage: Stage) -> None:
    """While a message is handed over, everybody can read that it is in flight."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    seen: list[str] = []
    stage.transport = MemoryTransport(lambda _: seen.append(stage.job()["state"]))
    stage.courier = replace(stage.courier, transport=stage.transport)
    stage.work()
    assert seen == ["in_flight"]
    assert stage.job()["state"] == "accepted"


def test_i11_a_sender_that_dies_leaves_at_most_its_window_in_doubt(stage: Stage) -> None:
    """After a crash between claim and report a window is in doubt; the others go, once."""
    stage.publish(mail=MAIL)
    stage.crowd(30)
    _, window = taken(stage)
    lost = {letter.job for letter in window.letters}
    assert 0 < len(lost) <= WINDOW
    stage.work()
    assert {job["id"] for job in stage.jobs(state="in_flight")} == lost
    stage.turn(minutes=3)
    stage.work()
    assert {job["id"] for job in stage.jobs(state="in_doubt")} == lost
    assert len(stage.transport.sent) == 30 - len(lost)
    assert {run["state"] for run in stage.runs()} == {"finished"}
    soundness(stage)


def test_i11_transactional_mail_in_doubt_is_sent_again(stage: Stage) -> None:
    """An order's confirmation rather twice than never, and under the same Message-ID."""
    stage.publish(mail=TRANSACTIONAL)
    stage.event("form.submitted")
    _, window = taken(stage)
    stage.turn(minutes=3)
    stage.work()
    assert [one.message_id for one in stage.transport.sent] == [window.letters[0].message_id]
    assert stage.job()["attempt"] == 2


def test_i12_nothing_goes_in_flight_after_an_unsubscription(stage: Stage) -> None:
    """Unsubscribing at random, in threads beside the senders: no decision to send after it."""
    stage.publish(
        mail=ON_FORM + "steps:\n  - email: note\n  - email: other\n  - email: note\n    id: third\n"
    )
    stage.crowd(60)
    when: dict[str, datetime] = {}
    chance = random.Random(3)
    leaving = chance.sample(range(60), 30)

    def leave() -> None:
        for number in leaving:
            stage.unsubscribe(f"lead{number}")
            when[f"lead{number}@example.com"] = datetime.now(UTC)

    with ThreadPoolExecutor(3) as pool:
        gone = pool.submit(leave)
        while not gone.done() or stage.runs(ended_at=None):
            list(pool.map(stage.deliver, stage.open_batches()))
    for job in stage.jobs(state="accepted"):
        # A transaction that began after the unsubscription was committed has seen it; one that
        # began before may have taken the lead's lock first.
        began_at = job["lease_until"] - LEASE
        assert job["address"] not in when or began_at <= when[job["address"]]
    soundness(stage)


@pytest.mark.parametrize("leave", ["unsubscribe", "cancel", "suppress"])
def test_i12_what_changed_after_queueing_is_seen_when_the_message_is_about_to_go(
    stage: Stage, leave: str
) -> None:
    """Consent, suppression and the enrollment's state are read when it goes, not before."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    stage.advance()
    match leave:
        case "unsubscribe":
            stage.unsubscribe()
        case "cancel":
            control.cancel(stage.store, stage.run()["id"])
        case _:
            stage.store.write(
                lambda tx: suppressions.add(tx, "ann@example.com", reason="complained")
            )
    stage.work()
    assert stage.transport.sent == []
    assert stage.job()["state"] == "skipped"


def test_i12_a_cancelled_enrollment_sends_no_notice_either(stage: Stage) -> None:
    """What was queued for our own people is left out as well when its run is over."""
    stage.publish(tell=ON_FORM + "steps:\n  - notify: li.wei\n    message: Look\n")
    stage.event("form.submitted")
    stage.advance()
    control.cancel(stage.store, stage.run()["id"])
    stage.work()
    assert (stage.job()["state"], stage.transport.sent) == ("skipped", [])


def test_a_paused_enrollment_keeps_its_message(stage: Stage) -> None:
    """What was queued when a person paused the enrollment goes when it is resumed."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    stage.advance()
    control.pause(stage.store, stage.run()["id"])
    stage.work()
    assert (stage.job()["state"], stage.job()["reason"]) == ("deferred", "the enrollment is paused")
    control.resume(stage.store, stage.run()["id"])
    stage.work()
    assert stage.job()["state"] == "accepted"
    assert stage.run()["outcome"] == "completed"


def test_a_message_does_not_expire_while_its_enrollment_is_paused(sqlite_stage: Stage) -> None:
    """The clock of a paused enrollment stands still, its message's expiry included."""
    stage = sqlite_stage
    stage.publish(mail=ON_FORM + "steps:\n  - {email: note, expires: 1 day}\n")
    stage.event("form.submitted")
    stage.advance()
    control.pause(stage.store, stage.run()["id"])
    stage.turn(days=3)
    stage.work()
    control.resume(stage.store, stage.run()["id"])
    stage.turn(hours=23)
    stage.work()
    assert stage.job()["state"] == "accepted"


def test_i13_another_attempt_takes_what_is_queued_but_not_what_is_in_flight(stage: Stage) -> None:
    """Queued messages are free at once; those in flight only when the lease is over."""
    stage.publish(mail=TRANSACTIONAL)
    stage.crowd(1)
    batch = stage.open_batches()[0]
    guard = stage.courier.guard
    first = stage.store.write(lambda tx: claim(tx, batch, "one", guard, size=1))
    again = stage.store.write(lambda tx: claim(tx, batch, "two", guard))
    assert (len(first.letters), len(again.letters)) == (1, 0)
    assert again.look_in is not None
    assert timedelta(seconds=100) < again.look_in <= LEASE
    stage.turn(minutes=1, seconds=50)
    assert not stage.store.write(lambda tx: claim(tx, batch, "two", guard)).letters
    stage.turn(seconds=20)
    later = stage.store.write(lambda tx: claim(tx, batch, "two", guard))
    assert [one.attempt for one in later.letters] == [2]


def test_i13_two_attempts_at_once_share_a_batch_without_overlap(stage: Stage) -> None:
    """Two senders of one batch, at the same time, never take the same message."""
    stage.publish(mail=MAIL)
    stage.crowd(90)
    batches = stage.open_batches()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stage.deliver, batches * 3))
    stage.work()
    sent = [one.message_id for one in stage.transport.sent]
    assert len(sent) == len(set(sent)) == 90
    assert {job["attempt"] for job in stage.jobs()} == {1}


def test_i13_a_late_answer_turns_doubt_into_truth(stage: Stage) -> None:
    """The attempt that was thought dead says that the server took it: then it was taken."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    token, window = taken(stage)
    stage.turn(minutes=3)
    stage.work()
    assert stage.job()["state"] == "in_doubt"
    tell(stage, token, window, Accepted(Reply(250, "2.0.0", "taken")))
    assert stage.job()["state"] == "accepted"
    assert stage.log() == [("email-note", "in_doubt"), ("tag-sent", "tagged"), ("end", "completed")]
    soundness(stage)


def test_i13_a_late_answer_of_another_attempt_is_not_heard(stage: Stage) -> None:
    """An attempt whose message has been taken over can say nothing about it any more."""
    stage.publish(mail=TRANSACTIONAL)
    stage.event("form.submitted")
    token, window = taken(stage)
    stage.turn(minutes=3)
    _, taken_over = taken(stage)
    assert taken_over.letters[0].attempt == 2
    tell(stage, token, window, NO_SUCH_USER)
    assert stage.job()["state"] == "in_flight"


def test_i13_a_sender_that_was_stopped_sends_nothing_when_it_wakes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past its own deadline an attempt hands nothing over, and says that it did not."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    (batch,) = stage.open_batches()
    start = time.monotonic()
    # The clock jumps when the deadline has been set and the window taken: as after SIGSTOP.
    ticks = iter([start, start, start + 51])
    jumping = SimpleNamespace(monotonic=lambda: next(ticks, start + 52))
    monkeypatch.setattr(_send, "time", jumping)
    stage.deliver(batch)
    assert stage.transport.sent == []
    assert (stage.job()["state"], stage.job()["reason"]) == (
        "deferred",
        "the sender ran out of time",
    )


def test_i14_sending_again_reuses_the_message_id(sqlite_stage: Stage) -> None:
    """A repeat is recognizably the same message, byte for byte."""
    stage = sqlite_stage
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    transport = answering(stage, BUSY_SERVER, NotSent("no route"))
    for _ in range(3):
        stage.work()
        stage.turn(minutes=20)
    assert len({one.message_id for one in transport.tried}) == 1
    assert len({one.content for one in transport.tried}) == 1
    assert len(transport.tried) == 3
    assert stage.job()["state"] == "accepted"


def test_i14_a_person_sends_a_doubtful_message_again(stage: Stage) -> None:
    """Marketing mail in doubt is held; when a person says so it goes, under its Message-ID."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    transport = answering(stage, InDoubt("the link was lost"))
    stage.work()
    assert stage.job()["state"] == "in_doubt"
    assert stage.run()["state"] == "finished"
    control.retry_job(stage.store, stage.job()["id"])
    stage.work()
    assert stage.job()["state"] == "accepted"
    assert transport.tried[0].message_id == transport.tried[1].message_id


def test_i14_a_doubtful_message_is_not_sent_again_to_who_has_unsubscribed(stage: Stage) -> None:
    """Even a person's word does not send marketing to who has asked for none."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    answering(stage, InDoubt("the link was lost"))
    stage.work()
    stage.unsubscribe()
    control.retry_job(stage.store, stage.job()["id"])
    stage.work()
    assert stage.job()["state"] == "skipped"


async def test_i15_a_server_that_hangs_holds_nobody_up(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt is over within its time though the server never answers, and says so."""
    stage = sqlite_stage
    stage.publish(mail=MAIL)
    stage.crowd(3)
    monkeypatch.setattr(_send, "TIME", timedelta(seconds=1.5))

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client hangs up
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    transport = SmtpTransport(f"smtp://127.0.0.1:{port}?starttls=never")
    courier = replace(stage.courier, transport=transport)
    batch = stage.open_batches()[0]
    began = time.monotonic()
    await courier.deliver(batch)
    assert time.monotonic() - began < 5
    await transport.close()
    server.close()
    await server.wait_closed()
    assert {job["state"] for job in stage.jobs()} == {"deferred"}


def test_i15_an_attempt_ends_before_its_lease_does(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no window for which no time is left, and leaves the rest queued."""
    assert _send.TIME + _send.ONE_MESSAGE < LEASE
    stage = sqlite_stage
    stage.publish(mail=MAIL)
    stage.crowd(50)
    monkeypatch.setattr(_send, "MOST_JOBS", 40)
    (batch,) = stage.open_batches()
    assert stage.deliver(batch).taken == 40
    assert len(stage.jobs(state="queued")) == 10


def test_a_letter_that_cannot_be_written_leaves_the_others_of_its_window_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in one letter stops its own enrollment, and puts no other message in doubt."""
    stage.publish(mail=MAIL)
    stage.crowd(10)
    write = type(stage.courier.writer).write

    def faulty(self: object, letter: object) -> object:
        if letter.recipient.mailing.address == "lead3@example.com":  # type: ignore[attr-defined]
            raise ZeroDivisionError("division by zero")
        return write(self, letter)  # type: ignore[arg-type]

    monkeypatch.setattr(type(stage.courier.writer), "write", faulty)
    stage.work()
    assert len(stage.jobs(state="accepted")) == 9
    (failed,) = stage.jobs(state="rejected")
    assert "division by zero" in failed["reason"]
    assert len(stage.runs(state="stopped")) == 1


def test_a_message_in_doubt_fills_its_cap_for_the_period_and_no_longer(
    sqlite_stage: Stage,
) -> None:
    """It may have been read, so it counts; but like any other, only until it is a day old."""
    stage = sqlite_stage
    stage.publish(
        WORKSPACE + "caps: {marketing: [1 per day]}\n",
        mail=ON_FORM + "steps:\n  - email: note\n  - email: other\n",
    )
    stage.event("form.submitted")
    answering(stage, InDoubt("the link was lost"))
    stage.work()
    assert {job["state"] for job in stage.jobs()} == {"in_doubt", "deferred"}
    stage.turn(hours=25)
    stage.work()
    assert {job["state"] for job in stage.jobs()} == {"in_doubt", "accepted"}


def test_a_deferral_gives_the_cap_back(sqlite_stage: Stage) -> None:
    """What the server refused for now has not been sent, and counts against no cap."""
    stage = sqlite_stage
    stage.publish(
        WORKSPACE + "caps: {marketing: [1 per day]}\n",
        mail=MAIL,
        more=MAIL.replace("note", "other"),
    )
    stage.event("form.submitted")
    answering(stage, BUSY_SERVER)
    stage.work()
    stage.turn(minutes=5)
    stage.work()
    states = sorted(job["state"] for job in stage.jobs())
    assert states == ["accepted", "deferred"]


def test_two_messages_of_one_window_to_one_lead_share_its_cap(stage: Stage) -> None:
    """The cap counts within a window too: of two mails to a lead one goes, one waits."""
    stage.publish(
        WORKSPACE + "caps: {marketing: [1 per day]}\n", one=MAIL, two=MAIL, three=TRANSACTIONAL
    )
    stage.event("form.submitted")
    stage.work()
    assert sorted(job["state"] for job in stage.jobs()) == ["accepted", "accepted", "deferred"]


def test_a_message_that_a_brake_held_for_a_week_survives_a_first_refusal(
    sqlite_stage: Stage,
) -> None:
    """Giving up is for what servers refuse for days, not for what waited in the house."""
    stage = sqlite_stage
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    stage.advance()
    stage.turn(days=7)
    answering(stage, BUSY_SERVER)
    stage.work()
    assert stage.job()["state"] == "deferred"


def test_a_message_that_servers_refuse_for_days_is_given_up(sqlite_stage: Stage) -> None:
    """After five days of refusals it is rejected, and its enrollment waits for a person."""
    stage = sqlite_stage
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    answering(stage, *[BUSY_SERVER] * 200)
    for _ in range(60):
        stage.turn(hours=3)
        stage.work()
    assert stage.job()["state"] == "rejected"
    assert "given up" in stage.run()["reason"]


def test_a_hard_bounce_ends_every_nurture_of_the_lead(stage: Stage) -> None:
    """A dead address ends the run that found it dead, and the lead's other nurtures."""
    stage.publish(mail=MAIL, slow=ON_FORM + "steps:\n  - wait: 9 days\n  - email: other\n")
    stage.event("form.submitted")
    answering(stage, NO_SUCH_USER)
    stage.work()
    assert {run["outcome"] for run in stage.runs()} == {"bounced"}
    stage.event("form.submitted", "ann", fields={"first_name": "Ann"})
    assert len(stage.runs()) == 2
    soundness(stage)


def test_a_brake_holds_mail_and_letting_go_sends_it(stage: Stage) -> None:
    """While the brake is on no mail leaves; afterwards it goes at once."""

    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    stage.store.write(lambda tx: brakes.pull(tx, "mail", "ann"))
    stage.work()
    assert (stage.job()["state"], stage.transport.sent) == ("deferred", [])
    stage.store.write(lambda tx: brakes.let_go(tx, "mail"))
    stage.work()
    assert stage.job()["state"] == "accepted"
