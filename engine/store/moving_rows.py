"""Giving a lead's rows to another lead: what merging writes, table by table.

Tables that follow one rule are read off `holdings`; those with a rule of their own are here too.
The caller holds the locks of both leads and of their deals.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.store import deals, enrollments, refusals
from engine.store.database import Transaction
from engine.store.holdings import HOLDINGS

_run = enrollments.table.c


def move_rows(tx: Transaction, former: str, survivor: str) -> dict[str, int]:
    """Moves or removes the rows that name `former`; answers how many moved, by table."""
    moved: dict[str, int] = {}
    for one in HOLDINGS.values():
        if one.merge == "own":
            continue
        for name in one.names:
            which = one.rows.c[name] == former
            if one.merge == "goes":
                tx.conn.execute(sa.delete(one.rows).where(which))
                continue
            number = tx.conn.execute(
                sa.update(one.rows).where(which).values({name: survivor})
            ).rowcount
            if number:
                moved[one.table] = moved.get(one.table, 0) + number
    _move_refusals(tx, former, survivor)
    return moved


def move_runs(tx: Transaction, former: str, survivor: str) -> int:
    """Moves enrollments, those of deals included; answers how many.

    A cause that the survivor has been enrolled by as well gets the run's id behind it: the same
    trigger must not enroll the one person again, and both rows stay.
    """
    other = enrollments.table.alias().c
    same = sa.exists().where(
        other.playbook == _run.playbook, other.record == survivor, other.cause == _run.cause
    )
    mine = sa.and_(_run.lead == former, _run.record == former)
    both = tx.conn.execute(sa.select(_run.id, _run.cause).where(mine, same)).all()
    for id, cause in both:
        change = sa.update(enrollments.table).where(_run.id == id)
        tx.conn.execute(change.values(cause=f"{cause} (merged {id})"))
    tx.conn.execute(sa.update(enrollments.table).where(mine).values(record=survivor))
    moved = sa.update(enrollments.table).where(_run.lead == former).values(lead=survivor)
    return tx.conn.execute(moved).rowcount


def runs_of(tx: Transaction, leads: Iterable[str]) -> list[Mapping[str, Any]]:
    """Every enrollment of these leads themselves, ended ones as well."""
    names = ("id", "lead", "playbook", "record", "key", "entered_at", "ended_at", "digest")
    query = sa.select(*(_run[name] for name in names)).where(_run.lead.in_(sorted(leads)))
    rows = tx.conn.execute(query.where(_run.record == _run.lead)).mappings()
    return [dict(row) for row in rows]


def deals_of(tx: Transaction, lead: str) -> list[str]:
    """The deals whose primary contact the lead is, open or not."""
    return deals.of_lead(tx, lead)


def _move_refusals(tx: Transaction, former: str, survivor: str) -> None:
    """Of one refusal of both for the same reason the survivor's stays."""
    table, other = refusals.table, refusals.table.alias().c
    same = sa.exists().where(
        other.record == survivor, other.playbook == table.c.playbook,
        other.reason == table.c.reason,
    )  # fmt: skip
    tx.conn.execute(sa.delete(table).where(table.c.record == former, same.correlate(table)))
    tx.conn.execute(sa.update(table).where(table.c.record == former).values(record=survivor))
