"""What the store knows of escalations: their lines in the inbox, and the record of every act."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import derived_id
from engine.runtime.position import ON_CLIMB
from engine.store import enrollments, tasks
from engine.store.database import Transaction
from engine.store.escalation_tables import EscalationAct
from engine.store.inserting import insert_new, upsert
from engine.store.tables import Assignment

table: sa.Table = EscalationAct.__table__  # type: ignore[attr-defined]

KIND = "escalation"
"""What the inbox calls them."""

_SHOWN = ("subject", "text", "owner", "level", "due_at", "state", "snoozed_until", "ended_at",
          "result", "ended_by")  # fmt: skip


def task_id(enrollment: str, round: int) -> str:
    """The line in the inbox of one round of a watch: a later level takes the place of the one
    before."""
    return derived_id(KIND, enrollment, round)


def show(tx: Transaction, lines: Sequence[Mapping[str, Any]]) -> None:
    """Puts escalations into the inbox, each a row of the task table; one that is there is renewed.

    Those of earlier rounds are closed: nobody need answer them any more.
    """
    if not lines:
        return
    close(tx, [line["enrollment"] for line in lines], result="another round", but=lines)
    upsert(tx, tasks.table, lines, keys=["id"], update=_SHOWN)


def close(
    tx: Transaction,
    runs: Iterable[str],
    *,
    result: str,
    by: str = "",
    but: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Closes what the inbox shows of these watches."""
    ids = sorted(set(runs))
    if not ids:
        return
    task = tasks.table
    mine = sa.and_(task.c.enrollment.in_(ids), task.c.kind == KIND, task.c.state == "open")
    if but:
        mine = sa.and_(mine, task.c.id.not_in([line["id"] for line in but]))
    ended = {"state": "done", "result": result, "ended_by": by, "ended_at": tx.now}
    tx.conn.execute(sa.update(task).where(mine).values(ended))


def open_task(tx: Transaction, enrollment: str) -> Mapping[Any, Any] | None:
    """What the inbox shows of a watch; None: no level has fired in this round."""
    task = tasks.table
    mine = sa.and_(task.c.enrollment == enrollment, task.c.kind == KIND, task.c.state == "open")
    return tx.conn.execute(sa.select(task).where(mine)).mappings().first()


def say(tx: Transaction, task: str, values: Mapping[str, Any]) -> None:
    """Changes what the inbox shows of one."""
    tx.conn.execute(sa.update(tasks.table).where(tasks.table.c.id == task).values(**values))


def record(tx: Transaction, acts: Sequence[Mapping[str, Any]]) -> None:
    """Keeps what happened; a line that is there already is left as it is."""
    insert_new(tx, table, acts)


def acts_of(
    tx: Transaction, *, runs: Sequence[str] = (), lead: str = "", deal: str = ""
) -> Sequence[sa.RowMapping]:
    """What happened on these watches, or on every one of a lead or a deal, in order."""
    query = sa.select(table)
    if runs:
        query = query.where(table.c.enrollment.in_(list(runs)))
    if lead:
        query = query.where(table.c.lead == lead)
    if deal:
        query = query.where(table.c.deal == deal)
    ordered = query.order_by(table.c.at, table.c.position)
    return tx.conn.execute(ordered).mappings().all()


def last_watched(tx: Transaction, playbook: str, records: Sequence[str]) -> dict[str, datetime]:
    """When the last watch of each of these records began; never: it is absent."""
    run = enrollments.table
    query = (
        sa.select(run.c.record, sa.func.max(run.c.entered_at))
        .where(run.c.playbook == playbook, run.c.record.in_(list(records)))
        .group_by(run.c.record)
    )
    return {row[0]: row[1] for row in tx.conn.execute(query)}


def owned_since(
    tx: Transaction, owners: Mapping[str, str], *, of_deals: bool
) -> dict[str, datetime]:
    """Since when each record has had the owner it has, as far as that is on record."""
    given: sa.Table = Assignment.__table__  # type: ignore[attr-defined]
    record = given.c.deal if of_deals else given.c.lead
    mine = sa.and_(record.in_(list(owners)), given.c.owner != "")
    if not of_deals:
        mine = sa.and_(mine, given.c.deal.is_(None))
    query = sa.select(record, given.c.owner, sa.func.max(given.c.at)).where(mine)
    rows = tx.conn.execute(query.group_by(record, given.c.owner))
    return {row[0]: row[2] for row in rows if owners[row[0]] == row[1]}


def wake_page(tx: Transaction, playbook: str, after: str, most: int) -> str | None:
    """Has the next watches behind `after` look at their clocks; the last of them, None at the end.

    Those in the midst of a level's steps, or held, look when they come back to it.
    """
    run = enrollments.table
    rests = sa.and_(run.c.blocked_on == ON_CLIMB, run.c.state == "waiting")
    query = (
        sa.select(run.c.id, run.c.cohort)
        .where(run.c.playbook == playbook, run.c.id > after, rests)
        .order_by(run.c.id)
        .limit(most)
    )
    rows = tx.conn.execute(query).all()
    enrollments.wake(tx, [row.id for row in rows])
    tx.nudges.update(row.cohort for row in rows)
    return rows[-1].id if len(rows) == most else None
