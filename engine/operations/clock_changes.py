"""What an apply would do to the clocks of escalations: which would be due sooner, which later.

A running watch keeps the levels of its version, and counts by the calendars of the workspace as
they are now. Watches are looked at in pages, each in a read of its own; nothing is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from engine.operations import published
from engine.operations.coming import load_seen
from engine.operations.editions import Edition
from engine.operations.published import Current, playbook_table
from engine.operations.scopes import scope_of
from engine.operations.selecting import Selection
from engine.operations.watching import calendars_digest, watched_condition
from engine.playbook.conditions import condition
from engine.playbook.plan import Climb, Plan
from engine.playbook.workspace import load_workspace
from engine.runtime.escalating import Ladder, clock_of
from engine.runtime.position import ON_CLIMB
from engine.store import deals, enrollments
from engine.store.database import Store, Transaction

PAGE = 2_000


@dataclass(slots=True)
class ClockChange:
    """What an apply does to one escalation's clocks.

    Attributes:
        running: watches whose clock runs now and counts by calendars that change.
        sooner: those whose next level would be due earlier; `later` and `same` likewise.
        at_once: of those, how many would be due at the moment of the apply.
        begins: records that would be watched from then on.
    """

    running: int = 0
    sooner: int = 0
    later: int = 0
    same: int = 0
    at_once: int = 0
    begins: int = 0

    def as_json(self) -> dict[str, int]:
        """What `--json` shows."""
        return {
            "running": self.running, "sooner": self.sooner, "later": self.later,
            "same": self.same, "at_once": self.at_once, "begins": self.begins,
        }  # fmt: skip


def count_clocks(store: Store, edition: Edition) -> dict[str, ClockChange]:
    """Playbook → what publishing this edition would do to the clocks of escalations."""
    found: dict[str, ClockChange] = {}
    workspace = load_workspace(edition.source).workspace
    if workspace is None:
        return found
    for name, plan in sorted(edition.plans.items()):
        if plan.escalation is not None:
            begins = store.read(lambda tx, one=plan: _begins(tx, one))  # type: ignore[misc]
            if begins:
                found[name] = ClockChange(begins=begins)
    if not store.read(published.is_published):
        return found
    current = store.read(published.current)
    then = replace(current, workspace=workspace, digest=edition.digest)
    if calendars_digest(current) == calendars_digest(then):
        return found
    for name in store.read(_escalations):
        change = found.setdefault(name, ClockChange())
        cursor: str | None = ""
        while cursor is not None:
            cursor = store.read(
                lambda tx, n=name, after=cursor, kept=change: _page(tx, n, after, then, kept)  # type: ignore[misc]
            )
        if change == ClockChange():
            del found[name]
    return found


def _escalations(tx: Transaction) -> list[str]:
    query = sa.select(playbook_table.c.name).where(playbook_table.c.kind == "escalation")
    return sorted(tx.conn.execute(query).scalars())


def _begins(tx: Transaction, plan: Plan) -> int:
    """Records that a new watch, or another one than was published, would begin with."""
    assert plan.escalation is not None
    if not published.is_published(tx):
        return 0
    current = published.current(tx)
    before = current.plans.get(plan.playbook)
    known = before.escalation if before is not None else None
    if known is not None and known.watch == plan.escalation.watch:
        return 0
    asked = condition(watched_condition(plan))
    any_open = plan.record == "deal" and not plan.escalation.watch.stages
    also = [deals.table.c.closed == ""] if any_open else []
    selection, count, after = Selection(current, asked, plan.record), 0, ""
    while True:
        stretch = selection.stretch(tx, after, PAGE, also=also)
        watched = enrollments.open_records(tx, plan.playbook, stretch.ids)
        count += len(stretch.ids) - len(watched)
        if stretch.cursor is None:
            return count
        after = stretch.cursor


def _page(
    tx: Transaction, playbook: str, after: str, then: Current, change: ClockChange
) -> str | None:
    run = enrollments.table
    query = (
        sa.select(run.c.id, run.c.record, run.c.digest, run.c.memory)
        .where(run.c.playbook == playbook, run.c.id > after)
        .where(run.c.blocked_on == ON_CLIMB, run.c.state == "waiting")
        .order_by(run.c.id)
        .limit(PAGE)
    )
    rows = tx.conn.execute(query).mappings().all()
    now = published.current(tx)
    for plan, mine in _by_plan(tx, rows):
        climb = next(op for op in plan.ops if isinstance(op, Climb))
        seen = load_seen(tx, now, plan.record, [row["record"] for row in mine])
        for row in mine:
            one, clock = seen.get(row["record"]), clock_of(row["memory"])
            if one is None or clock is None:
                continue
            times = []
            for current in (now, then):
                scope = scope_of(current, one.lead, now=tx.now, deal=one.deal, record=plan.record)
                ladder = Ladder(climb.levels, current.calendar(plan.calendar, scope))
                times.append(ladder.next_at(clock, tx.now))
            change.running += 1
            _compare(change, times, tx.now)
    return rows[-1]["id"] if len(rows) == PAGE else None


def _by_plan(
    tx: Transaction, rows: Iterable[Mapping[Any, Any]]
) -> list[tuple[Plan, list[Mapping[Any, Any]]]]:
    groups: dict[str, list[Mapping[Any, Any]]] = {}
    for row in rows:
        groups.setdefault(row["digest"], []).append(row)
    return [(published.plan(tx, digest), mine) for digest, mine in groups.items()]


def _compare(change: ClockChange, times: list[Any], now: Any) -> None:
    before, after = times
    if before == after or before is None or after is None:
        change.same += 1
        return
    change.sooner += after < before
    change.later += after > before
    change.at_once += after <= now < before
