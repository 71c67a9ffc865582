"""Consents as the runtime reads and writes them, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from engine.errors import InputError
from engine.operations import confirming, consenting, unsubscribing
from engine.operations.consenting import Consent
from engine.operations.edit_leads import put_lead
from engine.operations.explain import explain
from engine.operations.incoming import Evidence
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.messages import mailed
from engine.operations.suppressing import add
from tests.runtime.stage import WORKSPACE, Stage

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
MAIL = ON_FORM + "steps:\n  - email: note\n  - tag: through\n"
BY_LAW = WORKSPACE + "consent: {needed: by-law}\n"
ANN = "ann@example.com"


def record(stage: Stage, state: str, purpose: str = "marketing", **more: object) -> bool:
    told = Consent({"email": ANN}, state, purpose, **more)  # type: ignore[arg-type]
    return consenting.record(stage.store, told)


def ledger(stage: Stage) -> list[tuple[str, str, str]]:
    """(purpose, topic, state) of every line, oldest first."""
    lines = consenting.show(stage.store, ANN)["ledger"]
    return [(line["purpose"], line["topic"], line["state"]) for line in lines]


def consent_of(stage: Stage) -> str | None:
    state: str | None = stage.lead()["consent"]
    return state


@pytest.mark.parametrize(
    ("country", "state", "reason"),
    [
        ("DE", "", "no consent to marketing is on record (the law of DE asks for it)"),
        ("DE", "given", ""),
        ("US", "", ""),
        ("", "", "no consent to marketing is on record (the lead's country is not known)"),
    ],
)
def test_marketing_is_held_back_where_the_law_of_the_lead_asks(
    stage: Stage, country: str, state: str, reason: str
) -> None:
    """The mail is skipped, the run goes on, and `explain` says why."""
    stage.publish(BY_LAW, mail=MAIL)
    lead = {"email": ANN, "country": country} if country else {"email": ANN}
    put_lead(stage.store, lead, actor="test")
    if state:
        record(stage, state)
    stage.event("form.submitted")
    stage.work()
    job = stage.job()
    assert job["state"] == ("skipped" if reason else "accepted")
    assert stage.run()["outcome"] == "completed"
    if reason:
        assert job["reason"] == reason
        assert reason in [one.why for one in explain(stage.store, ANN)]


def test_a_consent_taken_back_after_queueing_holds_the_mail_back(stage: Stage) -> None:
    """It is read when the mail is about to go; other people's unsubscriptions work the same way."""
    stage.publish(BY_LAW, mail=MAIL)
    put_lead(stage.store, {"email": ANN, "country": "DE"}, actor="test")
    record(stage, "confirmed")
    stage.event("form.submitted")
    stage.advance()
    record(stage, "withdrawn")
    stage.work()
    assert (stage.job()["state"], stage.transport.sent) == ("skipped", [])
    assert stage.run()["outcome"] == "unsubscribed"
    assert consent_of(stage) == "withdrawn"


def test_transactional_mail_needs_no_consent(stage: Stage) -> None:
    """What asks for the consent must go, or nobody could give one."""
    stage.publish(BY_LAW, mail=ON_FORM + "steps:\n  - {email: note, as: transactional}\n")
    stage.event("form.submitted", fields={"country": "DE"})
    stage.work()
    assert stage.job()["state"] == "accepted"


def test_every_word_is_a_line_and_the_last_one_holds(stage: Stage) -> None:
    """What is told late joins the ledger where it belongs, and changes nothing."""
    stage.publish(mail=MAIL)
    put_lead(stage.store, {"email": ANN}, actor="test")
    now = consenting_now(stage)
    record(stage, "asked", at=now - timedelta(days=9))
    record(stage, "given", at=now - timedelta(days=8))
    record(stage, "confirmed", at=now - timedelta(days=7))
    assert consent_of(stage) == "confirmed"
    record(stage, "withdrawn", at=now - timedelta(days=2))
    assert consent_of(stage) == "withdrawn"
    record(stage, "given", at=now - timedelta(days=5))  # an old list, found later
    assert consent_of(stage) == "withdrawn"
    assert [state for *_, state in ledger(stage)] == [
        "asked", "given", "confirmed", "given", "withdrawn"
    ]  # fmt: skip


def consenting_now(stage: Stage) -> datetime:
    return stage.store.read(lambda tx: tx.now)


def test_the_line_says_how_it_came_about(stage: Stage) -> None:
    """Source, version and hash of the text, address, client and who recorded it."""
    stage.publish(mail=MAIL)
    evidence = Evidence(
        "fair 2026", "v3", consenting.text_hash("Yes"), "192.0.2.7", "Pad", "li.wei"
    )
    assert record(stage, "given", evidence=evidence, id="fair-1")
    assert not record(stage, "given", evidence=evidence, id="fair-1")
    (line,) = consenting.show(stage.store, ANN)["ledger"]
    assert [line[name] for name in ("source", "text_version", "ip", "agent", "actor")] == [
        "fair 2026", "v3", "192.0.2.7", "Pad", "li.wei"
    ]  # fmt: skip
    assert len(line["text_hash"]) == 64
    assert list(consenting.everything(stage.store)) == [line]


def test_a_consent_reaches_waiting_playbooks_and_conditions(stage: Stage) -> None:
    """It is an event like any other, and `lead.consent` is what the ledger says."""
    stage.publish(
        wait=ON_FORM
        + "steps:\n  - wait_for: consent.given\n    up_to: 2 days\n"
        + "    then:\n      - if: lead.consent == 'confirmed'\n        then: [{tag: yes-please}]\n",
        edge="enroll: {when: [{segment: lead.consent == 'confirmed'}]}\nsteps: [{tag: edge}]\n",
    )
    stage.event("form.submitted")
    stage.work()
    record(stage, "confirmed")
    stage.work()
    assert sorted(stage.lead()["tags"]) == ["edge", "yes-please"]


def test_a_button_pressed_by_several_at_once_is_pressed_once(stage: Stage) -> None:
    """Confirming and leaving beside each other: one line each, and the last word holds."""
    stage.publish(mail=MAIL)
    stage.event("form.submitted")
    stage.work()
    job = stage.job()["id"]
    evidence = Evidence("confirmation page")

    def press(_: int) -> bool:
        found = confirming.confirm(stage.store, job, evidence=evidence, opens=evidence)
        return found is not None and found.confirmed

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(press, range(8)))
    assert sorted(ledger(stage)) == [
        ("marketing", "", "asked"), ("marketing", "", "confirmed"),
        ("open_tracking", "", "confirmed"),
    ]  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: unsubscribing.unsubscribe(stage.store, job), range(8)))
    assert ledger(stage).count(("marketing", "", "withdrawn")) == 1
    assert consent_of(stage) == "withdrawn"


def test_leaving_one_topic_leaves_the_consent_alone(stage: Stage) -> None:
    """It is a line of its own, and no withdrawal of everything."""
    stage.publish(BY_LAW, mail=MAIL)
    record(stage, "given")
    stage.event("email.unsubscribed", properties={"topic": "product-tips"})
    assert consent_of(stage) == "given"
    assert set(ledger(stage)) == {
        ("marketing", "", "given"),
        ("marketing", "product-tips", "withdrawn"),
    }


def test_the_list_of_suppressions_withdraws_too(stage: Stage) -> None:
    """Unsubscribing by hand is a withdrawal; lifting it is no consent."""
    stage.publish(mail=MAIL)
    record(stage, "given")
    add(stage.store, ANN, reason="unsubscribed")
    assert consent_of(stage) == "withdrawn"


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({"state": "givn"}, "no state is named 'givn'"),
        ({"state": "given", "purpose": "open-tracking"}, "no purpose"),
        ({"state": "given", "topic": "tips"}, "no topic"),
    ],
)
def test_what_says_nothing_is_refused(sqlite_stage: Stage, told: dict[str, str], part: str) -> None:
    """With what was probably meant."""
    sqlite_stage.publish(mail=MAIL)
    with pytest.raises(InputError, match=part):
        consenting.record(sqlite_stage.store, Consent({"email": ANN}, **told))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "event",
    [
        IncomingEvent("form.submitted", {"email": ANN, "consent": "given"}),
        IncomingEvent("consent.given", {"email": ANN}, properties={"purpose": "everything"}),
    ],
    ids=["as a field", "to no purpose"],
)
def test_a_consent_cannot_be_slipped_in(sqlite_stage: Stage, event: IncomingEvent) -> None:
    """Neither as a field of the lead, nor for a purpose that there is not."""
    sqlite_stage.publish(mail=MAIL)
    assert len(take_in(sqlite_stage.store, [event]).rejected) == 1
    with pytest.raises(InputError, match="ledger of consents"):
        put_lead(sqlite_stage.store, {"email": ANN, "consent": "given"}, actor="test")


@pytest.mark.parametrize(
    ("track", "country", "state", "pixel"),
    [
        ("consent", "US", "", False),
        ("consent", "US", "given", True),
        ("true", "US", "", True),
        ("true", "FR", "", False),
        ("true", "FR", "confirmed", True),
    ],
)
def test_the_picture_of_an_opening_needs_its_own_consent(
    sqlite_stage: Stage, track: str, country: str, state: str, pixel: bool
) -> None:
    """And when it is taken back, mails that have gone tell nothing any more."""
    stage = sqlite_stage
    stage.publish(mail=ON_FORM + f"steps:\n  - email: note\n    track: {{opens: {track}}}\n")
    put_lead(stage.store, {"email": ANN, "country": country}, actor="test")
    record(stage, "confirmed")
    if state:
        record(stage, state, "open_tracking")
    stage.event("form.submitted")
    stage.work()
    (sent,) = stage.transport.sent
    assert (b".gif" in sent.content) is pixel
    job = stage.job()["id"]
    found = stage.store.read(lambda tx: mailed(tx, job))
    assert found is not None and found.counts_opens is pixel
    record(stage, "withdrawn", "open_tracking")
    found = stage.store.read(lambda tx: mailed(tx, job))
    assert found is not None and not found.counts_opens
