"""Whom escalations watch that nobody has touched: after an apply, and when time alone changes it.

A change of a record begins its watch in the change's own transaction (`reactions`); here are those
that were there before, a page at a time behind a cursor that is kept in a clock's row. A clock that
counts by a calendar which has changed is looked at again in the same way.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.operations import clocks, published
from engine.operations.coming import SCHEDULES, Seen, load_seen
from engine.operations.published import Current, playbook_table
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_histories, scope_of
from engine.operations.selecting import Selection, reads_time
from engine.playbook.conditions import condition
from engine.playbook.plan import Plan
from engine.runtime.escalating import stay_of, unwatched
from engine.store import deals, escalations, leads
from engine.store.database import Transaction
from engine.store.inserting import insert_new

KIND = "watch"
"""What the clocks call the rows here: the trigger says which of the two it is."""

BEGIN, AGAIN = "watch", "calendar"
LOOKED_AT = 2_000
"""Watches in one page that are only told to look at their clocks again."""


def wind(tx: Transaction) -> None:
    """After an apply: begins with what is watched now, and looks again where a calendar changed."""
    current = published.current(tx)
    wanted = dict(_wanted(tx, current))
    table = clocks.table
    query = sa.select(table).where(table.c.kind == KIND)
    known = {(row["playbook"], row["trigger"]): row for row in tx.conn.execute(query).mappings()}
    for key, row in known.items():
        mine = clocks.this(row)
        if key not in wanted:
            tx.conn.execute(sa.delete(table).where(mine))
        elif wanted[key] != (row["digest"], row["basis"]):
            digest, basis = wanted[key]
            values: dict[str, Any] = {"digest": digest, "basis": basis}
            if basis != row["basis"]:
                values |= {"next_at": tx.now, "cursor": ""}
            tx.conn.execute(sa.update(table).where(mine).values(values))
    fresh = [_row(tx, key, *wanted[key]) for key in wanted if key not in known]
    insert_new(tx, table, fresh, key="playbook")
    if wanted:
        tx.nudges.add(SCHEDULES)


def _row(tx: Transaction, key: tuple[str, str], digest: str, basis: str) -> dict[str, Any]:
    return {
        "playbook": key[0], "trigger": key[1], "zone": "", "kind": KIND, "digest": digest,
        "position": 0, "basis": basis, "next_at": tx.now if key[1] == BEGIN else None,
        "firing_at": None, "cursor": "", "stopped_at": None, "served_at": None,
    }  # fmt: skip


def _wanted(tx: Transaction, current: Current) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    for name, plan in current.plans.items():
        if plan.escalation is not None:
            watch = plan.escalation.watch.model_dump(mode="json")
            basis = _digest([watch, plan.record, current.workspace.segments])
            yield (name, BEGIN), (current.digests[name], basis)
    # A playbook that is taken back has watches that run on, by the calendars of today.
    query = sa.select(playbook_table.c.name, playbook_table.c.digest)
    for name, digest in tx.conn.execute(query.where(playbook_table.c.kind == "escalation")):
        yield (name, AGAIN), (digest, calendars_digest(current))


def calendars_digest(current: Current) -> str:
    """What clocks count by: calendars, zones, and which owner has which calendar."""
    workspace = current.workspace
    calendars = {name: each.model_dump(mode="json") for name, each in workspace.calendars.items()}
    owners = {name: one.calendar for name, one in workspace.owners.items()}
    return _digest([workspace.timezone, workspace.calendar, calendars, owners])


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:16]


def work(tx: Transaction, row: sa.RowMapping, size: int, *, skips: bool) -> int:
    """One page of a row; answers how many watches began.

    Args:
        size: how many records at most.
        skips: the page is a record that fails alone: it is passed over.
    """
    current = published.current(tx)
    if row["trigger"] == AGAIN:
        return _look_again(tx, row)
    plan = current.plans.get(row["playbook"])
    if plan is None or plan.escalation is None:
        tx.conn.execute(sa.delete(clocks.table).where(clocks.this(row)))
        return 0
    asked = condition(watched_condition(plan))
    also = [deals.table.c.closed == ""] if _any_open(plan) else []
    found = Selection(current, asked, plan.record).stretch(tx, row["cursor"], size, also=also)
    began = 0 if skips else _begin(tx, current, plan, found.ids)
    values: dict[str, Any] = {"cursor": found.cursor or "", "next_at": row["next_at"]}
    if found.cursor is None:
        again = tx.now + clocks.LOOK_EVERY if reads_time(current, asked) else None
        values["next_at"] = again
    tx.conn.execute(sa.update(clocks.table).where(clocks.this(row)).values(values))
    return began


def _any_open(plan: Plan) -> bool:
    assert plan.escalation is not None
    return plan.record == "deal" and not plan.escalation.watch.stages


def watched_condition(plan: Plan) -> str:
    """The condition that a record must meet to be watched, but for being open."""
    assert plan.escalation is not None
    watch, record = plan.escalation.watch, plan.record
    parts = [f"{record}.pipeline == {_quoted(watch.pipeline)}"] if watch.pipeline else []
    if watch.stages:
        parts.append(f"{record}.stage in [{', '.join(map(_quoted, watch.stages))}]")
    parts += [f"({watch.cond})"] if watch.cond else []
    return " and ".join(parts) or "true"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def lock_records(tx: Transaction, plan: Plan, ids: Sequence[str]) -> None:
    """Locks leads; of deals first their primary contacts (runtime.md, I7)."""
    if not tx.is_postgres:
        return
    if plan.record == "lead":
        leads.lock(tx, ids)
        return
    query = sa.select(deals.table.c.lead).where(deals.table.c.id.in_(ids))
    leads.lock(tx, tx.conn.execute(query).scalars())
    deals.lock(tx, ids)


def _begin(tx: Transaction, current: Current, plan: Plan, ids: Sequence[str]) -> int:
    """Begins the watches of records that are watched and have not been in this stay."""
    assert plan.escalation is not None
    lock_records(tx, plan, ids)
    seen = load_seen(tx, current, plan.record, ids)
    leads_of = {str(one.lead["id"]): dict(one.lead) for one in seen.values()}
    histories = load_histories(tx, sorted(leads_of), plan.history) if plan.history else {}
    last = escalations.last_watched(tx, plan.playbook, ids)
    owned = _owned_since(tx, plan, seen)
    wishes = []
    for record, one in seen.items():
        history = histories.get(str(one.lead["id"]))
        scope = scope_of(
            current, one.lead, now=tx.now, history=history, deal=one.deal, record=plan.record
        )
        if unwatched(plan, scope):
            continue
        stay = stay_of(plan, scope)
        if record in last and last[record] >= stay.entered_at:
            continue
        since = owned.get(record) if plan.escalation.backdate else tx.now
        wishes.append(
            Wish(
                str(one.lead["id"]), plan.playbook, f"watch:{stay.entry}",
                why="it is there already", deal=record if plan.record == "deal" else "",
                since=since,
            )
        )  # fmt: skip
    known = {id: dict(one.deal) for id, one in seen.items() if one.deal is not None}
    return len(Reactor(tx, current, leads_of, histories, known).enroll(wishes).entered)


def _owned_since(tx: Transaction, plan: Plan, seen: Mapping[str, Seen]) -> Mapping[str, datetime]:
    """Since when each record has had its owner, where the clock counts from that."""
    assert plan.escalation is not None
    if plan.escalation.starts != "assigned" or not plan.escalation.backdate:
        return {}
    owners = {
        id: str((one.lead if one.deal is None else one.deal).get("owner") or "")
        for id, one in seen.items()
    }
    return escalations.owned_since(tx, owners, of_deals=plan.record == "deal")


def _look_again(tx: Transaction, row: sa.RowMapping) -> int:
    last = escalations.wake_page(tx, row["playbook"], row["cursor"], LOOKED_AT)
    values = {"cursor": last or "", "next_at": row["next_at"] if last else None}
    tx.conn.execute(sa.update(clocks.table).where(clocks.this(row)).values(values))
    return 0
