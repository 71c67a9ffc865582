"""A deal's history in one line of time: changes, owners, events, and what its runs did."""

import sqlalchemy as sa

from engine.operations.timeline import (
    PAGE,
    Cut,
    Moment,
    Timeline,
    of_runs,
    page_of,
    read_cut,
    rows_of,
)
from engine.store import deals, enrollments, events, jobs, owners
from engine.store.database import Transaction

_TOLD_BY_CHANGES = ("deal.created", "deal.changed", "deal.stage_changed")
_MOST_RUNS = 200


def deal_timeline(tx: Transaction, deal: str, *, before: str = "", size: int = PAGE) -> Timeline:
    """What happened on a deal, newest first.

    Raises:
        InputError: `before` is not what the last page said.
    """
    cut = read_cut(before) if before else None
    runs = {row["id"]: row for row in enrollments.page(tx, deal=deal, limit=_MOST_RUNS)}
    found = [
        *_changes(tx, deal, cut, size + 1),
        *_owners(tx, deal, cut, size + 1),
        *_events(tx, deal, cut, size + 1),
        *_messages(tx, list(runs), cut, size + 1),
        *of_runs(tx, runs, cut, size + 1),
    ]
    return page_of(found, size)


def _changes(tx: Transaction, deal: str, cut: Cut | None, size: int) -> list[Moment]:
    table = deals.change_table
    return [
        Moment(
            row["at"], "change", row["id"], row["field"], why=row["reason"],
            details={"before": row["before"], "after": row["after"], "actor": row["actor"]},
        )
        for row in rows_of(tx, table, table.c.deal == deal, "change", cut, size)
    ]  # fmt: skip


def _owners(tx: Transaction, deal: str, cut: Cut | None, size: int) -> list[Moment]:
    table = owners.table
    return [
        Moment(
            row["at"], "owner", row["id"], row["owner"], why=row["why"],
            details={"rule": row["rule"], "former": row["former"], "actor": row["actor"]},
        )
        for row in rows_of(tx, table, table.c.deal == deal, "owner", cut, size)
    ]  # fmt: skip


def _events(tx: Transaction, deal: str, cut: Cut | None, size: int) -> list[Moment]:
    table = events.table
    mine = sa.and_(table.c.deal == deal, table.c.name.not_in(_TOLD_BY_CHANGES))
    return [
        Moment(row["at"], "event", row["id"], row["name"], details=_shown(row["properties"]))
        for row in rows_of(tx, table, mine, "event", cut, size)
    ]


def _messages(tx: Transaction, runs: list[str], cut: Cut | None, size: int) -> list[Moment]:
    table = jobs.table
    where = table.c.enrollment.in_(runs)
    rows = rows_of(tx, table, where, "message", cut, size, at="created_at") if runs else ()
    return [
        Moment(
            row["created_at"], "message", row["id"], row["subject"] or row["step"],
            state=row["state"], why=row["reason"], playbook=row["playbook"],
            enrollment=row["enrollment"], details={"to": row["address"], "step": row["step"]},
        )
        for row in rows
    ]  # fmt: skip


def _shown(properties: dict[str, object]) -> dict[str, object]:
    hidden = ("deal", "name", "pipeline")
    return {
        name: value
        for name, value in properties.items()
        if name not in hidden and value not in (None, "", [], {})
    }
