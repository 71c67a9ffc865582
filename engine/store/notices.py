"""The repository of notices: who is told what, what is told together, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import jobs
from engine.store.database import Transaction
from engine.store.inserting import insert_new
from engine.store.notice_tables import Notice

table: sa.Table = Notice.__table__  # type: ignore[attr-defined]

GATHERED = "gathered"
"""The parameter of a job that carries gathered notices, and no step's own."""

_STILL_TAKES = ("deferred", "queued")


def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Adds notices; one that is there already is left out. Answers the ids of the new ones."""
    return insert_new(tx, table, rows)


def open_digests(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Makes the jobs that are not there yet; answers which of them take no notice any more.

    Those that do are kept from leaving until this transaction ends.
    """
    rows = sorted(rows, key=lambda row: str(row["id"]))
    insert_new(tx, jobs.table, rows)
    job = jobs.table.c
    query = sa.select(job.id, job.state).where(job.id.in_([row["id"] for row in rows]))
    if tx.is_postgres:
        query = query.order_by(job.id).with_for_update(read=True)
    return frozenset(id for id, state in tx.conn.execute(query) if state not in _STILL_TAKES)


def of_digests(tx: Transaction, digests: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """The notices that each of these jobs carries, in the order of their steps."""
    found: dict[str, list[dict[str, Any]]] = {one: [] for one in digests}
    if not found:
        return found
    query = sa.select(table).where(table.c.digest.in_(list(digests)))
    for row in tx.conn.execute(query.order_by(table.c.created_at, table.c.id)).mappings():
        found[row["digest"]].append(dict(row))
    return found


def by_id(tx: Transaction, id: str) -> sa.RowMapping | None:
    """One notice."""
    return tx.conn.execute(sa.select(table).where(table.c.id == id)).mappings().first()


def page(
    tx: Transaction,
    *,
    owner: str | None = None,
    lead: str = "",
    digest: str = "",
    states: Collection[str] = (),
    before: str = "",
    limit: int = 100,
) -> list[dict[str, Any]]:
    """What our own people were told or will be, newest first, with what became of it.

    Args:
        owner: only what is for this owner; empty: only what is for a room or for nobody.
        lead: only what is about this lead.
        digest: only what this job carries.
        states: only what is in one of these, in the ledger's words.
        before: the id of the last one of the page before.
        limit: in a page.
    """
    job = jobs.table.c
    became = (
        job.state, job.address, job.subject, job.attempt, job.reason, job.not_before,
        job.accepted_at, job.ended_at, job.kind,
    )  # fmt: skip
    query = sa.select(table, *became).select_from(
        table.outerjoin(jobs.table, job.id == table.c.digest)
    )
    if owner is not None:
        query = query.where(table.c.owner == owner if owner else table.c.owner.is_(None))
    for column, wanted in ((table.c.lead, lead), (table.c.digest, digest)):
        if wanted:
            query = query.where(column == wanted)
    if states:
        query = query.where(job.state.in_(list(states)))
    if before:
        last = by_id(tx, before)
        if last is None:
            return []
        at = sa.literal(last["created_at"], table.c.created_at.type)
        here = sa.tuple_(table.c.created_at, table.c.id)
        query = query.where(here < sa.tuple_(at, sa.literal(before)))
    query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit)
    return [dict(row) for row in tx.conn.execute(query).mappings()]
