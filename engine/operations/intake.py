"""Intake: a batch of events becomes leads, changes and enrollments, in one transaction.

Commit is acceptance: a crash before it leaves nothing, after it nothing is lost. Whoever sends an
event again under the same id changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.errors import InputError
from engine.ids import EventId, LeadId, derived_id, new_id
from engine.operations import published
from engine.operations.deal_locks import lock_deals
from engine.operations.derived import store_derived
from engine.operations.occurrences import Occurrence
from engine.operations.published import Current
from engine.operations.reactions import Reaction, Reactor
from engine.operations.scopes import load_facts
from engine.playbook.catalog import EVENT_NAMES
from engine.playbook.spelling import closest
from engine.playbook.values import Value
from engine.runtime.fields import read_lead
from engine.runtime.identity import email_key
from engine.runtime.matching import Edge, Happened
from engine.store import deals, enrollments, events, lead_writing, leads, suppressions
from engine.store.database import Store, Transaction

OLD = timedelta(hours=24)
"""Events older than this are kept and scored, but start nothing unless asked to."""

_MOVES_LEAD = {"email.opened": "last_opened_at", "email.clicked": "last_clicked_at"}
_NOT_BY_THE_LEAD = ("email.sent", "email.delivered", "email.bounced", "lead.", "task.", "deal.")


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
    """

    name: str
    lead: Mapping[str, object]
    id: str | None = None
    at: datetime | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)
    enrollment: str = ""
    source: str = ""
    deal: str = ""


@dataclass(slots=True)
class Intake:
    """What became of a batch: `rejected` holds (index, error), `repeated` indexes of known ones."""

    accepted: int = 0
    repeated: list[int] = field(default_factory=list)
    rejected: list[tuple[int, InputError]] = field(default_factory=list)
    reaction: Reaction = field(default_factory=Reaction)

    @property
    def duplicates(self) -> int:
        """How many events were known already."""
        return len(self.repeated)


@dataclass(slots=True)
class _Checked:
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


def take_in(
    store: Store, incoming: Sequence[IncomingEvent], *, trigger_old: bool = False
) -> Intake:
    """Accepts what is right of `incoming`; the rest is rejected with a reason each.

    Args:
        store: the workspace's store.
        incoming: at most a few hundred; longer lists are the caller's to cut.
        trigger_old: whether events older than a day may start playbooks.
    """
    return store.write(lambda tx: intake_in(tx, incoming, trigger_old=trigger_old))


def intake_in(
    tx: Transaction,
    incoming: Sequence[IncomingEvent],
    *,
    trigger_old: bool = False,
    starts: bool = True,
) -> Intake:
    """`take_in` within a transaction that is open already; an import's events start nothing."""
    current = published.current(tx)
    answer = Intake()
    checked = _check(tx, current, incoming, answer)
    if not checked:
        return answer
    known = events.known(tx, [one.id for one in checked])
    seen: set[str] = set()
    fresh = []
    for one in checked:
        if one.id in known or one.id in seen:
            answer.repeated.append(one.index)
            continue
        seen.add(one.id)
        fresh.append(one)
    if fresh:
        _accept(tx, current, fresh, answer, trigger_old=trigger_old, starts=starts)
    return answer


def _check(
    tx: Transaction, current: Current, incoming: Sequence[IncomingEvent], answer: Intake
) -> list[_Checked]:
    checked = []
    if current.workspace.pipelines:
        incoming = _with_deals(tx, incoming)
    contacts = deals.contacts_of(tx, {event.deal for event in incoming if event.deal})
    for index, event in enumerate(incoming):
        try:
            checked.append(_checked(tx, current, index, event, contacts))
        except InputError as error:
            answer.rejected.append((index, error))
    return checked


def _checked(
    tx: Transaction,
    current: Current,
    index: int,
    event: IncomingEvent,
    contacts: Mapping[str, str],
) -> _Checked:
    known = {*EVENT_NAMES, *current.workspace.events}
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
    return _Checked(
        index,
        event,
        event.id or new_id(),
        key,
        str(lead) if lead is not None else None,
        fields,
    )


def _accept(
    tx: Transaction,
    current: Current,
    fresh: list[_Checked],
    answer: Intake,
    *,
    trigger_old: bool,
    starts: bool,
) -> None:
    made = _find_leads(tx, current, fresh, answer)
    ids = sorted({one.lead for one in fresh if one.lead is not None})
    contacts = lock_deals(tx, [one.deal for one in fresh if one.deal], ids)
    ids = sorted({*ids, *contacts.values()})
    for one in fresh:
        one.contact = contacts.get(one.deal, "")
    facts = load_facts(tx, current, ids)
    for one in [one for one in fresh if one.lead not in facts]:
        answer.rejected.append((one.index, InputError(f"no lead has the id '{one.lead}'")))
    fresh = [one for one in fresh if one.lead in facts]
    new = events.insert_new(tx, [_row(tx, one) for one in fresh])
    # On PostgreSQL another transaction may have kept one of them since it was looked for.
    answer.repeated += [one.index for one in fresh if EventId(one.id) not in new]
    fresh = [one for one in fresh if EventId(one.id) in new]
    before = {lead: dict(one) for lead, one in facts.items()}
    _apply(tx, current, fresh, facts)
    edges = {
        lead: Edge(None if lead in made else before[lead], facts[lead], new_id())
        for lead in {str(one.lead) for one in fresh}
        if lead in made or _differs(before[lead], facts[lead])
    }
    occurrences = [
        occurrence
        for one in fresh
        for occurrence in _occurrences(tx, one, trigger_old=trigger_old, starts=starts)
    ]
    _move_deals(tx, current, fresh)
    derived = store_derived(tx, current, edges, starts=starts)
    answer.accepted = len(fresh)
    reactor = Reactor(tx, current, facts)
    first, *later = _turns(current, occurrences)
    answer.reaction = reactor.react([*first, *derived], edges, starts=starts)
    for turn in later:
        reactor.react(turn, {})


def _turns(current: Current, occurrences: Sequence[Occurrence]) -> list[list[Occurrence]]:
    """The occurrences cut behind each one that may start a playbook, lead by lead.

    What follows it in the same batch must find the enrollment that it made: an order behind a form
    is an exit of the run that the form began.
    """
    starting = {one.event for plan in current.plans.values() for one in plan.enroll.triggers}
    turns: list[list[Occurrence]] = [[]]
    reached: dict[str, int] = {}
    for one in occurrences:
        turn = reached.get(one.lead, 0)
        turns.extend([] for _ in range(turn + 1 - len(turns)))
        turns[turn].append(one)
        reached[one.lead] = turn + (one.starts and one.happened.name in starting)
    return turns


def _find_leads(
    tx: Transaction, current: Current, fresh: list[_Checked], answer: Intake
) -> set[str]:
    """Finds the leads by address, and makes those that are new; answers the ids it made."""
    keys = {one.key for one in fresh if one.key is not None and one.lead is None}
    found = leads.find_by_key(tx, keys)
    wanted = {one.key: one for one in reversed(fresh) if one.lead is None and one.key not in found}
    made: set[str] = set()
    if wanted:
        changes = lead_writing.create_many(
            tx,
            [dict(one.fields) for one in wanted.values()],
            actor="intake",
            reason=f"event {next(iter(wanted.values())).event.name}",
            custom=current.custom,
            lifecycle=current.workspace.lifecycle,
            zone=current.zone,
        )
        for key, change in zip(wanted, changes, strict=True):
            if key is not None:
                found[key] = change.id
            if change.before is None:
                made.add(change.id)
    for one in fresh:
        if one.lead is None and one.key is not None:
            one.lead = found[one.key]
    return made


def _apply(
    tx: Transaction, current: Current, fresh: list[_Checked], facts: dict[str, dict[str, Value]]
) -> None:
    """What events do to leads: fields they carry, last-seen times, orders, unsubscriptions."""
    changes: dict[LeadId, dict[str, Value]] = {}
    for one in fresh:
        lead = facts[str(one.lead)]
        values = _values(tx, one, lead)
        lead.update(values)
        changes.setdefault(LeadId(str(one.lead)), {}).update(values)
        if one.event.name in {"email.unsubscribed", "email.complained"} and lead.get("email"):
            unsubscribed = one.event.name == "email.unsubscribed"
            topic = str(one.event.properties.get("topic") or "") if unsubscribed else ""
            reason = suppressions.UNSUBSCRIBED if unsubscribed else "complained"
            suppressions.add(tx, str(lead["email"]), reason=reason, topic=topic, source=one.id)
    lead_writing.save_many(
        tx,
        {lead: values for lead, values in changes.items() if values},
        actor="intake",
        reason=f"event {fresh[0].event.name}" if len(fresh) == 1 else "events",
        custom=current.custom,
        zone=current.zone,
    )


def _values(tx: Transaction, one: _Checked, lead: Mapping[str, Value]) -> dict[str, Value]:
    values = {name: value for name, value in one.fields.items() if name != "email"}
    name, at = one.event.name, one.event.at or tx.now
    if not name.startswith(_NOT_BY_THE_LEAD):
        for field_name in filter(None, ("last_seen_at", "last_activity_at", _MOVES_LEAD.get(name))):
            was = lead.get(field_name)
            values[field_name] = max(at, was) if isinstance(was, datetime) else at
    if name == "order.placed":
        orders, revenue = lead.get("orders"), lead.get("revenue")
        amount = one.event.properties.get("amount")
        values["orders"] = (orders if isinstance(orders, int) else 0) + 1
        had = revenue if isinstance(revenue, int | float) else 0
        values["revenue"] = had + (amount if isinstance(amount, int | float) else 0)
    return values


def _differs(before: Mapping[str, Value], after: Mapping[str, Value]) -> bool:
    return any(after[name] != before.get(name) for name in after)


def _row(tx: Transaction, one: _Checked) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.event.name,
        "lead": one.lead,
        "deal": one.deal or None,
        "at": one.event.at or tx.now,
        "accepted_at": tx.now,
        "properties": dict(one.event.properties),
    }


def _occurrences(
    tx: Transaction, one: _Checked, *, trigger_old: bool, starts: bool
) -> list[Occurrence]:
    """The event at its lead; and, when it names a deal of somebody else, at that deal."""
    event = one.event
    happened = Happened(
        one.id, event.name, event.properties, event.enrollment, event.source, one.deal
    )
    at = event.at or tx.now
    starts = starts and (trigger_old or at > tx.now - OLD)
    found = [Occurrence(str(one.lead), happened, at, starts=starts)]
    if one.contact and one.contact != one.lead:
        there = replace(happened, of_lead=False)
        found.append(Occurrence(one.contact, there, at, starts=starts))
    return found


def _move_deals(tx: Transaction, current: Current, fresh: Sequence[_Checked]) -> None:
    """`last_activity_at` of the deals that the events count for."""
    if not current.workspace.pipelines:
        return
    of_deals: dict[str, datetime] = {}
    of_leads: dict[str, datetime] = {}
    for one in fresh:
        if _is_activity(one.event.name):
            latest, key = (of_deals, one.deal) if one.deal else (of_leads, str(one.lead))
            at = one.event.at or tx.now
            latest[key] = max(at, latest.get(key, at))
    deals.touch(tx, of_deals, of_leads)


def _with_deals(tx: Transaction, incoming: Sequence[IncomingEvent]) -> list[IncomingEvent]:
    """Events on a message of a run that knows a deal are about that deal."""
    runs = sorted({one.enrollment for one in incoming if one.enrollment and not one.deal})
    known = {id: row["deal"] for id, row in enrollments.standing(tx, runs).items() if row["deal"]}
    return [replace(one, deal=known.get(one.enrollment, one.deal)) for one in incoming]


def _is_activity(name: str) -> bool:
    return name in {"deal.activity", "lead.contacted"} or not name.startswith(_NOT_BY_THE_LEAD)


def event_id(*parts: object) -> str:
    """The id of an event that we make ourselves, so that the same click is the same event."""
    return derived_id("event", *parts)
