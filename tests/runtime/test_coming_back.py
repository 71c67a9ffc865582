"""What comes back changes the ledger, the list and the runs, once, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from engine.mail.inbound.classify import classify
from engine.mail.inbound.returned import Kind, Returned
from engine.mail.return_path import ReturnSigner
from engine.operations import brakes, suppressing
from engine.operations.braking import let_go
from engine.operations.returning import Taken, take_back
from engine.store import events, returned, suppressions
from tests.mail.letters_back import EXIM, JOB, LETTERS, POSTFIX, arf
from tests.runtime.stage import WORKSPACE, Stage, soundness

SIGNER = ReturnSigner(["a key for tests, nothing else"])
NURTURE = """\
enroll: {when: [{event: form.submitted}], again: always}
steps:
  - email: note
    id: hello
  - wait: 3 days
  - email: other
    id: second
"""
ONE_MAIL = """\
enroll: {when: [{event: form.submitted}], again: always}
steps: [{email: note}]
"""
LISTENING = """\
enroll: {when: [{event: form.submitted}]}
exit_on_unsubscribe: false
steps:
  - email: note
    id: hello
  - wait_for: email.bounced
    where: event.kind == 'soft'
    up_to: 5 days
    then: [{tag: came-back}]
"""
REPLIED = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
    id: hello
  - wait_for: email.replied
    up_to: 5 days
    then: [{tag: answered}]
"""
BACK = WORKSPACE.replace("sender:\n", "sender:\n  bounces: bounces@acme.example\n")


@pytest.fixture
def mailed(stage: Stage) -> Stage:
    """Ann has got the first mail of a nurture."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted")
    stage.work()
    return stage


def bounce(
    stage: Stage, kind: Kind = Kind.HARD_BOUNCE, lead: str | None = None, **options: Any
) -> Returned:
    """A report about the one mail that went, or the one that went to this lead."""
    job = stage.job(state="accepted", **({"lead": lead} if lead else {}))
    given = {"cause": "hard_bounce" if kind is Kind.HARD_BOUNCE else "mailbox"} | options
    return Returned(kind, f"key of {kind}", message_ids=(job["message_id"],), detail="550 5.1.1 no",
                    **given)  # fmt: skip


def take(stage: Stage, *found: Returned) -> list[Taken]:
    return take_back(stage.store, found, door="pipe")


def letter(stage: Stage, content: bytes) -> Returned:
    """A letter of the corpus, about the mail that went."""
    job = stage.job(state="accepted")
    written = content.replace(JOB.encode(), job["id"].encode())
    return classify(written.replace(b"@acme.example>", job["message_id"][21:].encode()))


def listed(stage: Stage) -> set[tuple[str, str]]:
    return {(row["email"], row["reason"]) for row in suppressing.listing(stage.store)}


def told(stage: Stage) -> list[tuple[str, Any]]:
    """(name, kind) of what came back, as events of the lead."""
    return [
        (row["name"], row["properties"].get("kind"))
        for row in stage.all(events.table)
        if row["name"].startswith("email.")
    ]


@pytest.mark.parametrize("content", [POSTFIX, EXIM], ids=["postfix", "exim"])
def test_a_hard_bounce_ends_the_run_and_suppresses(mailed: Stage, content: bytes) -> None:
    """Accepted becomes bounced, the address is on the list, the nurture ends as `bounced`."""
    (taken,) = take(mailed, letter(mailed, content))
    assert (taken.is_new, taken.suppressed) == (True, "ann@example.com")
    job = mailed.job()
    assert (job["state"], job["accepted_at"] is not None) == ("bounced", True)
    assert job["reason"].startswith("hard_bounce: 550 5.1.1")
    assert listed(mailed) == {("ann@example.com", "bounced")}
    assert mailed.run()["outcome"] == "bounced"
    assert told(mailed) == [("email.bounced", "hard")]
    (kept,) = mailed.all(returned.table)
    assert "550 5.1.1" in kept["detail"]
    assert "ann@" not in str(kept)
    soundness(mailed)


def test_told_twice_is_told_once(mailed: Stage) -> None:
    """A report, the same again, and a provider's about the same message: one event."""
    one = bounce(mailed)
    assert [each.is_new for each in take(mailed, one, one)] == [True, False]
    again = replace(one, key="another", is_vouched=True, recipient="ann@example.com")
    assert [each.is_new for each in take_back(mailed.store, [again], door="ses")] == [False]
    assert told(mailed) == [("email.bounced", "hard")]


def test_a_soft_bounce_lets_the_run_go_on(mailed: Stage) -> None:
    """The message has bounced, the address stays, and the nurture's next mail goes."""
    take(mailed, bounce(mailed, Kind.SOFT_BOUNCE))
    assert mailed.job()["state"] == "bounced"
    assert listed(mailed) == set()
    assert mailed.run()["state"] == "waiting"
    mailed.turn(days=4)
    mailed.work()
    assert mailed.run()["outcome"] == "completed"
    assert sorted(job["state"] for job in mailed.jobs()) == ["accepted", "bounced"]


def test_a_soft_bounce_before_the_run_moved_on_ends_nothing(stage: Stage) -> None:
    """The report overtakes the driver: the step counts as done, whatever came back."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted")
    for batch in stage.open_batches():
        stage.deliver(batch)
    take(stage, bounce(stage, Kind.SOFT_BOUNCE))
    stage.work()
    assert stage.run()["state"] == "waiting"
    assert stage.log()[0] == ("hello", "bounced")


def test_a_playbook_can_wait_for_a_soft_bounce(stage: Stage) -> None:
    """`event.kind` tells the kinds apart."""
    stage.publish(listening=LISTENING)
    stage.event("form.submitted")
    stage.work()
    take(stage, bounce(stage, Kind.SOFT_BOUNCE))
    stage.work()
    assert stage.lead()["tags"] == ["came-back"]


@pytest.mark.parametrize(
    ("cause", "apart", "suppressed"),
    [("mailbox", 1, True), ("host", 1, True), ("sender_fault", 1, False), ("mailbox", 20, False)],
    ids=["full", "host away", "our fault", "long apart"],
)
def test_the_third_soft_bounce_suppresses(
    stage: Stage, cause: str, apart: int, suppressed: bool
) -> None:
    """Three within 30 days, of the address's own causes; what is our fault never counts."""
    stage.publish(note=ONE_MAIL)
    for _ in range(3):
        assert listed(stage) == set()
        stage.event("form.submitted", id=f"event-{len(stage.jobs())}")
        stage.work()
        (taken,) = take(stage, bounce(stage, Kind.SOFT_BOUNCE, cause=cause))
        stage.turn(days=apart)
    assert bool(taken.suppressed) is suppressed
    assert listed(stage) == ({("ann@example.com", "bounced")} if suppressed else set())


def test_how_many_soft_bounces_are_enough_can_be_said(stage: Stage) -> None:
    """`sender.soft_bounces: 1 per 7 days`."""
    stage.publish(
        WORKSPACE.replace("sender:\n", "sender:\n  soft_bounces: 1 per 7 days\n"), nurture=NURTURE
    )
    stage.event("form.submitted")
    stage.work()
    (taken,) = take(stage, bounce(stage, Kind.SOFT_BOUNCE))
    assert taken.suppressed == "ann@example.com"


def test_a_bounce_of_a_former_address_ends_nothing(mailed: Stage) -> None:
    """The lead has given another address since: the old one is listed, the run goes on."""
    old = bounce(mailed)
    (lead,) = mailed.runs()
    mailed.event("page.viewed", "ann", fields={})
    from engine.operations.edit_leads import change_lead

    change_lead(mailed.store, lead["lead"], {"email": "ann@example.org"}, actor="cli")
    take(mailed, old)
    assert listed(mailed) == {("ann@example.com", "bounced")}
    assert mailed.run()["state"] == "waiting"
    assert told(mailed) == [("email.bounced", "former")]


def test_delays_and_machines_satisfy_nothing(stage: Stage) -> None:
    """A delay and an out-of-office are in the history; who waits for a reply waits on."""
    stage.publish(replied=REPLIED)
    stage.event("form.submitted")
    stage.work()
    slow = next(one for one in LETTERS if one.id == "postfix, delayed")
    away = next(one for one in LETTERS if one.id == "自动回复")
    found = [letter(stage, one.content) for one in (slow, away)]
    assert [one.is_new for one in take(stage, *found, *found)] == [True, True, False, False]
    stage.work()
    assert sorted(name for name, _ in told(stage)) == ["email.auto_replied", "email.delayed"]
    assert (stage.job()["state"], stage.run()["state"]) == ("accepted", "waiting")
    assert stage.lead()["last_activity_at"] == stage.lead()["last_seen_at"]
    take(stage, letter(stage, next(one for one in LETTERS if one.id == "reply").content))
    stage.work()
    assert stage.lead()["tags"] == ["answered"]
    assert ("email.replied", None) in told(stage)


def test_a_complaint_stops_everything(mailed: Stage) -> None:
    """All mail is stopped, and marketing stays so when a person lifts the complaint."""
    (taken,) = take(mailed, letter(mailed, arf("abuse")))
    assert (taken.suppressed, taken.paused) == ("ann@example.com", "")
    assert mailed.run()["outcome"] == "unsubscribed"
    assert {reason for _, reason in listed(mailed)} == {"complained", "unsubscribed"}
    suppressing.remove(mailed.store, "ann@example.com", reason="complained")
    blocks = mailed.store.read(lambda tx: suppressions.blocks_of(tx, ["ann@example.com"]))
    assert blocks["ann@example.com"].is_blocked


def test_what_names_no_message_changes_nothing(mailed: Stage) -> None:
    """Strangers invent reports; a job's id under a foreign domain is invented, too."""
    job = mailed.job()["id"]
    forged = [
        Returned(Kind.HARD_BOUNCE, "a", message_ids=(f"<{job}@elsewhere.example>",)),
        Returned(Kind.HARD_BOUNCE, "b", message_ids=("<0123456789abcdefghjk@acme.example>",)),
        Returned(Kind.COMPLAINT, "c", recipient="ann@example.com"),
        Returned(Kind.UNRELATED, "d", job=job),
    ]
    assert [one.is_new for one in take(mailed, *forged)] == [False] * 4
    assert (mailed.job()["state"], listed(mailed)) == ("accepted", set())
    assert mailed.all(returned.table) == []


def test_a_provider_may_know_the_address_alone(mailed: Stage) -> None:
    """Its report is about the last mail to it; of a stranger's address only the list is told."""
    known = Returned(Kind.HARD_BOUNCE, "a", recipient="Ann@Example.com", is_vouched=True)
    stranger = Returned(Kind.COMPLAINT, "b", recipient="bob@example.com", is_vouched=True)
    nobody = Returned(Kind.COMPLAINT, "c", recipient="nonsense", is_vouched=True)
    taken = take_back(mailed.store, [known, stranger, nobody], door="postmark")
    assert [(one.is_new, one.job != "") for one in taken] == [
        (True, True), (True, False), (False, False),
    ]  # fmt: skip
    assert listed(mailed) == {("ann@example.com", "bounced"), ("bob@example.com", "complained")}
    assert mailed.run()["outcome"] == "bounced"


def test_the_return_path_is_signed_and_found_again(stage: Stage) -> None:
    """Where the workspace says where bounces go, the envelope's sender names the message."""
    stage.courier.writer.returns = SIGNER
    stage.publish(BACK, nurture=NURTURE)
    stage.event("form.submitted")
    stage.work()
    (sent,) = stage.transport.sent
    assert sent.sender.startswith("bounces+")
    assert sent.sender.endswith("@acme.example")
    content = POSTFIX.replace(b"To: bounces@acme.example", f"To: {sent.sender}".encode())
    (taken,) = take(stage, classify(content, SIGNER))
    assert (taken.is_new, taken.job) == (True, stage.job()["id"])


def test_a_message_in_flight_may_bounce(stage: Stage) -> None:
    """The report overtakes the sender's own: the run goes on, and nothing is left open."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted")
    (batch,) = stage.open_batches()
    kept = stage.transport.send

    async def bounced_at_once(envelope: Any, **options: Any) -> Any:
        outcome = await kept(envelope, **options)
        found = Returned(Kind.SOFT_BOUNCE, "k", message_ids=(envelope.message_id,), cause="host")
        take_back(stage.store, [found], door="imap")
        return outcome

    stage.transport.send = bounced_at_once  # type: ignore[method-assign]
    stage.deliver(batch)
    stage.work()
    assert stage.job()["state"] == "bounced"
    assert stage.run()["state"] == "waiting"
    soundness(stage)


SMALL = WORKSPACE.replace("sender:\n", "sender:\n  complaints: {pause_at: 10, mails: 10}\n")


def test_too_many_complaints_pause_the_playbook(stage: Stage) -> None:
    """The brake is on, the inbox says so; after `resume` it is counted anew."""
    stage.publish(SMALL, nurture=NURTURE, calm=NURTURE.replace("form.submitted", "order.placed"))
    stage.crowd(19)
    stage.work()
    jobs = stage.jobs()
    complaints = [
        Returned(Kind.COMPLAINT, job["id"], message_ids=(job["message_id"],)) for job in jobs
    ]
    assert [one.paused for one in take(stage, *complaints[:3])] == ["", "nurture", ""]
    assert stage.store.read(brakes.on) == {"nurture"}
    (notice,) = stage.tasks()
    assert notice["subject"] == (
        "'nurture' is paused: 2 of 19 mails were reported as spam (10.53 %)"
    )
    let_go(stage.store, "nurture")
    stage.turn(minutes=1)
    assert [one.paused for one in take(stage, *complaints[3:])] == [""] * 16
    assert len(stage.tasks()) == 1


def test_two_doors_at_once_count_once(stage: Stage) -> None:
    """The same reports by a mailbox and by a webhook: one event each, one notice."""
    stage.publish(SMALL, nurture=NURTURE)
    stage.crowd(40)
    stage.work()
    found = [
        Returned(Kind.COMPLAINT, job["id"], message_ids=(job["message_id"],))
        for job in stage.jobs()
    ]
    with ThreadPoolExecutor(2) as both:
        taken = both.map(
            lambda some: take_back(stage.store, some, door="imap"), (found, found[::-1])
        )
        every = [one for each in taken for one in each]
    assert sum(one.is_new for one in every) == 40
    assert [one.paused for one in every if one.paused] == ["nurture"]
    assert len(stage.tasks()) == 1
    assert len(told(stage)) == 40


def test_few_mails_say_nothing_about_a_rate(stage: Stage) -> None:
    """One complaint about the only mail pauses nothing; nor does any where it is switched off."""
    never = WORKSPACE.replace("sender:\n", "sender:\n  complaints: {pause_at: 0, mails: 1}\n")
    for workspace in (WORKSPACE, never):
        stage.publish(workspace, nurture=NURTURE)
        name = f"lead{len(stage.jobs())}"
        stage.event("form.submitted", name)
        stage.work()
        lead = stage.lead(name)["id"]
        (taken,) = take(stage, bounce(stage, Kind.COMPLAINT, lead, cause="abuse"))
        assert (taken.is_new, taken.paused) == (True, "")
    assert stage.store.read(brakes.on) == frozenset()
