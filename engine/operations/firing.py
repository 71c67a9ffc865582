"""Firing what the clock has made due: a page of leads or of moments, one transaction each.

How far a firing has come is in its row, and the cause of an enrollment names the trigger and its
moment: a crash between pages, or a second worker, neither repeats nor leaves out anybody. A page
that fails is halved until the culprit stands alone, and is passed over.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import TryAgainError
from engine.operations import (
    clocks,
    coming,
    erasing,
    published,
    rescoring,
    retention,
    score_sweep,
    segment_looks,
    timed_segments,
    watching,
)
from engine.operations.clocks import LATE, LOOK_EVERY, LOOKS, this, zone_of_clock
from engine.operations.coming import Dated, Seen, dated_of, load_seen
from engine.operations.published import Current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_histories, scope_of
from engine.operations.selecting import Selection
from engine.operations.watching import lock_records
from engine.playbook.conditions import condition
from engine.playbook.plan import Plan, Trigger
from engine.runtime.coming import next_of_clock, shown_in
from engine.store import deals, leads
from engine.store.database import Store, Transaction, is_away

PAGE = 500
FEW = 20
"""Records whose moments come together and are served like a lone trial; more are a batch."""

_CLEARED = 5_000

_log = logging.getLogger(__name__)

LOOKS[timed_segments.LOOK] = segment_looks.look
LOOKS[retention.LOOK] = retention.look
LOOKS[erasing.LOOK] = erasing.look


@dataclass(frozen=True, slots=True)
class Fired:
    """What a look at the clocks did: whether more is due, else seconds until it is."""

    entered: int
    more: bool
    wake_in: float | None


@dataclass(frozen=True, slots=True)
class _Limit:
    """How much a page takes; `skips` when it is one that fails alone, and is passed over."""

    size: int = PAGE
    skips: bool = False


_Page: TypeAlias = Callable[[Transaction, _Limit], int | None]
"""Works off a page; answers who entered, or None when nothing was due."""


def fire_due(store: Store) -> Fired:
    """Works off a page of the clock that has waited longest for its turn, and one of moments."""
    done = [_bounded(store, page) for page in (_serve_clock, _sweep_moments, _rescore)]
    entered = sum(one or 0 for one in done)
    swept = score_sweep.sweep(store)
    done.append(swept.looked or None)
    wake_in = store.read(_wake_in)
    # Due, and yet nothing done: somebody else is at it. A rest is better than a race.
    more = wake_in == 0.0 and any(one is not None for one in done)
    return Fired(entered, more, wake_in)


def _bounded(store: Store, page: _Page) -> int | None:
    limit = _Limit()
    while True:
        try:
            return store.write(partial(_taken, page, limit))
        except TryAgainError:
            raise
        except Exception as error:
            if limit.skips or (isinstance(error, SQLAlchemyError) and is_away(error)):
                raise
            _log.exception("a page of %s due by the clock failed", limit.size)
            limit = replace(limit, size=limit.size // 2) if limit.size > 1 else _Limit(1, True)


def _taken(page: _Page, limit: _Limit, tx: Transaction) -> int | None:
    return page(tx, limit)


def _wake_in(tx: Transaction) -> float | None:
    clock, moment = clocks.table, coming.table
    due = tx.conn.execute(sa.select(sa.func.min(clock.c.next_at))).scalar()
    soonest = tx.conn.execute(sa.select(sa.func.min(moment.c.at))).scalar()
    found = [at for at in (due, soonest, score_sweep.soonest(tx)) if at is not None]
    if rescoring.pending(tx):
        return 0.0
    if found or tx.conn.execute(sa.select(clock.c.playbook).limit(1)).first() is not None:
        found.append(tx.now + coming.LONGEST_REST)
    return max(0.0, (min(found) - tx.now).total_seconds()) if found else None


def _rescore(tx: Transaction, limit: _Limit) -> int | None:
    """One page of a score whose rules changed. A lead that cannot be worked out is passed over."""
    return None if rescoring.work_page(tx, limit.size, skips=limit.skips) is None else 0


def _serve_clock(tx: Transaction, limit: _Limit) -> int | None:
    table = clocks.table
    query = (
        sa.select(table)
        .where(table.c.next_at <= tx.now)
        .order_by(table.c.served_at.asc().nulls_first(), table.c.next_at)
        .limit(1)
    )
    if tx.is_postgres:
        query = query.with_for_update(skip_locked=True)
    row = tx.conn.execute(query).mappings().first()
    if row is None:
        return None
    tx.conn.execute(sa.update(table).where(this(row)).values(served_at=tx.now))
    match row["kind"]:
        case "look":
            return _look(tx, row, limit)
        case watching.KIND:
            return watching.work(tx, row, limit.size, skips=limit.skips)
        case "date" if row["stopped_at"] is not None:
            return _clear(tx, row)
        case "date":
            return _fill(tx, row, limit)
        case _:
            return _fire(tx, row, limit)


def _fire(tx: Transaction, row: sa.RowMapping, limit: _Limit) -> int:
    """One page of the records that a `cron` or `at` trigger selects."""
    current = published.current(tx)
    plan = published.plan(tx, row["digest"])
    trigger = plan.enroll.triggers[row["position"]]
    due = row["firing_at"] or row["next_at"]
    if plan.playbook not in current.plans or (row["firing_at"] is None and tx.now - due > LATE):
        _turn(tx, row, current, trigger, due, None)
        return 0
    ids, cursor = _selected(tx, current, row, plan, limit.size)
    entered = 0
    if not limit.skips:
        zone = zone_of_clock(current, trigger, row["zone"])
        cause = f"{row['trigger']}: {shown_in(due, zone)}"
        entered = _enroll(tx, current, plan, trigger, [(one, cause) for one in ids], due)
    _turn(tx, row, current, trigger, due, cursor)
    return entered


def _selected(
    tx: Transaction, current: Current, row: sa.RowMapping, plan: Plan, size: int
) -> tuple[Sequence[str], str | None]:
    """Records behind the cursor that may meet the trigger's `if`, and the next cursor."""
    trigger = plan.enroll.triggers[row["position"]]
    chosen = Selection(current, condition(trigger.cond) if trigger.cond else None, plan.record)
    found = chosen.stretch(tx, row["cursor"], size, also=_in_zone(row, trigger))
    return found.ids, found.cursor


def _ids_after(tx: Transaction, row: sa.RowMapping, plan: Plan, size: int) -> list[str]:
    record = deals.table if plan.record == "deal" else leads.table
    query = sa.select(record.c.id).where(record.c.id > row["cursor"])
    return list(tx.conn.execute(query.order_by(record.c.id).limit(size)).scalars())


def _in_zone(row: sa.RowMapping, trigger: Trigger) -> list[sa.ColumnElement[bool]]:
    """With `timezone: lead`, only those whose zone the clock is for."""
    if trigger.timezone != "lead":
        return []
    column, zone = leads.table.c.timezone, row["zone"]
    return [column == zone if zone else column.is_(None)]


def _turn(
    tx: Transaction,
    row: sa.RowMapping,
    current: Current,
    trigger: Trigger,
    due: datetime,
    cursor: str | None,
) -> None:
    values: dict[str, Any]
    if cursor is not None:
        values = {"firing_at": due, "cursor": cursor}
    elif row["stopped_at"] is not None:
        tx.conn.execute(sa.delete(clocks.table).where(this(row)))
        return
    else:
        # Firings missed while nobody was there are one firing, not a flood.
        zone = zone_of_clock(current, trigger, row["zone"])
        following = next_of_clock(trigger, tx.now, zone) if trigger.kind == "cron" else None
        values = {"firing_at": None, "cursor": "", "next_at": following}
    tx.conn.execute(sa.update(clocks.table).where(this(row)).values(values))


def _enroll(
    tx: Transaction,
    current: Current,
    plan: Plan,
    trigger: Trigger,
    wanted: Sequence[tuple[str, str]],
    due: datetime,
) -> int:
    """Enrolls those of (record, cause) whom the trigger's `if` holds of, by the rules of entry."""
    ids = [record for record, _ in wanted]
    lock_records(tx, plan, ids)
    seen = load_seen(tx, current, plan.record, ids)
    facts = {str(one.lead["id"]): dict(one.lead) for one in seen.values()}
    histories = load_histories(tx, sorted(facts), plan.history) if plan.history else {}
    known = {id: dict(one.deal) for id, one in seen.items() if one.deal is not None}
    reactor = Reactor(tx, current, facts, histories, known)
    wishes = [
        Wish(
            str(seen[record].lead["id"]), plan.playbook, cause,
            deal=record if plan.record == "deal" else "",
            why=f"{trigger.kind} {due.isoformat()}",
            lane="live" if trigger.kind == "date" and len(wanted) <= FEW else "bulk",
        )
        for record, cause in wanted
        if record in seen and _is_due(reactor, plan, trigger, record, seen[record])
    ]  # fmt: skip
    return len(reactor.enroll(wishes).entered)


def _is_due(reactor: Reactor, plan: Plan, trigger: Trigger, record: str, seen: Seen) -> bool:
    """Whether the trigger's `if` holds; of a record whose own moment it is, the refusal is kept."""
    if not trigger.cond:
        return True
    history = reactor.histories.get(str(seen.lead["id"]))
    scope = scope_of(
        reactor.current, seen.lead, now=reactor.tx.now, history=history, deal=seen.deal,
        record=plan.record,
    )  # fmt: skip
    holds = condition(trigger.cond).truth(scope)
    if not holds and trigger.kind == "date":
        reactor.refused.by_trigger(plan, record, trigger, scope)
    return holds


def _fill(tx: Transaction, row: sa.RowMapping, limit: _Limit) -> int:
    """One page of leads whose moments are worked out, after an apply."""
    current = published.current(tx)
    plan = published.plan(tx, row["digest"])
    one = _dated(plan, row["trigger"])
    ids = _ids_after(tx, row, plan, limit.size)
    if not limit.skips and one is not None:
        lock_records(tx, plan, ids)
        seen = load_seen(tx, current, plan.record, ids)
        coming.arm(tx, current, [(one, record, each) for record, each in seen.items()])
    filled = len(ids) < limit.size
    values = {"cursor": "" if filled else ids[-1], "next_at": None if filled else row["next_at"]}
    tx.conn.execute(sa.update(clocks.table).where(this(row)).values(values))
    return 0


def _dated(plan: Plan, name: str) -> Dated | None:
    return next((one for one in dated_of(plan) if one.name == name), None)


def _clear(tx: Transaction, row: sa.RowMapping) -> int:
    """Takes away moments of a trigger that is not said any more; those due before then fire."""
    table = coming.table
    mine = sa.and_(
        table.c.playbook == row["playbook"],
        table.c.trigger == row["trigger"],
        table.c.at > row["stopped_at"],
    )
    some = sa.select(table.c.record).where(mine).limit(_CLEARED)
    gone = tx.conn.execute(sa.delete(table).where(mine, table.c.record.in_(some))).rowcount
    if gone < _CLEARED:
        left = sa.select(table.c.record).where(
            table.c.playbook == row["playbook"], table.c.trigger == row["trigger"]
        )
        if tx.conn.execute(left.limit(1)).first() is None:
            tx.conn.execute(sa.delete(clocks.table).where(this(row)))
    return 0


def _look(tx: Transaction, row: sa.RowMapping, limit: _Limit) -> int:
    # One that fails is passed over for an hour: other clocks must not stand still because of it.
    page = None if limit.skips else LOOKS.get(row["trigger"])
    cursor = page(tx, row["cursor"]) if page is not None else None
    values = {"cursor": cursor or "", "next_at": row["next_at"]}
    if cursor is None:
        values["next_at"] = tx.now + LOOK_EVERY
    tx.conn.execute(sa.update(clocks.table).where(this(row)).values(values))
    return 0


def _sweep_moments(tx: Transaction, limit: _Limit) -> int | None:
    """One page of records whose moments have come, longest due first."""
    table = coming.table
    query = sa.select(table).where(table.c.at <= tx.now).order_by(table.c.at).limit(limit.size)
    rows = tx.conn.execute(query).mappings().all()
    if not rows:
        return None
    if limit.skips:
        coming.forget(tx, [_key(row) for row in rows])
        return 0
    # One trigger in one transaction, so that all of its leads are locked at once, in their order.
    name = (rows[0]["playbook"], rows[0]["trigger"])
    return _come(tx, name, [row for row in rows if (row["playbook"], row["trigger"]) == name])


def _come(tx: Transaction, name: tuple[str, str], rows: Sequence[sa.RowMapping]) -> int:
    """Fires the moments of one trigger that still are what they were, and works out the next."""
    table = clocks.table
    query = sa.select(table).where(table.c.playbook == name[0], table.c.trigger == name[1])
    clock = tx.conn.execute(query).mappings().first()
    plan = published.plan(tx, clock["digest"]) if clock is not None else None
    one = _dated(plan, name[1]) if plan is not None else None
    if clock is None or plan is None or one is None:
        coming.forget(tx, [_key(row) for row in rows])
        return 0
    current = published.current(tx)
    records = [row["record"] for row in rows]
    lock_records(tx, plan, records)
    seen = load_seen(tx, current, plan.record, records)
    # Who waited for these locks finds what is left.
    there = coming.known_moments(tx, [(one, record, each) for record, each in seen.items()])
    gone, moved, due = [], [], []
    for row in rows:
        record, at = row["record"], row["at"]
        if record in seen and there.get(_key(row)) != at:
            continue
        if record not in seen or (clock["stopped_at"] or at) < at:
            gone.append(_key(row))
            continue
        if one.holds_at(current, seen[record], at, tx.now) and tx.now - at <= LATE:
            zone = coming.zone_of(current, one.trigger, seen[record].lead)
            due.append((record, f"{one.name}: {shown_in(at, zone)}"))
        following = one.at(current, seen[record], after=tx.now, now=tx.now)
        if following is None or following <= tx.now or clock["stopped_at"] is not None:
            gone.append(_key(row))
        else:
            moved.append({**row, "at": following})
    coming.forget(tx, gone)
    coming.put(tx, moved)
    if not due or plan.playbook not in current.plans:
        return 0
    return _enroll(tx, current, plan, one.trigger, due, min(row["at"] for row in rows))


def _key(row: sa.RowMapping) -> coming.Key:
    return (row["playbook"], row["trigger"], row["record"])
