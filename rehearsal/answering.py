"""What a scenario decides in the place of people and of chance: answers to approvals, and arms."""

from collections.abc import Mapping

import sqlalchemy as sa

from engine.operations import published
from engine.playbook.plan import Ask
from engine.store import enrollments, tasks
from engine.store.database import Transaction

_open_approvals = sa.select(tasks.table.c.id, tasks.table.c.enrollment).where(
    tasks.table.c.kind == "approval", tasks.table.c.state == "open"
)


def asked_of(tx: Transaction, answers: Mapping[str, bool]) -> list[tuple[str, str, bool]]:
    """The open approvals that `answers` (step → yes) answers: task, step, and whether it is yes."""
    found = []
    for task, enrollment in tx.conn.execute(_open_approvals):
        run = enrollments.by_id(tx, enrollment)
        if run is None:
            continue
        op = published.plan(tx, run["digest"]).ops[run["pc"]]
        if isinstance(op, Ask) and op.step in answers:
            found.append((task, op.step, answers[op.step]))
    return found


def give_arms(tx: Transaction, playbook: str, arms: Mapping[str, str]) -> None:
    """Lets runs that have not begun keep these arms (split → arm)."""
    table = enrollments.table
    query = sa.select(table.c.id, table.c.memory).where(
        table.c.playbook == playbook, table.c.seq == 0, table.c.state == "pending"
    )
    for run, memory in tx.conn.execute(query).all():
        values = {**memory, "arms": dict(arms)}
        tx.conn.execute(sa.update(table).where(table.c.id == run).values(memory=values))
