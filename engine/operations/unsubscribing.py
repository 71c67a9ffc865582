"""Unsubscribing by the link in a message, and taking that back: one transaction each.

What is asked for becomes a suppression, an event and a line of the ledger of consents together.

A token names the message, the message names the address that it went to; that address is
suppressed, and the lead's present one too. One click stops all marketing: whoever presses a button
marked "unsubscribe" wants no more of it, whatever the list is called.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.ids import LeadId, new_id
from engine.operations import published
from engine.operations.incoming import Evidence, IncomingEvent
from engine.operations.intake import intake_in
from engine.operations.messages import Mailed, mailed
from engine.playbook.values import Value
from engine.store import events, jobs, leads, suppressions
from engine.store.database import Store, Transaction
from engine.store.suppressions import EVERYTHING, UNSUBSCRIBED

RESUBSCRIBED = "email.resubscribed"
"""Kept as evidence of the lead's wish; no playbook listens to it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """How the recipient of a message stands with us.

    Attributes:
        address: where the message went.
        topic: what the message was about; empty: no topic.
        from_all: unsubscribed from all marketing.
        from_topic: unsubscribed from `topic`.
        sender: who we are, as the message said.
        language: the lead's, or empty.
    """

    address: str
    topic: str
    from_all: bool
    from_topic: bool
    sender: str
    language: str


def look(store: Store, job: str) -> Subscription | None:
    """How the recipient of this message stands; None: we know no such message any more."""
    return store.read(lambda tx: _look(tx, job))


def unsubscribe(
    store: Store, job: str, *, topic: str = EVERYTHING, evidence: Evidence | None = None
) -> Subscription | None:
    """Stops marketing to the recipient, about `topic` or about everything; twice is once.

    Raises:
        InputError: the message was not about this topic.
    """

    def work(tx: Transaction) -> Subscription | None:
        message = _locked(tx, job, topic)
        if message is None:
            return None
        leave(tx, message, topic, evidence)
        return _look(tx, job)

    return store.write(work)


def subscribe_again(
    store: Store, job: str, *, topic: str = EVERYTHING, evidence: Evidence | None = None
) -> Subscription | None:
    """Takes an unsubscription back; what other reasons forbid stays forbidden."""

    def work(tx: Transaction) -> Subscription | None:
        message = _locked(tx, job, topic)
        if message is None:
            return None
        come_back(tx, message, topic, evidence)
        return _look(tx, job)

    return store.write(work)


def leave(tx: Transaction, message: Mailed, topic: str, evidence: Evidence | None) -> bool:
    """Suppresses the recipient, whose lead is locked; answers whether that is new."""
    added = [
        suppressions.add(tx, address, reason=UNSUBSCRIBED, topic=topic, source=message.job)
        for address in addresses_of(message)
    ]
    if any(added) and message.lead_facts:
        _tell(tx, message, topic, evidence)
    return any(added)


def come_back(tx: Transaction, message: Mailed, topic: str, evidence: Evidence | None) -> bool:
    """Lifts the recipient's unsubscription; that is a consent, from its own mailbox."""
    lifted = [
        suppressions.remove(tx, address, topic=topic, reasons={UNSUBSCRIBED})
        for address in addresses_of(message)
    ]
    if not any(lifted) or not message.lead_facts:
        return any(lifted)
    events.insert_new(tx, [_again_row(tx, message, topic)])
    given = {**_properties(message, topic), "purpose": "marketing", "confirmed": True}
    agreed = IncomingEvent(
        "consent.given", {"id": message.lead}, id=new_id(), properties=given,
        enrollment=message.enrollment, source=message.step, evidence=evidence,
    )  # fmt: skip
    intake_in(tx, [agreed])
    return True


def is_leaving(store: Store, job: str) -> bool:
    """Whether marketing to this message's recipient is with a mail server at this moment.

    What was decided before an unsubscription was committed may still arrive; nothing else does.
    """
    table = jobs.table

    def look(tx: Transaction) -> bool:
        lead = sa.select(table.c.lead).where(table.c.id == job).scalar_subquery()
        query = sa.select(table.c.id).where(
            table.c.lead == lead, table.c.state == "in_flight", table.c.marketing
        )
        return tx.conn.execute(query.limit(1)).first() is not None

    return store.read(look)


def _locked(tx: Transaction, job: str, topic: str) -> Mailed | None:
    if topic != EVERYTHING:
        message = mailed(tx, job)
        if message is not None and topic != message.topic:
            raise InputError(f"the message was not about '{topic[:60]}'")
    return locked(tx, job)


def locked(tx: Transaction, job: str) -> Mailed | None:
    """The message with its lead as it is once nobody else can change it; None: there is none."""
    message = mailed(tx, job)
    if message is None:
        return None
    leads.lock(tx, [LeadId(message.lead)])
    return mailed(tx, job) if tx.is_postgres else message


def addresses_of(message: Mailed) -> tuple[str, ...]:
    """Where the message went, and where mail to its lead goes now."""
    now = message.lead_facts.get("email")
    found = dict.fromkeys([message.address, now if isinstance(now, str) else ""])
    return tuple(filter(None, found))


def _tell(tx: Transaction, message: Mailed, topic: str, evidence: Evidence | None) -> None:
    """The event that ends nurtures, and that playbooks may listen to."""
    event = IncomingEvent(
        "email.unsubscribed",
        {"id": message.lead},
        id=new_id(),
        properties=_properties(message, topic),
        enrollment=message.enrollment,
        source=message.step,
        evidence=evidence,
    )
    intake_in(tx, [event])


def _properties(message: Mailed, topic: str) -> dict[str, Value]:
    about: Mapping[str, Value] = {"topic": topic} if topic else {}
    return {"step": message.step, "template": message.template, **about}


def _again_row(tx: Transaction, message: Mailed, topic: str) -> dict[str, Any]:
    return {
        "id": new_id(), "name": RESUBSCRIBED, "lead": message.lead, "at": tx.now,
        "accepted_at": tx.now, "properties": _properties(message, topic),
    }  # fmt: skip


def _look(tx: Transaction, job: str) -> Subscription | None:
    message = mailed(tx, job)
    if message is None or not addresses_of(message):
        return None
    blocks = suppressions.blocks_of(tx, addresses_of(message)).values()
    topics = frozenset[str]().union(*(one.topics for one in blocks))
    current = published.current(tx)
    return Subscription(
        address=addresses_of(message)[0],
        topic=message.topic,
        from_all=EVERYTHING in topics,
        from_topic=bool(message.topic) and message.topic in topics,
        sender=current.sender.name or current.workspace.workspace,
        language=str(message.lead_facts.get("language") or ""),
    )
