"""What is armed to fire by the clock: a row for each `cron`, `at` and `date` trigger.

A row is named by what its trigger says, so that it outlives the versions of a playbook that say the
same: applying one neither repeats a firing nor loses what was due. `firing` does the work.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.operations import published
from engine.operations.coming import SCHEDULES, all_dated, basis_of, follow
from engine.operations.coming import table as moment_table
from engine.operations.published import Current
from engine.playbook.plan import Trigger
from engine.runtime.coming import TriggerName, next_of_clock, timed_triggers
from engine.runtime.matching import Edge
from engine.store import leads
from engine.store.clock_tables import TriggerClock
from engine.store.database import Transaction
from engine.store.inserting import insert_new

table: sa.Table = TriggerClock.__table__  # type: ignore[attr-defined]

LATE = timedelta(days=7)
"""How late a firing still happens, when nobody was there at its moment. Older ones do not."""

LOOK_EVERY = timedelta(hours=1)
"""How often what time alone can change is looked at."""

_BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_KINDS = ("cron", "at", "date")

ClockKey: TypeAlias = tuple[str, TriggerName, str]
"""Playbook, trigger, zone."""

LookPage: TypeAlias = Callable[[Transaction, str], str | None]
"""Works off one page behind a cursor (at first empty); answers the next cursor, None at the end."""

LOOKS: dict[str, LookPage] = {}
"""What is done at an hourly look, by name. A name without an entry is passed over for an hour."""


@dataclass(frozen=True, slots=True)
class _Armed:
    """A clock as the current plans want it."""

    kind: str
    digest: str
    position: int
    basis: str
    trigger: Trigger


def wind(tx: Transaction) -> None:
    """Arms the triggers of the current plans, and stops those that none of them says any more."""
    current = published.current(tx)
    wanted = dict(_wanted(tx, current))
    query = sa.select(table).where(table.c.kind.in_(_KINDS))
    known = {_key(row): row for row in tx.conn.execute(query).mappings()}
    fresh = [_fresh(current, key, one, tx.now) for key, one in wanted.items() if key not in known]
    insert_new(tx, table, fresh, key="playbook")
    for key, row in known.items():
        values = (
            _kept(current, key, row, wanted[key], tx.now)
            if key in wanted
            else _stopped(row, tx.now, retired=row["playbook"] not in current.plans)
        )
        if values is None:
            tx.conn.execute(sa.delete(table).where(this(row)))
        elif any(row[name] != value for name, value in values.items()):
            tx.conn.execute(sa.update(table).where(this(row)).values(values))
    if wanted or known:
        tx.nudges.add(SCHEDULES)


def follow_records(
    tx: Transaction,
    current: Current,
    edges: Mapping[str, Edge],
    deal_edges: Mapping[str, Edge],
) -> None:
    """What changes of records mean for clocks: moments move, zones come to be known."""
    follow(tx, current, edges, deal_edges)
    zones = {
        str(edge.after["timezone"])
        for edge in edges.values()
        if edge.after.get("timezone")
        and (edge.before is None or edge.before.get("timezone") != edge.after["timezone"])
    }
    if not zones:
        return
    rows = [
        _fresh(
            current, (plan.playbook, name, zone), _armed(current, plan.playbook, position), tx.now
        )
        for plan in current.plans.values()
        for name, position in timed_triggers(plan).items()
        if _is_by_zone(plan.enroll.triggers[position])
        for zone in sorted(zones)
    ]
    if insert_new(tx, table, rows, key="playbook"):
        tx.nudges.add(SCHEDULES)


def look_hourly(tx: Transaction, name: str) -> None:
    """Has `LOOKS[name]` called every hour, page by page, from now on; asked twice is asked once."""
    row = {
        "playbook": "", "trigger": name, "zone": "", "kind": "look", "digest": "", "position": 0,
        "basis": "", "next_at": tx.now, "firing_at": None, "cursor": "", "stopped_at": None,
        "served_at": None,
    }  # fmt: skip
    insert_new(tx, table, [row], key="trigger")
    tx.nudges.add(SCHEDULES)


def stop_looking(tx: Transaction, name: str) -> None:
    """Ends the hourly look of this name."""
    tx.conn.execute(sa.delete(table).where(table.c.kind == "look", table.c.trigger == name))


def overdue(tx: Transaction, before: datetime) -> bool:
    """Whether a clock, or a record's moment, has been due since before `before`."""
    clock = sa.select(table.c.playbook).where(table.c.next_at < before).limit(1)
    moment = sa.select(moment_table.c.record).where(moment_table.c.at < before).limit(1)
    return any(tx.conn.execute(query).first() is not None for query in (clock, moment))


def this(row: Mapping[Any, Any]) -> sa.ColumnElement[bool]:
    """The condition that means this row."""
    return sa.and_(*(table.c[name] == row[name] for name in ("playbook", "trigger", "zone")))


def zone_of_clock(current: Current, trigger: Trigger, zone: str) -> Any:
    """The zone that a clock goes by: of its leads, the one it names, or the workspace's."""
    return current.zone_or(zone if trigger.timezone == "lead" else trigger.timezone)


def _is_by_zone(trigger: Trigger) -> bool:
    return trigger.kind in {"cron", "at"} and trigger.timezone == "lead"


def _wanted(tx: Transaction, current: Current) -> Iterator[tuple[ClockKey, _Armed]]:
    zones: list[str] = []
    for plan in current.plans.values():
        for name, position in timed_triggers(plan).items():
            one = _armed(current, plan.playbook, position)
            if not _is_by_zone(one.trigger):
                yield (plan.playbook, name, ""), one
                continue
            zones = zones or zones_of_leads(tx)
            for zone in zones:
                yield (plan.playbook, name, zone), one


def zones_of_leads(tx: Transaction) -> list[str]:
    """Every zone that some lead is in; empty for those without one.

    Each is found by the index behind the one before: all leads are never looked at.
    """
    found = [""]
    column = leads.table.c.timezone
    while True:
        query = sa.select(column).where(column > found[-1]).order_by(column).limit(1)
        following = tx.conn.execute(query).scalar()
        if following is None:
            return found
        found.append(following)


def _armed(current: Current, playbook: str, position: int) -> _Armed:
    plan = current.plans[playbook]
    trigger = plan.enroll.triggers[position]
    basis = current.workspace.timezone
    if trigger.kind == "date":
        dated = {each.position: each for each in all_dated(current) if each.plan is plan}
        basis = basis_of(current, dated[position])
    return _Armed(trigger.kind, current.digests[playbook], position, basis, trigger)


def _fresh(current: Current, key: ClockKey, one: _Armed, now: datetime) -> dict[str, Any]:
    return {
        "playbook": key[0], "trigger": key[1], "zone": key[2], "kind": one.kind,
        "digest": one.digest, "position": one.position, "basis": one.basis,
        "next_at": _first(current, key, one, now), "firing_at": None, "cursor": "",
        "stopped_at": None, "served_at": None,
    }  # fmt: skip


def _first(current: Current, key: ClockKey, one: _Armed, now: datetime) -> datetime | None:
    """When there is something to do for a trigger that was not armed: moments are filled in now."""
    if one.kind == "date":
        return now
    return next_of_clock(one.trigger, now, zone_of_clock(current, one.trigger, key[2]))


def _kept(
    current: Current, key: ClockKey, row: Mapping[Any, Any], one: _Armed, now: datetime
) -> dict[str, Any]:
    """A trigger that is still said: what is due or under way goes on where it was."""
    values: dict[str, Any] = {
        "digest": one.digest, "position": one.position, "basis": one.basis, "stopped_at": None
    }  # fmt: skip
    changed = row["stopped_at"] is not None or row["basis"] != one.basis
    if not changed:
        return values
    if one.kind == "date":
        return values | {"next_at": now, "cursor": ""}
    is_due = row["next_at"] is not None and row["next_at"] <= now
    if row["firing_at"] is None and not is_due and (row["next_at"] or one.kind == "cron"):
        values["next_at"] = _first(current, key, one, now)
    return values


def _stopped(row: Mapping[Any, Any], now: datetime, *, retired: bool) -> dict[str, Any] | None:
    """A trigger that is not said any more; of one that is still said elsewhere, what is due fires.

    None: the row goes. The moments of records are cleared away page by page.
    """
    if row["kind"] == "date":
        at = _BEGINNING if retired else row["stopped_at"] or now
        return {"stopped_at": at, "next_at": now}
    is_due = row["next_at"] is not None and row["next_at"] <= now
    if retired or not (is_due or row["firing_at"] is not None):
        return None
    return {"stopped_at": row["stopped_at"] or now}


def _key(row: Mapping[Any, Any]) -> ClockKey:
    return (row["playbook"], row["trigger"], row["zone"])
