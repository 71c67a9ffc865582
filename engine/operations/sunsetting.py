"""Unsubscribing leads by a playbook's own decision: a sunset. It is kept like a lead's own wish."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.ids import derived_id
from engine.operations.occurrences import Occurrence
from engine.playbook.values import Value
from engine.runtime.identity import email_key
from engine.runtime.matching import Happened
from engine.store import events, suppressions
from engine.store.database import Transaction
from engine.store.suppressions import UNSUBSCRIBED


@dataclass(frozen=True, slots=True)
class Sunset:
    """One lead that a step unsubscribes, from a topic or (empty) from everything."""

    lead: str
    address: str
    topic: str
    enrollment: str
    seq: int
    playbook: str
    step: str


def sunset(tx: Transaction, wanted: Sequence[Sunset]) -> list[Occurrence]:
    """Suppresses addresses, and answers the events that this is.

    Who had left already makes no event. The leads are locked.
    """
    groups: dict[tuple[str, str], list[Sunset]] = {}
    for one in wanted:
        groups.setdefault((one.topic, f"{one.playbook}/{one.step}"), []).append(one)
    occurrences: list[Occurrence] = []
    for (topic, source), members in groups.items():
        addresses = [one.address for one in members]
        left = suppressions.add_many(tx, addresses, reason=UNSUBSCRIBED, topic=topic, source=source)
        occurrences += [_left(tx, one) for one in members if email_key(one.address) in left]
    events.insert_new(tx, [_row(tx, one) for one in occurrences])
    return occurrences


def _left(tx: Transaction, one: Sunset) -> Occurrence:
    properties: dict[str, Value] = {"step": one.step, "playbook": one.playbook}
    if one.topic:
        properties["topic"] = one.topic
    event = derived_id("unsubscribed", one.enrollment, one.seq)
    happened = Happened(event, "email.unsubscribed", properties)
    return Occurrence(one.lead, happened, tx.now, by=one.enrollment)


def _row(tx: Transaction, one: Occurrence) -> dict[str, Any]:
    return {
        "id": one.happened.id, "name": one.happened.name, "lead": one.lead, "at": one.at,
        "accepted_at": tx.now, "properties": dict(one.happened.properties),
    }  # fmt: skip
