"""A worker looks into the mailbox of bounces for as long as it lives, whatever happens to it."""

import asyncio

import pytest

from activities import _mailbox
from engine.mail.inbound.mailbox import parse_imap_url
from engine.mail.return_path import ReturnSigner
from engine.mail.transports.port import Rejected, RejectionClass, Reply
from engine.store import events
from tests.mail.imap_server import Letters, mailbox
from tests.mail.letters_back import JOB, POSTFIX
from tests.runtime.stage import Stage

ONE_MAIL = "enroll: {when: [{event: form.submitted}]}\nsteps: [{email: note}, {wait: 9 days}]\n"


def test_a_worker_outlives_a_mailbox_that_is_away(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so, and takes the letter in at a later look."""
    monkeypatch.setattr(_mailbox, "_ASK_EVERY", 0.02)
    sqlite_stage.publish(note=ONE_MAIL)
    sqlite_stage.event("form.submitted")
    sqlite_stage.work()
    content = POSTFIX.replace(JOB.encode(), sqlite_stage.job()["id"].encode())

    async def live(url: str) -> None:
        signer = ReturnSigner(["a key for tests, nothing else"])
        watching = asyncio.create_task(
            _mailbox.watch(sqlite_stage.store, parse_imap_url(url), signer)
        )
        for _ in range(200):
            await asyncio.sleep(0.02)
            sqlite_stage.turn(seconds=30)
            if letters.seen:
                break
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    with mailbox(Letters({1: content}, dies_after=0)) as letters:
        asyncio.run(live(letters.url))
    assert sqlite_stage.job()["state"] == "bounced"
    assert "is not to be had" in caplog.text


def test_a_bounce_at_once_says_what_later_ones_say(stage: Stage) -> None:
    """The server's own answer makes the same event as a report: its kind, and what was said."""
    stage.publish(note=ONE_MAIL)
    stage.event("form.submitted")
    reply = Reply(550, "5.1.1", "user unknown")

    async def refuse(*_: object, **__: object) -> Rejected:
        return Rejected(reply, RejectionClass.HARD_BOUNCE, suppress=True)

    stage.transport.send = refuse  # type: ignore[method-assign]
    stage.work()
    (event,) = stage.all(events.table, name="email.bounced")
    assert event["properties"]["kind"] == "hard"
    assert event["properties"]["reply"] == "hard_bounce: 550 5.1.1 user unknown"
    assert stage.run()["outcome"] == "bounced"
