"""Taking a person out of the rows of a lead, a page at a time: what erasing writes.

Rows that sums count stay, without a word of the person and under the lead's new id; the others go.
Every function works off one page and answers how many rows that was: fewer than asked for, and the
table is done. Begun again it finds what is left.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from engine.ids import new_id
from engine.runtime.traces import Traces
from engine.store import enrollments, events, forgotten, jobs, leads, quick, tasks
from engine.store.bulk_tables import BulkEnrollment
from engine.store.database import Transaction
from engine.store.holdings import Holding
from engine.store.lead_writing import change_table

bulk_table: sa.Table = BulkEnrollment.__table__  # type: ignore[attr-defined]

_LANDED = ("id", "kind", "address", "params", "batch", "state")
_NAME = re.compile(r"[A-Za-z0-9_./@-]{1,80}\Z")
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
_OURS = ("email.", "lead.", "deal.", "order.")
_NAMES_OF_OURS = ("step", "template", "playbook", "kind", "stage", "previous", "pipeline")


_renamed = (
    sa.update(events.table)
    .where(events.table.c.id == sa.bindparam("b_id"))
    .values(
        id=sa.bindparam("n_id"), lead=sa.bindparam("n_lead"),
        properties=sa.bindparam("n_properties", type_=events.table.c.properties.type),
    )
)  # fmt: skip


def by_rule(tx: Transaction, one: Holding, former: str, id: str, limit: int) -> int:
    """A page of a table without a rule of its own: emptied, or removed."""
    keys = [column.name for column in one.rows.primary_key]
    columns = [one.rows.c[name] for name in keys]
    which = sa.or_(*(one.rows.c[name] == former for name in one.names))
    rows = tx.conn.execute(sa.select(*columns).where(which).limit(limit)).all()
    if not rows:
        return 0
    these = sa.and_(*(one.rows.c[name] == sa.bindparam(f"b_{name}") for name in keys))
    given = [{f"b_{name}": value for name, value in zip(keys, row, strict=True)} for row in rows]
    if one.erase == "removed":
        tx.conn.execute(sa.delete(one.rows).where(these), given)
    else:
        values = {**one.empties, **dict.fromkeys(one.names, id)}
        tx.conn.execute(sa.update(one.rows).where(these).values(values), given)
    return len(rows)


def changes(tx: Transaction, former: str, id: str, limit: int) -> int:
    """The history: only the moves between stages stay."""
    query = sa.select(change_table.c.id, change_table.c.field)
    rows = tx.conn.execute(query.where(change_table.c.lead == former).limit(limit)).all()
    stay = [row.id for row in rows if row.field == "stage"]
    go = [row.id for row in rows if row.field != "stage"]
    which = change_table.c.id
    tx.conn.execute(sa.update(change_table).where(which.in_(stay)).values(lead=id, reason=""))
    tx.conn.execute(sa.delete(change_table).where(which.in_(go)))
    return len(rows)


def events_of(tx: Transaction, former: str, id: str, limit: int) -> int:
    """What happened, and when, stays for the sums; under another id, with our own words only."""
    table = events.table
    query = sa.select(table.c.id, table.c.name, table.c.properties)
    rows = tx.conn.execute(query.where(table.c.lead == former).limit(limit)).all()
    given = [
        {
            "b_id": row.id, "n_id": new_id(), "n_lead": id,
            "n_properties": _ours(row.name, row.properties or {}),
        }
        for row in rows
    ]  # fmt: skip
    quick.run(tx, _renamed, given)
    return len(rows)


def late_events(tx: Transaction, id: str, since: datetime) -> None:
    """What was told of the lead while it was being erased: answers to mails in flight."""
    table = events.table
    query = sa.select(table.c.id, table.c.name, table.c.properties)
    late = sa.and_(table.c.lead == id, table.c.accepted_at >= since)
    for row in tx.conn.execute(query.where(late)).all():
        values = {"properties": _ours(row.name, row.properties or {})}
        tx.conn.execute(sa.update(table).where(table.c.id == row.id).values(values))


def bulk_rows(tx: Transaction, traces: Traces) -> None:
    """Bulk enrollments whose condition or event names the person; one under way is over."""
    query = sa.select(bulk_table)
    for row in tx.conn.execute(query).mappings().all():
        texts = [row[name] for name in ("condition", "properties", "key", "cause", "reason")]
        if not traces.are_in(texts):
            continue
        values: dict[str, Any] = {
            "condition": "", "properties": {}, "key": None, "cause": f"erased {row['id']}",
            "reason": "erased",
        }  # fmt: skip
        if row["ended_at"] is None:
            values |= {"state": "cancelled", "ended_at": tx.now}
        tx.conn.execute(sa.update(bulk_table).where(bulk_table.c.id == row["id"]).values(values))


def _ours(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Of an event's properties what we wrote ourselves, and what it was worth."""
    if not name.startswith(_OURS):
        return {}
    kept = {key: properties.get(key) for key in _NAMES_OF_OURS}
    found: dict[str, Any] = {
        key: value for key, value in kept.items()
        if name.startswith(("email.", "lead.", "deal."))
        and isinstance(value, str) and _NAME.match(value) and "@" not in value
    }  # fmt: skip
    amount, currency = properties.get("amount"), properties.get("currency")
    if isinstance(amount, int | float):
        found["amount"] = amount
    if isinstance(currency, str) and _CURRENCY.match(currency):
        found["currency"] = currency
    return found


def runs(tx: Transaction, former: str, id: str, limit: int) -> int:
    """Enrollments, with what they did and without why, and what they were told."""
    table = enrollments.table
    which = sa.or_(table.c.lead == former, table.c.record == former)
    rows = tx.conn.execute(sa.select(table.c.id, table.c.record).where(which).limit(limit)).all()
    ids = [row.id for row in rows]
    awaited, log = enrollments.awaited_table, enrollments.log_table
    tx.conn.execute(sa.delete(awaited).where(awaited.c.enrollment.in_(ids)))
    tx.conn.execute(sa.update(log).where(log.c.enrollment.in_(ids)).values(why=""))
    nothing: dict[str, Any] = {"lead": id, "key": "", "event": None, "memory": {}}
    for row in rows:
        values = {**nothing, "cause": f"erased {row.id}", "reason": "erased"}
        if row.record == former:
            values["record"] = id
        tx.conn.execute(sa.update(table).where(table.c.id == row.id).values(values))
    return len(rows)


def messages(tx: Transaction, one: Holding, former: str, id: str, limit: int) -> int:
    """The ledger without addresses and texts; what is in flight stays until it has landed."""
    table = jobs.table
    _give_up_dead(tx, former)
    query = sa.select(*(table.c[name] for name in _LANDED))
    query = query.where(table.c.lead == former, table.c.state != "in_flight").limit(limit)
    rows = tx.conn.execute(query).all()
    # One in flight until now may have bounced, or gone to an address that nothing else tells of.
    forgotten.forget(tx, {row.address for row in rows if row.kind == "email" and row.address})
    waiting = ("queued", "deferred")
    for row in rows:
        params = {name: row.params[name] for name in ("digest", "pc") if name in row.params}
        values: dict[str, Any] = {**one.empties, "lead": id, "params": params}
        if row.state in waiting:
            values |= {"state": "skipped", "ended_at": tx.now, "not_before": None}
        tx.conn.execute(sa.update(table).where(table.c.id == row.id).values(values))
    for batch in sorted({row.batch for row in rows if row.state in waiting and row.batch}):
        jobs.settle_batch(tx, batch)
    return len(rows)


def in_flight(tx: Transaction, former: str) -> int:
    """How many of the lead's messages are on their way this moment."""
    which = (jobs.table.c.lead == former, jobs.table.c.state == "in_flight")
    query = sa.select(sa.func.count()).select_from(jobs.table).where(*which)
    return int(tx.conn.execute(query).scalar_one())


def _give_up_dead(tx: Transaction, former: str) -> None:
    """A message whose sender died is in doubt, and nobody will ask about it any more."""
    table = jobs.table
    dead = sa.and_(
        table.c.lead == former, table.c.state == "in_flight", table.c.lease_until <= tx.now
    )
    batches = set(tx.conn.execute(sa.select(table.c.batch).where(dead)).scalars())
    tx.conn.execute(sa.update(table).where(dead).values(state="in_doubt", ended_at=tx.now))
    for batch in sorted(filter(None, batches)):
        jobs.settle_batch(tx, batch)


def open_tasks(tx: Transaction, one: Holding, former: str, id: str, limit: int) -> int:
    """Tasks: nobody works on an erased lead, so that open ones are over."""
    table = tasks.table
    query = sa.select(table.c.id, table.c.state).where(table.c.lead == former).limit(limit)
    rows = tx.conn.execute(query).all()
    was_open = [row.id for row in rows if row.state == "open"]
    over = sa.update(table).where(table.c.id.in_(was_open))
    tx.conn.execute(over.values(state="done", ended_at=tx.now))
    every = sa.update(table).where(table.c.id.in_([row.id for row in rows]))
    tx.conn.execute(every.values({**one.empties, "lead": id}))
    return len(rows)


def step_over(tx: Transaction, former: str) -> None:
    """Looks that have come exactly as far as the lead go on from the one before it."""
    before = sa.select(sa.func.max(leads.table.c.id)).where(leads.table.c.id < former)
    for table in SQLModel.metadata.tables.values():
        if "cursor" not in table.c:
            continue
        here = sa.update(table).where(table.c.cursor == former)
        tx.conn.execute(here.values(cursor=sa.func.coalesce(before.scalar_subquery(), "")))
