"""Unsubscribing by the link in a message, and taking that back: one transaction each.

A token names the message, the message names the address that it went to; that address is
suppressed, and the lead's present one too. One click stops all marketing: whoever presses a button
marked "unsubscribe" wants no more of it, whatever the list is called.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError
from engine.ids import LeadId, new_id
from engine.operations import published
from engine.operations.intake import IncomingEvent, intake_in
from engine.operations.messages import Mailed, mailed
from engine.playbook.values import Value
from engine.store import events, leads, suppressions
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


def unsubscribe(store: Store, job: str, *, topic: str = EVERYTHING) -> Subscription | None:
    """Stops marketing to the recipient, about `topic` or about everything; twice is once.

    Raises:
        InputError: the message was not about this topic.
    """

    def work(tx: Transaction) -> Subscription | None:
        message = _locked(tx, job, topic)
        if message is None:
            return None
        added = [
            suppressions.add(tx, address, reason=UNSUBSCRIBED, topic=topic, source=job)
            for address in _addresses(message)
        ]
        if any(added) and message.lead_facts:
            _tell(tx, message, topic)
        return _look(tx, job)

    return store.write(work)


def subscribe_again(store: Store, job: str, *, topic: str = EVERYTHING) -> Subscription | None:
    """Takes an unsubscription back; what other reasons forbid stays forbidden."""

    def work(tx: Transaction) -> Subscription | None:
        message = _locked(tx, job, topic)
        if message is None:
            return None
        lifted = [
            suppressions.remove(tx, address, topic=topic, reasons={UNSUBSCRIBED})
            for address in _addresses(message)
        ]
        if any(lifted) and message.lead_facts:
            events.insert_new(tx, [_again_row(tx, message, topic)])
        return _look(tx, job)

    return store.write(work)


def _locked(tx: Transaction, job: str, topic: str) -> Mailed | None:
    message = mailed(tx, job)
    if message is None:
        return None
    if topic not in {EVERYTHING, message.topic}:
        raise InputError(f"the message was not about '{topic[:60]}'")
    leads.lock(tx, [LeadId(message.lead)])
    return message


def _addresses(message: Mailed) -> tuple[str, ...]:
    now = message.lead_facts.get("email")
    found = dict.fromkeys([message.address, now if isinstance(now, str) else ""])
    return tuple(filter(None, found))


def _tell(tx: Transaction, message: Mailed, topic: str) -> None:
    """The event that ends nurtures, and that playbooks may listen to."""
    event = IncomingEvent(
        "email.unsubscribed",
        {"id": message.lead},
        id=new_id(),
        properties=_properties(message, topic),
        enrollment=message.enrollment,
        source=message.step,
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
    if message is None or not _addresses(message):
        return None
    blocks = suppressions.blocks_of(tx, _addresses(message)).values()
    topics = frozenset[str]().union(*(one.topics for one in blocks))
    current = published.current(tx)
    return Subscription(
        address=_addresses(message)[0],
        topic=message.topic,
        from_all=EVERYTHING in topics,
        from_topic=bool(message.topic) and message.topic in topics,
        sender=current.sender.name or current.workspace.workspace,
        language=str(message.lead_facts.get("language") or ""),
    )
