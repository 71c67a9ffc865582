"""What changes of deals set off, whoever made them: events, triggers, exits, waits.

It happens in the transaction that made them. Every change is an event of the deal and of its
primary contact: `deal.created`, `deal.changed`, `deal.stage_changed`, `deal.won`, `deal.lost`.
They are stored whether or not a playbook listens, because they are the deal's history.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.ids import new_id
from engine.operations import published
from engine.operations.occurrences import Occurrence
from engine.operations.published import Current
from engine.operations.reactions import Reaction, Reactor
from engine.operations.scopes import load_facts
from engine.playbook.values import Record, Value
from engine.runtime.matching import Edge, Happened
from engine.store import enrollments, events, jobs
from engine.store.database import Transaction
from engine.store.deals import DealChanged

_FOLLOWS = frozenset(
    {"version", "closed", "closed_at", "entry_ref", "stage_entered_at", "last_activity_at"}
)


def react_to_deals(tx: Transaction, changes: Sequence[DealChanged], *, starts: bool) -> Reaction:
    """Lets changes of deals set off what they set off.

    Args:
        tx: the transaction that made the changes; it holds the locks of the primary contacts,
            the former ones included.
        changes: what changed.
        starts: whether they may enroll; an import's may not unless somebody says so.
    """
    current = published.current(tx)
    changed = [one for one in changes if one.before is None or one.changed]
    _follow_contacts(tx, changed)
    edges = {one.id: Edge(one.before, one.after, new_id(), "deal") for one in changed}
    facts = load_facts(tx, current, sorted({str(one.after["lead"]) for one in changed}))
    occurrences = store_deal_events(tx, current, edges, starts=starts)
    deals = {one.id: dict(one.after) for one in changed}
    reactor = Reactor(tx, current, facts, deals=deals)
    return reactor.react(occurrences, {}, starts=starts, deal_edges=edges)


def store_deal_events(
    tx: Transaction, current: Current, edges: Mapping[str, Edge], *, starts: bool = True
) -> list[Occurrence]:
    """Stores the events that these changes are, and answers those that some playbook hears."""
    rows: list[dict[str, Any]] = []
    occurrences: list[Occurrence] = []
    for deal, edge in edges.items():
        lead = str(edge.after["lead"])
        for name, properties in _events(edge):
            id = new_id()
            rows.append(
                {
                    "id": id, "name": name, "lead": lead, "deal": deal, "at": tx.now,
                    "accepted_at": tx.now, "properties": properties,
                }
            )  # fmt: skip
            if name in current.heard:
                happened = Happened(id, name, properties, deal=deal)
                occurrences.append(Occurrence(lead, happened, tx.now, starts=starts))
    events.insert_new(tx, rows)
    return occurrences


def _events(edge: Edge) -> Iterable[tuple[str, dict[str, Value]]]:
    before, after = edge.before, edge.after
    about = _about(after)
    if before is None:
        yield "deal.created", about
    else:
        names = sorted(name for name in after if after[name] != before.get(name))
        changed: list[Value] = [name for name in names if name not in _FOLLOWS]
        if changed:
            yield "deal.changed", {**about, "fields": changed}
        if _place(before) != _place(after):
            yield "deal.stage_changed", {**about, "previous": before["stage"]}
    was = before["closed"] if before is not None else ""
    if after["closed"] and after["closed"] != was:
        reason: Record = {"lost_reason": after["lost_reason"]} if after["closed"] == "lost" else {}
        yield f"deal.{after['closed']}", {**about, **reason}


def _about(deal: Record) -> dict[str, Value]:
    """What every event of a deal says of it."""
    names = ("name", "pipeline", "stage", "amount", "currency", "owner")
    return {"deal": deal["id"], **{name: deal[name] for name in names}}


def _place(deal: Record) -> tuple[Value, Value]:
    return deal["pipeline"], deal["stage"]


def _follow_contacts(tx: Transaction, changes: Sequence[DealChanged]) -> None:
    """Another primary contact: the deal's runs, and their mail that has not left, go along."""
    for one in changes:
        lead = str(one.after["lead"])
        if one.before is not None and one.before["lead"] != lead:
            runs = enrollments.follow_deal(tx, one.id, lead)
            jobs.follow_deal(tx, runs, lead)
