"""What a scenario decides in the place of people and of chance: answers to approvals, and arms."""

from collections.abc import Mapping

import sqlalchemy as sa

from engine.operations import published
from engine.operations.scopes import load_deals, load_facts, scope_of
from engine.playbook.durations import parse_duration
from engine.playbook.plan import Ask, Climb
from engine.runtime import civil
from engine.runtime.escalating import SINCE
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


def give_since(tx: Transaction, playbook: str, level: int) -> None:
    """Lets watches that have not begun count from so long ago that this level is due now."""
    table = enrollments.table
    query = sa.select(table).where(
        table.c.playbook == playbook, table.c.seq == 0, table.c.state == "pending"
    )
    current = published.current(tx)
    for row in tx.conn.execute(query).mappings().all():
        plan = published.plan(tx, row["digest"])
        climb = next(op for op in plan.ops if isinstance(op, Climb))
        facts = load_facts(tx, current, [row["lead"]])[row["lead"]]
        deal = load_deals(tx, current, [row["deal"]]).get(row["deal"]) if row["deal"] else None
        scope = scope_of(current, facts, now=tx.now, deal=deal, record=plan.record)
        calendar = current.calendar(plan.calendar, scope)
        after = parse_duration(climb.levels[level - 1])
        since = civil.subtract(tx.now, after, calendar.zone, calendar)
        values = {**row["memory"], SINCE: since.isoformat()}
        tx.conn.execute(sa.update(table).where(table.c.id == row["id"]).values(memory=values))


def give_arms(tx: Transaction, playbook: str, arms: Mapping[str, str]) -> None:
    """Lets runs that have not begun keep these arms (split → arm)."""
    table = enrollments.table
    query = sa.select(table.c.id, table.c.memory).where(
        table.c.playbook == playbook, table.c.seq == 0, table.c.state == "pending"
    )
    for run, memory in tx.conn.execute(query).all():
        values = {**memory, "arms": dict(arms)}
        tx.conn.execute(sa.update(table).where(table.c.id == run).values(memory=values))
