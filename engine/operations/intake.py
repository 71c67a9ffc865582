"""Intake: a batch of events becomes leads, changes and enrollments, in one transaction.

Commit is acceptance: a crash before it leaves nothing, after it nothing is lost. Whoever sends an
event again under the same id changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.errors import InputError
from engine.ids import EventId, LeadId, derived_id, new_id
from engine.operations import consent_lines, published
from engine.operations.deal_locks import lock_deals
from engine.operations.derived import store_derived
from engine.operations.heeding import heeded
from engine.operations.incoming import Checked, IncomingEvent, check
from engine.operations.lead_stages import judge
from engine.operations.occurrences import Occurrence
from engine.operations.published import Current
from engine.operations.reactions import Reaction, Reactor
from engine.operations.scopes import load_facts
from engine.playbook.values import Value
from engine.runtime.lifecycle import Denied
from engine.runtime.matching import Edge, Happened
from engine.store import deals, events, gone, lead_writing, leads, suppressions
from engine.store.database import Store, Transaction

__all__ = ["OLD", "IncomingEvent", "Intake", "event_id", "intake_in", "take_in"]

OLD = timedelta(hours=24)
"""Events older than this are kept and scored, but start nothing unless asked to."""

_MOVES_LEAD = {"email.opened": "last_opened_at", "email.clicked": "last_clicked_at"}
_BY_THE_LEAD = ("last_seen_at", "last_activity_at")
_SEEN = {*_BY_THE_LEAD, *_MOVES_LEAD.values()}
_NOT_BY_THE_LEAD = (
    "email.sent", "email.delivered", "email.bounced", "consent.asked", "lead.", "task.", "deal.",
)  # fmt: skip


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
    checked, answer.rejected = check(tx, current, incoming)
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


def _accept(
    tx: Transaction,
    current: Current,
    fresh: list[Checked],
    answer: Intake,
    *,
    trigger_old: bool,
    starts: bool,
) -> None:
    if any("stage" in one.fields for one in fresh):
        fresh = _allowed(tx, current, fresh, answer)
    made = _find_leads(tx, current, fresh, answer)
    ids = sorted({one.lead for one in fresh if one.lead is not None})
    contacts = lock_deals(tx, [one.deal for one in fresh if one.deal], ids)
    ids = sorted({*ids, *contacts.values()})
    for one in fresh:
        one.contact = contacts.get(one.deal, "")
    facts = made | load_facts(tx, current, [id for id in ids if id not in made])
    there = {id for id, lead in facts.items() if lead["stage"] != leads.ERASED}
    there |= {one.contact for one in fresh if one.contact}  # of a deal that goes on without
    for one in [one for one in fresh if one.lead not in there]:
        answer.rejected.append((one.index, InputError(f"no lead has the id '{one.lead}'")))
    fresh = [one for one in fresh if one.lead in there]
    new = events.insert_new(tx, [_row(tx, one) for one in fresh])
    # On PostgreSQL another transaction may have kept one of them since it was looked for.
    answer.repeated += [one.index for one in fresh if EventId(one.id) not in new]
    fresh = [one for one in fresh if EventId(one.id) in new]
    before = _apply(tx, current, fresh, facts)
    # What else changes these leads by these events has its place here: it enters into `before`.
    edges = {
        lead: Edge(None if lead in made else before[lead], facts[lead], new_id())
        for lead in dict.fromkeys(str(one.lead) for one in fresh)
        if lead in made or lead in before
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
    ahead = [one for turn in later for one in turn]
    answer.reaction = reactor.react([*first, *derived], edges, starts=starts, ahead=ahead)
    for turn in later:
        reactor.react(turn, {})


def _turns(current: Current, occurrences: Sequence[Occurrence]) -> list[list[Occurrence]]:
    """The occurrences cut behind each one that may start a playbook, lead by lead.

    What follows it in the same batch must find the enrollment that it made: an order behind a form
    is an exit of the run that the form began.
    """
    starting = heeded(current).events
    turns: list[list[Occurrence]] = [[]]
    reached: dict[str, int] = {}
    for one in occurrences:
        turn = reached.get(one.lead, 0)
        turns.extend([] for _ in range(turn + 1 - len(turns)))
        turns[turn].append(one)
        reached[one.lead] = turn + (one.starts and one.happened.name in starting)
    return turns


def _allowed(
    tx: Transaction, current: Current, fresh: list[Checked], answer: Intake
) -> list[Checked]:
    """Those that move no lead to a stage where it may not be; the others are rejected."""
    holders = leads.find_by_key(tx, [one.key for one in fresh if one.key])
    found = {id(one): one.lead or holders.get(one.key or "") for one in fresh}
    facts = load_facts(tx, current, sorted({each for each in found.values() if each}))
    kept = []
    for one in fresh:
        known = facts.get(str(found[id(one)]))
        decision = judge(tx, current, known, one.fields) if one.fields.get("stage") else None
        if isinstance(decision, Denied):
            answer.rejected.append((one.index, InputError(decision.why, help=decision.help)))
        else:
            kept.append(one)
    return kept


def _find_leads(
    tx: Transaction, current: Current, fresh: list[Checked], answer: Intake
) -> dict[str, dict[str, Value]]:
    """Finds the leads by address, and makes those that are new; answers the facts of these."""
    named = gone.now_as(tx, {one.lead for one in fresh if one.lead is not None})
    for one in fresh if named else ():
        one.lead = named.get(str(one.lead), one.lead)
    keys = {one.key for one in fresh if one.key is not None and one.lead is None}
    found = leads.find_by_key(tx, keys)
    wanted = {one.key: one for one in reversed(fresh) if one.lead is None and one.key not in found}
    made: dict[str, dict[str, Value]] = {}
    if wanted:
        changes = lead_writing.create_many(
            tx,
            # With what the event says of its time: an event that makes a lead then changes none.
            [{**one.fields, **_seen(tx, one, {})} for one in wanted.values()],
            actor="intake",
            reason=f"event {next(iter(wanted.values())).event.name}",
            custom=current.custom,
            lifecycle=current.workspace.lifecycle,
            zone=current.zone,
            is_read=True,
        )
        for key, change in zip(wanted, changes, strict=True):
            if key is not None:
                found[key] = change.id
            if change.before is None:
                made[change.id] = change.after
    for one in fresh:
        if one.lead is None and one.key is not None:
            one.lead = found[one.key]
    return made


def _apply(
    tx: Transaction, current: Current, fresh: list[Checked], facts: dict[str, dict[str, Value]]
) -> dict[str, dict[str, Value]]:
    """What events do to leads: fields they carry, last-seen times, orders, unsubscriptions.

    Returns:
        The leads that are not as they were, as they were.
    """
    before: dict[str, dict[str, Value]] = {}
    changes: dict[LeadId, dict[str, Value]] = {}
    said = consent_lines.hear(tx, fresh, facts)
    for one in fresh:
        id = LeadId(str(one.lead))
        lead = facts[id]
        values = {
            name: value
            for name, value in {**_values(tx, one, lead), **said.get(one.id, {})}.items()
            # A full name that is equal may be worked out so far, and not kept.
            if lead.get(name) != value or name == "full_name"
        }
        if values:
            if id not in before:
                before[id] = dict(lead)
            lead.update(values)
            changes.setdefault(id, {}).update(values)
        if lead.get("email") and _refuses(one.event):
            unsubscribed = one.event.name != "email.complained"
            topic = str(one.event.properties.get("topic") or "") if unsubscribed else ""
            reason = suppressions.UNSUBSCRIBED if unsubscribed else "complained"
            suppressions.add(tx, str(lead["email"]), reason=reason, topic=topic, source=one.id)
    only_seen = {lead: values for lead, values in changes.items() if values.keys() <= _SEEN}
    lead_writing.move_times(tx, only_seen)
    lead_writing.save_many(
        tx,
        {lead: values for lead, values in changes.items() if lead not in only_seen},
        actor="intake",
        reason=f"event {fresh[0].event.name}" if len(fresh) == 1 else "events",
        custom=current.custom,
        zone=current.zone,
    )
    return {
        lead: was
        for lead, was in before.items()
        if any(was.get(name) != value for name, value in changes[LeadId(lead)].items())
    }


def _refuses(event: IncomingEvent) -> bool:
    refusals = {"email.unsubscribed", "email.complained"}
    return event.name in refusals or consent_lines.withdraws_marketing(event)


def _values(tx: Transaction, one: Checked, lead: Mapping[str, Value]) -> dict[str, Value]:
    values = {name: value for name, value in one.fields.items() if name != "email"}
    values |= _seen(tx, one, lead)
    if one.event.name == "order.placed":
        orders, revenue = lead.get("orders"), lead.get("revenue")
        amount = one.event.properties.get("amount")
        values["orders"] = (orders if isinstance(orders, int) else 0) + 1
        had = revenue if isinstance(revenue, int | float) else 0
        values["revenue"] = had + (amount if isinstance(amount, int | float) else 0)
    return values


def _seen(tx: Transaction, one: Checked, lead: Mapping[str, Value]) -> dict[str, Value]:
    """The last-seen times that an event of the lead moves; never back."""
    name, at = one.event.name, one.event.at or tx.now
    if name.startswith(_NOT_BY_THE_LEAD):
        return {}
    found: dict[str, Value] = {}
    moved = (*_BY_THE_LEAD, _MOVES_LEAD[name]) if name in _MOVES_LEAD else _BY_THE_LEAD
    for field_name in moved:
        was = lead.get(field_name)
        found[field_name] = was if isinstance(was, datetime) and was > at else at
    return found


def _row(tx: Transaction, one: Checked) -> dict[str, object]:
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
    tx: Transaction, one: Checked, *, trigger_old: bool, starts: bool
) -> list[Occurrence]:
    """The event at its lead; and, when it names a deal of somebody else, at that deal."""
    event = one.event
    happened = Happened(
        one.id, event.name, event.properties, event.enrollment, event.source, one.deal,
        trace=event.trace,
    )  # fmt: skip
    at = event.at or tx.now
    starts = starts and (trigger_old or at > tx.now - OLD)
    found = [Occurrence(str(one.lead), happened, at, starts=starts)]
    if one.contact and one.contact != one.lead:
        there = replace(happened, of_lead=False)
        found.append(Occurrence(one.contact, there, at, starts=starts))
    return found


def _move_deals(tx: Transaction, current: Current, fresh: Sequence[Checked]) -> None:
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


def _is_activity(name: str) -> bool:
    return name in {"deal.activity", "lead.contacted"} or not name.startswith(_NOT_BY_THE_LEAD)


def event_id(*parts: object) -> str:
    """The id of an event that we make ourselves, so that the same click is the same event."""
    return derived_id("event", *parts)
