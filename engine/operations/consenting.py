"""Recording consents and showing them: what was asked, given, confirmed or taken back.

A consent reaches the ledger as an event, so that playbooks hear of it, or by the lead's own hand on
a page (`confirming`, `preferences`). Taking back the consent to marketing unsubscribes.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from engine.errors import InputError
from engine.operations import published
from engine.operations.incoming import Evidence, IncomingEvent
from engine.operations.intake import Intake, event_id, intake_in
from engine.operations.lead_changes import found_lead
from engine.operations.published import Current
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.consenting import FIELDS, STATES, withheld
from engine.store import consents, leads
from engine.store.database import Store, Transaction

PAGE = 1000
COLUMNS = consents.COLUMNS
"""What every line of the ledger says."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that somebody tells us of.

    Attributes:
        lead: what identifies the lead: `email` or `id`, and fields to write.
        state: asked, given, confirmed or withdrawn.
        purpose: marketing or open_tracking.
        topic: the only topic that it is about; empty: every one.
        at: when it was said; None: now.
        id: the sender's; None: made of what it says and when, so that with a time of its own it
            is once however often it is told.
    """

    lead: Mapping[str, object]
    state: str
    purpose: str = "marketing"
    topic: str = ""
    at: datetime | None = None
    id: str | None = None
    evidence: Evidence = field(default_factory=Evidence)


def record(store: Store, told: Consent) -> bool:
    """Records a consent; answers whether it is news.

    Raises:
        InputError: it names no lead, or no state, purpose or topic that there is.
    """

    def work(tx: Transaction) -> bool:
        answer = record_in(tx, [told])
        if answer.rejected:
            raise answer.rejected[0][1]
        return bool(answer.accepted)

    return store.write(work)


def record_in(tx: Transaction, told: Sequence[Consent], *, starts: bool = True) -> Intake:
    """Records consents in a transaction that is open; an import's start no playbook."""
    topics = published.current(tx).workspace.topics
    return intake_in(tx, [_event(tx, one, topics) for one in told], starts=starts)


def show(store: Store, name: str) -> dict[str, Any]:
    """How a lead's consents stand, whether marketing may go, and every line of the ledger.

    Raises:
        NotFoundError: there is no such lead.
    """

    def look(tx: Transaction) -> dict[str, Any]:
        current = published.current(tx)
        lead = found_lead(tx, name)
        facts = leads.load(tx, [lead], current.custom)[lead]
        return {
            "lead": str(lead),
            "email": facts.get("email"),
            **{field: facts.get(field) for field in FIELDS.values()},
            "withheld": withheld(current.workspace.consent, facts),
            "ledger": [_shown(line) for line in consents.of_lead(tx, str(lead))],
        }

    return store.read(look)


def everything(store: Store) -> Iterator[dict[str, Any]]:
    """Every line of the ledger, a page at a time."""
    page = store.read(partial(consents.page, limit=PAGE))
    while page:
        yield from map(_shown, page)
        page = store.read(partial(consents.page, after=page[-1]["id"], limit=PAGE))


def shown_text(current: Current, purpose: str, language: str) -> str:
    """The workspace's own text for a purpose in a language; empty: Longplay's sentence is shown."""
    texts = current.workspace.consent.texts
    written = texts.marketing if purpose == "marketing" else texts.open_tracking
    if not isinstance(written, Mapping):
        return written or ""
    first = language.replace("_", "-").split("-")[0]
    own = next((text for tag, text in written.items() if tag.split("-")[0] == first), None)
    return own or next(iter(written.values()), "")


def text_hash(text: str) -> str:
    """What the ledger keeps of a text that was shown."""
    return hashlib.sha256(text.encode()).hexdigest()


def _event(tx: Transaction, one: Consent, topics: Sequence[str]) -> IncomingEvent:
    for what, name, known in (
        ("state", one.state, STATES), ("purpose", one.purpose, tuple(FIELDS)),
        ("topic", one.topic, ("", *topics)),
    ):  # fmt: skip
        if name not in known:
            raise InputError(f"no {what} is named '{name[:60]}'", help=did_you_mean(name, known))
    if one.at is not None and one.at > tx.now:
        raise InputError(f"'{one.at.isoformat()}' is in the future", help="leave the time out")
    leaves = one.purpose == "marketing" and one.state == "withdrawn"
    name = "email.unsubscribed" if leaves else f"consent.{_EVENTS.get(one.state, one.state)}"
    properties: dict[str, Value] = {} if leaves else {"purpose": one.purpose}
    if one.topic:
        properties["topic"] = one.topic
    if one.state == "confirmed":
        properties["confirmed"] = True
    for key, text in (("source", one.evidence.source), ("text_version", one.evidence.text_version)):
        if text and not leaves:
            properties[key] = text
    id = one.id or event_id(
        "consent", one.lead.get("id") or str(one.lead.get("email")).casefold(), one.purpose,
        one.topic, one.state, one.evidence.source, one.at.isoformat() if one.at else tx.now,
    )  # fmt: skip
    return IncomingEvent(
        name, one.lead, id=id, at=one.at, properties=properties, evidence=one.evidence
    )


_EVENTS = {"confirmed": "given"}


def _shown(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in COLUMNS}
