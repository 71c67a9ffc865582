"""Events that say something about a consent, as lines of its ledger and fields of the lead.

Intake calls it for every batch, in the batch's transaction: the event, the line of evidence and
what holds from then on are committed together. What is told late (an old list that is imported)
joins the ledger and does not change what was said since.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.operations.incoming import Checked, Evidence, IncomingEvent
from engine.playbook.values import Value
from engine.runtime.consenting import FIELDS, state_after
from engine.store import consents
from engine.store.database import Transaction

_SAYS = {
    "consent.asked": "asked",
    "consent.given": "given",
    "consent.withdrawn": "withdrawn",
    "email.unsubscribed": "withdrawn",
    "email.complained": "withdrawn",
}
_LONGEST = 400
"""Characters kept of what a client says of itself."""


def withdraws_marketing(event: IncomingEvent) -> bool:
    """Whether an event takes the consent to marketing back."""
    return event.name == "consent.withdrawn" and _purpose(event) == "marketing"


def hear(
    tx: Transaction, fresh: Sequence[Checked], facts: Mapping[str, Mapping[str, Value]]
) -> dict[str, dict[str, Value]]:
    """Writes the lines of these events; answers what each changes of its lead, by its id."""
    saying = [one for one in fresh if one.event.name in _SAYS]
    if not saying:
        return {}
    newest = consents.newest(tx, [str(one.lead) for one in saying])
    states: dict[tuple[str, str], object] = {}
    changes: dict[str, dict[str, Value]] = {}
    lines = []
    for one in saying:
        lead, purpose = str(one.lead), _purpose(one.event)
        line = _line(tx, one, facts[lead])
        lines.append(line)
        key = (lead, purpose)
        if line["topic"] or line["at"] < newest.get(key, line["at"]):
            continue
        newest[key] = line["at"]
        present = states.get(key, facts[lead].get(FIELDS[purpose]))
        states[key] = state_after(present, line["state"])
        changes[one.id] = {FIELDS[purpose]: str(states[key])}
    consents.add(tx, lines)
    return changes


def _purpose(event: IncomingEvent) -> str:
    return str(event.properties.get("purpose") or "marketing")


def _line(tx: Transaction, one: Checked, lead: Mapping[str, Value]) -> dict[str, Any]:
    event, properties = one.event, one.event.properties
    state = _SAYS[event.name]
    if state == "given" and properties.get("confirmed") is True:
        state = "confirmed"
    evidence = event.evidence or Evidence()
    version = evidence.text_version or properties.get("text_version")
    at: datetime = event.at or tx.now
    return {
        "id": one.id,
        "lead": one.lead,
        "email": str(lead.get("email") or ""),
        "purpose": _purpose(event),
        "topic": str(properties.get("topic") or ""),
        "state": state,
        "source": str(evidence.source or properties.get("source") or event.name)[:_LONGEST],
        "text_version": str(version or "")[:_LONGEST],
        "text_hash": evidence.text_hash,
        "ip": evidence.ip[:64],
        "agent": evidence.agent[:_LONGEST],
        "actor": evidence.actor or "lead",
        "at": at,
    }
