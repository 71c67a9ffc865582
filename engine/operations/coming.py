"""The coming moments of records: one row per (playbook, trigger, record) of a `date` trigger.

They are kept in the transaction that changes the record, whose lock the caller holds; filled in
pages when a playbook is applied (`clocks`), and fired in pages when they are due (`firing`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.operations.published import Current
from engine.operations.scopes import load_facts, scope_of
from engine.playbook.durations import Duration
from engine.playbook.moments import FieldMoment
from engine.playbook.plan import Plan, Trigger
from engine.playbook.values import Value
from engine.runtime.coming import TriggerName, field_of_date, moment_of, timed_triggers
from engine.runtime.interpreter import field_of
from engine.runtime.matching import Edge
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


@dataclass(frozen=True)
class Dated:
    """A `date` trigger of a plan.

    Attributes:
        names: the fields of the record that its moments follow.
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
        self, current: Current, facts: Facts, *, after: datetime, now: datetime
    ) -> datetime | None:
        """The record's moment; of a yearly one the first later than `after`."""
        scope = scope_of(current, facts, now=now)
        calendar = current.calendar(self.plan.calendar, scope) if self.is_business else None
        zone = zone_of(current, self.trigger, facts)
        return moment_of(self.trigger, after, zone, lambda name: field_of(scope, name), calendar)

    def holds_at(self, current: Current, facts: Facts, at: datetime, now: datetime) -> bool:
        """Whether `at` is still a moment of this record."""
        return self.at(current, facts, after=at - _INSTANT, now=now) == at

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
    names = {moment.field.rpartition(".")[2], "timezone"}
    if (moment.offset or Duration()).is_business and plan.calendar == "owner":
        names.add("owner")
    return frozenset(names)


@lru_cache(maxsize=8)
def all_dated(current: Current) -> tuple[Dated, ...]:
    """The `date` triggers of every current plan."""
    return tuple(one for plan in current.plans.values() for one in dated_of(plan))


def basis_of(current: Current, one: Dated) -> str:
    """What moments are worked out by; when it changes, they are all worked out anew."""
    workspace = current.workspace
    kind = workspace.fields.lead.get(one.moment.field.rpartition(".")[2])
    calendars = {name: each.model_dump(mode="json") for name, each in workspace.calendars.items()}
    parts: list[object] = [workspace.timezone, str(kind)]
    parts += [calendars, one.plan.calendar, workspace.calendar] if one.is_business else []
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def follow(tx: Transaction, current: Current, edges: Mapping[str, Edge]) -> None:
    """Moves the moments of leads along with the fields that changed.

    Args:
        tx: the transaction that changed them; it holds their locks.
        current: what is published.
        edges: lead → its change.
    """
    moved = [
        (one, lead, edge.after)
        for one in all_dated(current)
        for lead, edge in edges.items()
        if edge.before is None or _moves(one, edge.before, edge.after)
    ]
    arm(tx, current, moved)


def _moves(one: Dated, before: Facts, after: Facts) -> bool:
    return any(before.get(name) != after.get(name) for name in one.names)


def touched(tx: Transaction, current: Current, leads: Iterable[str], name: str) -> None:
    """The same for a field that is moved on for many leads without a look at them."""
    watching = [one for one in all_dated(current) if name in one.names]
    if watching:
        facts = load_facts(tx, current, leads)
        arm(tx, current, [(one, lead, each) for one in watching for lead, each in facts.items()])


def arm(tx: Transaction, current: Current, wanted: Sequence[tuple[Dated, str, Facts]]) -> None:
    """Sets the moments of records; what is due and still true is left to be fired.

    A moment that has passed when the record comes to have it does not fire.
    """
    if not wanted:
        return
    known = known_moments(tx, wanted)
    gone, rows = [], []
    for one, record, facts in wanted:
        key = (one.plan.playbook, one.name, record)
        there = known.get(key)
        is_due = there is not None and there <= tx.now
        if is_due and there is not None and one.holds_at(current, facts, there, tx.now):
            continue
        at = one.at(current, facts, after=tx.now, now=tx.now)
        if at is None or at <= tx.now:
            gone += [key] if there is not None else []
        elif at != there:
            rows.append({"playbook": key[0], "trigger": key[1], "record": record, "at": at})
    forget(tx, gone)
    put(tx, rows)


def known_moments(
    tx: Transaction, wanted: Sequence[tuple[Dated, str, Facts]]
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
