"""Events as somebody sends them, and what is checked of each before anything is looked up.

It writes nothing. What becomes of those that are right is `intake`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.errors import InputError
from engine.ids import new_id
from engine.operations.published import Current
from engine.playbook.catalog import EVENT_NAMES
from engine.playbook.spelling import closest, did_you_mean
from engine.playbook.values import Value
from engine.runtime.consenting import FIELDS
from engine.runtime.fields import read_lead
from engine.runtime.identity import email_key
from engine.store import deals, enrollments
from engine.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a consent came about, for its ledger alone: no playbook sees it.

    Attributes:
        source: where it was said.
        text_version: of the text that was shown.
        text_hash: SHA-256 of that text, in hexadecimal.
        ip: the address that the answer came from.
        agent: what the client says that it is.
        actor: who recorded it; empty: the lead itself.
    """

    source: str = ""
    text_version: str = ""
    text_hash: str = ""
    ip: str = ""
    agent: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """One event as somebody sends it, already of the right types.

    Attributes:
        id: the sender's; None: made here, and the event cannot be sent twice safely.
        lead: what identifies the lead (`email` or `id`), and fields to write; empty with a deal:
            its primary contact.
        deal: the id of the deal it is about; empty: it counts for all open deals of the lead.
        at: when it happened; None: now.
        enrollment: the enrollment whose message the event is on.
        source: the step whose message the event is on.
        trace: the traceparent of its coming in; empty: it is not traced.
        evidence: of one that says something about a consent.
    """

    name: str
    lead: Mapping[str, object]
    id: str | None = None
    at: datetime | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)
    enrollment: str = ""
    source: str = ""
    deal: str = ""
    trace: str = ""
    evidence: Evidence | None = None


@dataclass(slots=True)
class Checked:
    """An event that can be accepted; its lead is found, or made, afterwards."""

    index: int
    event: IncomingEvent
    id: str
    key: str | None
    lead: str | None
    fields: dict[str, Value]
    contact: str = ""

    @property
    def deal(self) -> str:
        """The deal that the event names."""
        return self.event.deal


def check(
    tx: Transaction, current: Current, incoming: Sequence[IncomingEvent]
) -> tuple[list[Checked], list[tuple[int, InputError]]]:
    """Those that can be accepted, and (index, error) of the others."""
    checked: list[Checked] = []
    rejected: list[tuple[int, InputError]] = []
    if current.workspace.pipelines:
        incoming = _with_deals(tx, incoming)
    contacts = deals.contacts_of(tx, {event.deal for event in incoming if event.deal})
    known = frozenset((*EVENT_NAMES, *current.workspace.events))
    for index, event in enumerate(incoming):
        try:
            checked.append(_checked(tx, current, index, event, contacts, known))
        except InputError as error:
            rejected.append((index, error))
    return checked, rejected


def _checked(
    tx: Transaction,
    current: Current,
    index: int,
    event: IncomingEvent,
    contacts: Mapping[str, str],
    known: frozenset[str],
) -> Checked:
    if event.deal and event.deal not in contacts:
        raise InputError(
            f"there is no deal '{event.deal[:64]}'", help="list them with: longplay deals list"
        )
    if event.name not in known:
        near = closest(event.name, known)
        raise InputError(
            f"no event is named '{event.name}'",
            help=f"did you mean '{near}'?"
            if near
            else "declare it under `events:` in longplay.yaml, then run: longplay apply",
        )
    if event.at is not None and event.at > tx.now + timedelta(days=1):
        raise InputError(
            f"'{event.at.isoformat()}' is in the future", help="leave `at` out: it is now"
        )
    given = dict(event.lead)
    _refuse_consents(event, given)
    lead = given.pop("id", None)
    if not given and lead is None and event.deal:
        lead = contacts[event.deal]
    email = given.get("email")
    key = email_key(str(email)) if email else None
    if lead is None and key is None:
        raise InputError("the event names no lead", help='give `"lead": {"email": "…"}`')
    fields = {
        name: read_lead(name, value, current.custom, current.zone) for name, value in given.items()
    }
    return Checked(
        index,
        event,
        event.id or new_id(),
        key,
        str(lead) if lead is not None else None,
        fields,
    )


def _refuse_consents(event: IncomingEvent, given: Mapping[str, object]) -> None:
    """A consent is what the ledger says, and an event about one names what it is to."""
    for name in FIELDS.values():
        if name in given:
            raise InputError(
                f"'{name}' cannot be written: the ledger of consents says it",
                help='send the event "consent.given" or "consent.withdrawn"',
            )
    purpose = event.properties.get("purpose")
    if event.name.startswith("consent.") and purpose is not None and purpose not in FIELDS:
        raise InputError(
            f"no purpose is named '{str(purpose)[:60]}'", help=did_you_mean(str(purpose), FIELDS)
        )


def _with_deals(tx: Transaction, incoming: Sequence[IncomingEvent]) -> list[IncomingEvent]:
    """Events on a message of a run that knows a deal are about that deal."""
    runs = sorted({one.enrollment for one in incoming if one.enrollment and not one.deal})
    known = {id: row["deal"] for id, row in enrollments.standing(tx, runs).items() if row["deal"]}
    return [replace(one, deal=known.get(one.enrollment, one.deal)) for one in incoming]
