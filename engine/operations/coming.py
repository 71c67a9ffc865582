"""The coming moments of records: one row per (playbook, trigger, record) of a `date` trigger.

They are kept in the transaction that changes the record, whose lock the caller holds; filled in
pages when a playbook is applied (`clocks`), and fired in pages when they are due (`firing`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.operations.published import Current
from engine.operations.scopes import load_deals, load_facts, scope_of
from engine.playbook.durations import Duration
from engine.playbook.moments import FieldMoment
from engine.playbook.plan import Plan, RecordKind, Trigger
from engine.playbook.values import Value
from engine.runtime.coming import TriggerName, field_of_date, moment_of, timed_triggers
from engine.runtime.matching import Edge
from engine.runtime.waiting import field_of
from engine.store import deals
from engine.store.clock_tables import ComingMoment
from engine.store.database import Transaction
from engine.store.inserting import upsert

table: sa.Table = ComingMoment.__table__  # type: ignore[attr-defined]

SCHEDULES = "longplay-schedules"
"""Nudged like a cohort: the id of the driver that looks at the clocks."""

LONGEST_REST = timedelta(minutes=30)
"""How long that driver rests at most; whatever comes sooner has to wake it."""

_INSTANT = timedelta(microseconds=1)

Facts: TypeAlias = Mapping[str, Value]
Key: TypeAlias = tuple[str, TriggerName, str]
"""Playbook, trigger, record."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as a trigger looks at it: the lead, or a deal with its primary contact."""

    lead: Facts
    deal: Facts | None = None


@dataclass(frozen=True)
class Dated:
    """A `date` trigger of a plan.

    Attributes:
        names: the fields that its moments follow, such as `lead.timezone`.
    """

    plan: Plan
    name: TriggerName
    position: int
    moment: FieldMoment
    names: frozenset[str]

    @property
    def trigger(self) -> Trigger:
        """The trigger itself."""
        return self.plan.enroll.triggers[self.position]

    def at(
        self, current: Current, seen: Seen, *, after: datetime, now: datetime
    ) -> datetime | None:
        """The record's moment; of a yearly one the first later than `after`."""
        record = self.plan.record
        scope = scope_of(current, seen.lead, now=now, deal=seen.deal, record=record)
        calendar = current.calendar(self.plan.calendar, scope) if self.is_business else None
        zone = zone_of(current, self.trigger, seen.lead)
        field = partial(field_of, scope, record=record)
        return moment_of(self.trigger, after, zone, field, calendar)

    def holds_at(self, current: Current, seen: Seen, at: datetime, now: datetime) -> bool:
        """Whether `at` is still a moment of this record."""
        return self.at(current, seen, after=at - _INSTANT, now=now) == at

    @property
    def is_business(self) -> bool:
        """Whether a calendar has a say."""
        return (self.moment.offset or Duration()).is_business


def zone_of(current: Current, trigger: Trigger, facts: Facts) -> Any:
    """The zone that a record's moment is in: the record's own, unless the trigger names one."""
    named = trigger.timezone
    return current.zone_or(named) if named and named != "lead" else current.zone_of(facts)


def dated_of(plan: Plan) -> list[Dated]:
    """The `date` triggers of a plan."""
    found = []
    for name, position in timed_triggers(plan).items():
        moment = field_of_date(plan.enroll.triggers[position])
        if moment is not None:
            found.append(Dated(plan, name, position, moment, _names(plan, moment)))
    return found


def _names(plan: Plan, moment: FieldMoment) -> frozenset[str]:
    root, _, name = moment.field.rpartition(".")
    names = {f"{root or plan.record}.{name}", "lead.timezone", "deal.lead"}
    if (moment.offset or Duration()).is_business and plan.calendar == "owner":
        names.add(f"{plan.record}.owner")
    return frozenset(names)


@lru_cache(maxsize=8)
def all_dated(current: Current) -> tuple[Dated, ...]:
    """The `date` triggers of every current plan."""
    return tuple(one for plan in current.plans.values() for one in dated_of(plan))


def basis_of(current: Current, one: Dated) -> str:
    """What moments are worked out by; when it changes, they are all worked out anew."""
    workspace = current.workspace
    root, _, name = one.moment.field.rpartition(".")
    of_deal = (root or one.plan.record) == "deal"
    kind = (workspace.fields.deal if of_deal else workspace.fields.lead).get(name)
    calendars = {name: each.model_dump(mode="json") for name, each in workspace.calendars.items()}
    parts: list[object] = [workspace.timezone, str(kind)]
    parts += [calendars, one.plan.calendar, workspace.calendar] if one.is_business else []
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def follow(
    tx: Transaction,
    current: Current,
    edges: Mapping[str, Edge],
    deal_edges: Mapping[str, Edge],
) -> None:
    """Moves the moments of records along with the fields that changed.

    Args:
        tx: the transaction that changed them; it holds their locks.
        current: what is published.
        edges: lead → its change.
        deal_edges: deal → its change.
    """
    every = all_dated(current)
    if not every:
        return
    edges = {lead: _settled(edge, tx.now) for lead, edge in edges.items()}
    deal_edges = {deal: _settled(edge, tx.now) for deal, edge in deal_edges.items()}
    moved = [
        (one, lead, Seen(edge.after))
        for one in every
        if one.plan.record == "lead"
        for lead, edge in edges.items()
        if _moves(one, edge, "lead")
    ]
    of_deals = [one for one in every if one.plan.record == "deal"]
    if of_deals:
        moved += _moved_deals(tx, current, of_deals, edges, deal_edges)
    arm(tx, current, moved)


def _settled(edge: Edge, now: datetime) -> Edge:
    """The change with what the store adds to it: entering a stage sets when that was."""
    before, after = edge.before, edge.after
    if before is None or before.get("stage") == after.get("stage"):
        return edge
    if before.get("stage_entered_at") != after.get("stage_entered_at"):
        return edge
    return replace(edge, after={**after, "stage_entered_at": now})


def _moved_deals(
    tx: Transaction,
    current: Current,
    of_deals: Sequence[Dated],
    edges: Mapping[str, Edge],
    deal_edges: Mapping[str, Edge],
) -> list[tuple[Dated, str, Seen]]:
    """Deals that changed, and the open ones of leads whose zone, or followed field, did."""
    found = {id: edge.after for id, edge in deal_edges.items()}
    moved = {
        (one.name, id) for one in of_deals for id in found if _moves(one, deal_edges[id], "deal")
    }
    leads = {
        lead
        for lead, edge in edges.items()
        if edge.before is not None and any(_moves(one, edge, "lead") for one in of_deals)
    }
    for id, deal in deals.open_of(tx, leads, current.deal_fields).items():
        found.setdefault(id, deal)
        moved |= {(one.name, id) for one in of_deals}
    contacts = load_facts(tx, current, {str(deal["lead"]) for deal in found.values()})
    return [
        (one, id, Seen(contacts[str(deal["lead"])], deal))
        for one in of_deals
        for id, deal in found.items()
        if (one.name, id) in moved and str(deal["lead"]) in contacts
    ]


def _moves(one: Dated, edge: Edge, record: RecordKind) -> bool:
    if edge.before is None:
        return True
    roots = (name.partition(".") for name in one.names)
    names = [name for root, _, name in roots if root == record]
    return any(edge.before.get(name) != edge.after.get(name) for name in names)


def load_seen(
    tx: Transaction, current: Current, record: RecordKind, ids: Iterable[str]
) -> dict[str, Seen]:
    """Records as triggers look at them, by id; those that are gone are left out."""
    if record == "lead":
        return {lead: Seen(facts) for lead, facts in load_facts(tx, current, ids).items()}
    found = load_deals(tx, current, ids)
    contacts = load_facts(tx, current, {str(deal["lead"]) for deal in found.values()})
    return {
        id: Seen(contacts[str(deal["lead"])], deal)
        for id, deal in found.items()
        if str(deal["lead"]) in contacts
    }


def touched(tx: Transaction, current: Current, leads: Iterable[str], name: str) -> None:
    """The same for a field that is moved on for many leads without a look at them."""
    watching = [
        one for one in all_dated(current)
        if one.plan.record == "lead" and f"lead.{name}" in one.names
    ]  # fmt: skip
    if watching:
        seen = load_seen(tx, current, "lead", leads)
        arm(tx, current, [(one, lead, each) for one in watching for lead, each in seen.items()])


def arm(tx: Transaction, current: Current, wanted: Sequence[tuple[Dated, str, Seen]]) -> None:
    """Sets the moments of records; what is due and still true is left to be fired.

    A moment that has passed when the record comes to have it does not fire.
    """
    if not wanted:
        return
    known = known_moments(tx, wanted)
    gone, rows = [], []
    for one, record, seen in wanted:
        key = (one.plan.playbook, one.name, record)
        there = known.get(key)
        is_due = there is not None and there <= tx.now
        if is_due and there is not None and one.holds_at(current, seen, there, tx.now):
            continue
        at = one.at(current, seen, after=tx.now, now=tx.now)
        if at is None or at <= tx.now:
            gone += [key] if there is not None else []
        elif at != there:
            rows.append({"playbook": key[0], "trigger": key[1], "record": record, "at": at})
    forget(tx, gone)
    put(tx, rows)


def known_moments(
    tx: Transaction, wanted: Sequence[tuple[Dated, str, Seen]]
) -> dict[Key, datetime]:
    """The moments that these records have."""
    found: dict[Key, datetime] = {}
    by_trigger: dict[tuple[str, TriggerName], list[str]] = {}
    for one, record, _ in wanted:
        by_trigger.setdefault((one.plan.playbook, one.name), []).append(record)
    for (playbook, trigger), records in by_trigger.items():
        mine = sa.and_(table.c.playbook == playbook, table.c.trigger == trigger)
        query = sa.select(table.c.record, table.c.at).where(mine, table.c.record.in_(records))
        found |= {(playbook, trigger, record): at for record, at in tx.conn.execute(query)}
    return found


def put(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes moments, and wakes the driver when one comes before it would look."""
    if not rows:
        return
    upsert(tx, table, rows, keys=["playbook", "trigger", "record"], update=["at"])
    if min(row["at"] for row in rows) < tx.now + LONGEST_REST:
        tx.nudges.add(SCHEDULES)


_forget = sa.delete(table).where(
    table.c.playbook == sa.bindparam("b_playbook"),
    table.c.trigger == sa.bindparam("b_trigger"),
    table.c.record == sa.bindparam("b_record"),
)


def forget(tx: Transaction, keys: Sequence[Key]) -> None:
    """Takes moments away."""
    if keys:
        names = ("b_playbook", "b_trigger", "b_record")
        tx.conn.execute(_forget, [dict(zip(names, key, strict=True)) for key in keys])


def forget_record(tx: Transaction, current: Current, record: str) -> None:
    """Takes away every moment of a record that is gone."""
    forget(tx, [(one.plan.playbook, one.name, record) for one in all_dated(current)])
