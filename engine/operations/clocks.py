"""Cron and one-time triggers: rows that say when each fires next and how far it has come.

A firing goes through the leads in pages, one transaction each; the page's end is in the row, so
that a crash repeats nothing: the cause of an enrollment names the trigger and its moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.operations import published
from engine.operations.published import Current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_facts, load_histories, scope_of
from engine.playbook.conditions import condition
from engine.playbook.cron import parse_cron
from engine.playbook.moments import parse_moment
from engine.playbook.plan import Plan, Trigger
from engine.playbook.values import Value
from engine.runtime import civil
from engine.runtime.cron import next_fire
from engine.store import leads
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_new
from engine.store.tables import TriggerClock

table: sa.Table = TriggerClock.__table__  # type: ignore[attr-defined]
PAGE = 500
SCHEDULES = "longplay-schedules"
"""Nudged like a cohort: the id of the driver that looks at the clocks."""


@dataclass(frozen=True, slots=True)
class Fired:
    """What a look at the clocks did: whether more is due, else seconds until it is."""

    entered: int
    more: bool
    wake_in: float | None


def wind(tx: Transaction) -> None:
    """Sets the clocks of the current plans, and stops those of plans that are not current."""
    current = published.current(tx)
    tx.conn.execute(
        sa.update(table)
        .where(table.c.digest.not_in(list(current.digests.values())))
        .values(next_at=None, firing_at=None)
    )
    rows = [
        {
            "digest": plan.digest, "position": position, "playbook": plan.playbook,
            "next_at": _next(current, trigger, tx.now), "firing_at": None, "cursor": "",
        }
        for plan in current.plans.values()
        for position, trigger in enumerate(plan.enroll.triggers)
        if trigger.kind in {"cron", "at"}
    ]  # fmt: skip
    insert_new(tx, table, rows, key="digest")
    for row in rows:
        # A version that is current again was stopped above, when another one took its place.
        same = sa.and_(table.c.digest == row["digest"], table.c.position == row["position"])
        tx.conn.execute(
            sa.update(table).where(same, table.c.next_at.is_(None)).values(next_at=row["next_at"])
        )
    if rows:
        tx.nudges.add(SCHEDULES)


def fire_due(store: Store) -> Fired:
    """Works off one page of the clock that has been due longest."""
    return store.write(_fire)


def overdue(tx: Transaction, before: datetime) -> bool:
    """Whether a clock has been due since before `before`."""
    query = sa.select(table.c.digest).where(table.c.next_at < before).limit(1)
    return tx.conn.execute(query).first() is not None


def _fire(tx: Transaction) -> Fired:
    query = sa.select(table).where(table.c.next_at <= tx.now).order_by(table.c.next_at).limit(1)
    if tx.is_postgres:
        query = query.with_for_update()
    row = tx.conn.execute(query).mappings().first()
    entered = _page(tx, row) if row is not None else 0
    soonest = tx.conn.execute(
        sa.select(sa.func.min(table.c.next_at)).where(table.c.next_at.is_not(None))
    ).scalar()
    wake_in = None if soonest is None else max(0.0, (soonest - tx.now).total_seconds())
    return Fired(entered, wake_in == 0.0, wake_in)


def _page(tx: Transaction, row: sa.RowMapping) -> int:
    current = published.current(tx)
    plan = published.plan(tx, row["digest"])
    trigger = plan.enroll.triggers[row["position"]]
    firing_at = row["firing_at"] or row["next_at"]
    ids = _ids_after(tx, row["cursor"])
    leads.lock(tx, ids)
    facts = load_facts(tx, current, ids)
    histories = load_histories(tx, ids, plan.history) if plan.history else {}
    reactor = Reactor(tx, current, facts, histories)
    cause = f"{trigger.kind}:{row['position']}:{firing_at.isoformat()}"
    wishes = [
        Wish(lead, plan.playbook, cause, why=f"{trigger.kind} {firing_at.isoformat()}", lane="bulk")
        for lead in facts
        if _holds(current, trigger, facts[lead], tx.now, histories.get(lead))
    ]
    reaction = reactor.enroll(wishes) if plan.playbook in current.plans else reactor.reaction
    _turn(tx, row, current, plan, firing_at, ids)
    return len(reaction.entered)


def _turn(
    tx: Transaction,
    row: sa.RowMapping,
    current: Current,
    plan: Plan,
    firing_at: datetime,
    ids: Sequence[str],
) -> None:
    trigger = plan.enroll.triggers[row["position"]]
    values: dict[str, Any]
    if len(ids) == PAGE:
        values = {"firing_at": firing_at, "cursor": ids[-1]}
    else:
        # Firings missed while nobody was there are one firing, not a flood.
        values = {"firing_at": None, "cursor": "", "next_at": _next(current, trigger, tx.now)}
        if trigger.kind == "at":
            values["next_at"] = None
    clock = sa.and_(table.c.digest == row["digest"], table.c.position == row["position"])
    tx.conn.execute(sa.update(table).where(clock).values(values))


def _holds(
    current: Current, trigger: Trigger, lead: dict[str, Value], now: datetime, history: Any
) -> bool:
    if not trigger.cond:
        return True
    return condition(trigger.cond).truth(scope_of(current, lead, now=now, history=history))


def _ids_after(tx: Transaction, cursor: str) -> list[str]:
    lead = leads.table
    query = sa.select(lead.c.id).where(lead.c.id > cursor).order_by(lead.c.id).limit(PAGE)
    return list(tx.conn.execute(query).scalars())


def _next(current: Current, trigger: Trigger, now: datetime) -> datetime | None:
    zone = current.zone_or(trigger.timezone if trigger.timezone != "lead" else "")
    if trigger.kind == "cron":
        return next_fire(parse_cron(trigger.cron), now, zone)
    at = civil.next_moment(parse_moment(trigger.moment), now, zone, lambda _name: None)
    return at if at is not None and at > now else None
