"""The inbox: tasks for people, and stopped enrollments that wait for a decision."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.runtime.position import Answer
from engine.store import quick
from engine.store.database import Transaction
from engine.store.inserting import insert_new
from engine.store.tables import Task

table: sa.Table = Task.__table__  # type: ignore[attr-defined]

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_NOBODYS = ""
_ASKING = ("stopped", "approval")
"""Kinds of tasks that an enrollment waits for, one way or the other."""

APPROVED, REJECTED = "approved", "rejected"

_answers = sa.select(table.c.id, table.c.result, table.c.ended_by, table.c.ended_at).where(
    table.c.id.in_(sa.bindparam("ids", expanding=True)),
    table.c.kind == "approval",
    table.c.result.in_((APPROVED, REJECTED)),
)


def insert(tx: Transaction, tasks: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Adds tasks, each a row of the table; one whose id is there already is left out."""
    return insert_new(tx, table, tasks)


def get(tx: Transaction, id: str) -> dict[str, Any]:
    """One task.

    Raises:
        NotFoundError: there is none with this id.
    """
    row = tx.conn.execute(sa.select(table).where(table.c.id == id)).first()
    if row is None:
        raise NotFoundError(f"no task has the id '{id}'", help="list them with: longplay inbox")
    return row._asdict()


def inbox(
    tx: Transaction,
    *,
    owner: str | None = None,
    lead: str | None = None,
    kind: str | None = None,
    snoozed: bool = False,
    after: tuple[datetime | None, str] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Open tasks, the one due first on top, those without a time last.

    Args:
        owner: whose; empty: nobody's; None: everybody's.
        lead: only those about this lead.
        kind: only those of this kind.
        snoozed: those too that somebody put off until later.
        after: (due_at, id) of the last task of the page before.
        limit: tasks in a page.
    """
    due = sa.func.coalesce(table.c.due_at, sa.literal(_NEVER, table.c.due_at.type))
    query = sa.select(table).where(table.c.state == "open")
    if owner is not None:
        query = query.where(
            table.c.owner.is_(None) if owner == _NOBODYS else table.c.owner == owner
        )
    if lead is not None:
        query = query.where(table.c.lead == lead)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    if not snoozed:
        awake = sa.or_(table.c.snoozed_until.is_(None), table.c.snoozed_until <= tx.now)
        query = query.where(awake)
    if after is not None:
        at = sa.literal(after[0] or _NEVER, table.c.due_at.type)
        query = query.where(sa.or_(due > at, sa.and_(due == at, table.c.id > after[1])))
    found = tx.conn.execute(query.order_by(due, table.c.id).limit(limit))
    return [row._asdict() for row in found]


def waiting_of(
    tx: Transaction, enrollments: Iterable[str], kinds: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """The open entries of these enrollments, by enrollment, the newest first."""
    query = sa.select(table.c.id, table.c.kind, table.c.owner, table.c.enrollment).where(
        table.c.enrollment.in_(sorted(enrollments)),
        table.c.state == "open",
        table.c.kind.in_(kinds),
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in tx.conn.execute(query.order_by(table.c.created_at.desc(), table.c.id)).mappings():
        found.setdefault(row["enrollment"], []).append(dict(row))
    return found


def done(tx: Transaction, id: str, *, result: str = "", by: str = "") -> dict[str, Any]:
    """Marks an open task as done and answers it as it is now.

    Raises:
        NotFoundError: there is no such task.
        InputError: it is not open any more.
    """
    return _change(tx, id, {"state": "done", "result": result, "ended_by": by, "ended_at": tx.now})


def answer(tx: Transaction, id: str, *, yes: bool, by: str) -> dict[str, Any]:
    """Answers an approval and gives it as it is now.

    Raises:
        NotFoundError: there is no such task.
        InputError: it has been answered, or nobody asks any more.
    """
    said = APPROVED if yes else REJECTED
    return _change(tx, id, {"state": "done", "result": said, "ended_by": by, "ended_at": tx.now})


def postpone(tx: Transaction, due_at: Mapping[str, datetime | None]) -> None:
    """Moves the times by which enrollments' open approvals must be answered, by enrollment."""
    if not due_at:
        return
    mine = sa.and_(table.c.enrollment == sa.bindparam("run"), table.c.kind == "approval")
    statement = table.update().where(mine, table.c.state == "open")
    rows = [{"run": run, "until": until} for run, until in due_at.items()]
    tx.conn.execute(statement.values(due_at=sa.bindparam("until")), rows)


def answers_of(tx: Transaction, ids: Sequence[str]) -> dict[str, Answer]:
    """What people said to these approvals, by the task's id; unanswered ones are absent."""
    return {
        row["id"]: Answer(row["result"] == APPROVED, row["ended_by"], row["ended_at"])
        for row in quick.fetch(tx, _answers, ids=ids)
    }


def snooze(tx: Transaction, id: str, until: datetime) -> dict[str, Any]:
    """Puts an open task off and answers it as it is now.

    Raises:
        NotFoundError: there is no such task.
        InputError: it is not open any more, or `until` is not in the future.
    """
    if until <= tx.now:
        raise InputError(f"'{until.isoformat()}' is past", help="name a time that is to come")
    return _change(tx, id, {"snoozed_until": until})


def give(tx: Transaction, id: str, owner: str) -> dict[str, Any]:
    """Moves an open entry into another person's inbox and answers it as it is now.

    Raises:
        NotFoundError: there is no such entry.
        InputError: it is not open any more.
    """
    return _change(tx, id, {"owner": owner})


def close_of(tx: Transaction, enrollments: Iterable[str], *, result: str) -> int:
    """Closes the open tasks that ask about enrollments which need no decision any more."""
    ids = list(enrollments)
    if not ids:
        return 0
    statement = table.update().where(
        table.c.enrollment.in_(ids),
        table.c.kind.in_(_ASKING),
        table.c.state == "open",
    )
    ended = {"state": "done", "result": result, "ended_at": tx.now}
    return tx.conn.execute(statement.values(ended)).rowcount


def _change(tx: Transaction, id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    statement = table.update().where(table.c.id == id, table.c.state == "open").values(values)
    changed = tx.conn.execute(statement).rowcount
    task = get(tx, id)
    if not changed:
        said = f": {task['result']}" if task["result"] else ""
        raise InputError(f"task '{id}' is {task['state']} already{said}")
    return task
