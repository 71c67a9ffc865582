"""Confirming a consent from the mailbox that it is about: the second half of a double opt-in.

A mail carries a link to a page; the page changes nothing until its button is pressed, since mail
scanners follow links. What is confirmed is the address that the mail went to.
"""

from dataclasses import dataclass

from engine.ids import new_id
from engine.operations import published
from engine.operations.consenting import shown_text
from engine.operations.incoming import Evidence, IncomingEvent
from engine.operations.intake import event_id, intake_in
from engine.operations.messages import Mailed, mailed
from engine.operations.unsubscribing import locked
from engine.playbook.values import Value
from engine.runtime.consenting import AGREED
from engine.runtime.identity import email_key
from engine.store import suppressions
from engine.store.database import Store, Transaction
from engine.store.suppressions import EVERYTHING, UNSUBSCRIBED


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the recipient of a mail is asked to confirm.

    Attributes:
        address: where the mail went.
        confirmed: whether marketing to it is confirmed already, and nothing was taken back since.
        opens: whether the recipient lets us see openings.
        sender: who asks.
        language: the lead's, or empty.
        version: of the texts.
        dead: whether the address must not be mailed for another reason than its owner's wish.
    """

    address: str
    confirmed: bool
    opens: bool
    sender: str
    language: str
    version: str
    dead: bool = False


def look(store: Store, job: str) -> Confirmation | None:
    """What a mail asks to confirm; None: it is not known, or its lead has another address now."""
    return store.read(lambda tx: _look(tx, mailed(tx, job)))


def text_of(store: Store, purpose: str, language: str) -> str:
    """The workspace's own text for a purpose; empty: Longplay's sentence is shown."""
    return store.read(lambda tx: shown_text(published.current(tx), purpose, language))


def confirm(
    store: Store, job: str, *, evidence: Evidence, opens: Evidence | None = None
) -> Confirmation | None:
    """Records the confirmed consent and lifts an earlier unsubscription; twice is once.

    Args:
        store: the workspace's store.
        job: the mail that asked.
        evidence: how the consent to marketing was given.
        opens: how the one to our seeing openings was; None: it was not.
    """

    def work(tx: Transaction) -> Confirmation | None:
        message = locked(tx, job)
        found = _look(tx, message)
        if message is None or found is None:
            return found
        said = []
        if not found.confirmed:
            suppressions.remove(tx, found.address, topic=EVERYTHING, reasons={UNSUBSCRIBED})
            said += [_asked(message, evidence), _given(message, "marketing", evidence)]
        if opens is not None and not found.opens:
            said.append(_given(message, "open_tracking", opens))
        intake_in(tx, said)
        return _look(tx, mailed(tx, job))

    return store.write(work)


def _look(tx: Transaction, message: Mailed | None) -> Confirmation | None:
    if message is None or not message.address:
        return None
    facts = message.lead_facts
    present = facts.get("email")
    if not isinstance(present, str) or email_key(present) != email_key(message.address):
        return None
    blocks = suppressions.blocks_of(tx, [message.address])[message.address]
    current = published.current(tx)
    return Confirmation(
        address=message.address,
        confirmed=facts.get("consent") == "confirmed" and EVERYTHING not in blocks.topics,
        opens=facts.get("open_consent") in AGREED,
        sender=current.sender.name or current.workspace.workspace,
        language=str(facts.get("language") or ""),
        version=current.workspace.consent.version,
        dead=bool(blocks.dead),
    )


def _asked(message: Mailed, evidence: Evidence) -> IncomingEvent:
    """That the mail asked; an event once a mail, at the time when it went."""
    return IncomingEvent(
        "consent.asked",
        {"id": message.lead},
        id=event_id("asked", message.job),
        at=message.accepted_at,
        properties=_properties(message, "marketing"),
        enrollment=message.enrollment,
        source=message.step,
        evidence=Evidence(f"mail {message.template}", evidence.text_version),
    )


def _given(message: Mailed, purpose: str, evidence: Evidence) -> IncomingEvent:
    return IncomingEvent(
        "consent.given",
        {"id": message.lead},
        id=new_id(),
        properties={**_properties(message, purpose), "confirmed": True},
        enrollment=message.enrollment,
        source=message.step,
        evidence=evidence,
    )


def _properties(message: Mailed, purpose: str) -> dict[str, Value]:
    return {"purpose": purpose, "source": f"mail {message.template}"}
