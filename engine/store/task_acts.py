"""Who did what with the entries of the inbox, and when."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import new_id
from engine.store.database import Transaction
from engine.store.escalation_tables import EscalationAct
from engine.store.notice_tables import TaskAct
from engine.store.tables import Task

table: sa.Table = TaskAct.__table__  # type: ignore[attr-defined]
_escalated: sa.Table = EscalationAct.__table__  # type: ignore[attr-defined]
_tasks: sa.Table = Task.__table__  # type: ignore[attr-defined]

_BY_THE_CLOCK = ("fired", "passed")


def record(
    tx: Transaction,
    task: str,
    did: str,
    *,
    by: str = "",
    way: str = "",
    detail: str = "",
    until_at: datetime | None = None,
) -> None:
    """Keeps what somebody did."""
    row = {
        "id": new_id(), "task": task, "at": tx.now, "did": did, "by": by, "way": way,
        "detail": detail, "until_at": until_at,
    }  # fmt: skip
    tx.conn.execute(sa.insert(table), row)


def of_tasks(tx: Transaction, ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """What was done with these entries, the latest first; with escalations, what people did."""
    wanted = list(ids)
    if not wanted:
        return {}
    own = sa.select(
        table.c.task, table.c.at, table.c.did, table.c.by, table.c.way, table.c.detail,
        table.c.until_at, table.c.id,
    ).where(table.c.task.in_(wanted))  # fmt: skip
    act = _escalated.c
    rose = (
        sa.select(
            _tasks.c.id.label("task"), act.at, act.act.label("did"), act.by,
            sa.literal("").label("way"), act.reason.label("detail"),
            act.until.label("until_at"), act.id,
        )
        .join(_escalated, act.enrollment == _tasks.c.enrollment)
        .where(
            _tasks.c.id.in_(wanted), _tasks.c.kind == "escalation",
            act.act.not_in(_BY_THE_CLOCK), act.at >= _tasks.c.created_at,
        )
    )  # fmt: skip
    found: dict[str, list[dict[str, Any]]] = {}
    rows = [dict(row) for one in (own, rose) for row in tx.conn.execute(one).mappings()]
    for row in sorted(rows, key=lambda row: (row["at"], row["id"]), reverse=True):
        found.setdefault(row.pop("task"), []).append(row)
    return found
