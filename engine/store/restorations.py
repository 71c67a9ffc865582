"""The repository of restorations: that the store is a copy, and what was mailed since it was made.

Most stores are none: whoever is about to send asks that first, by one statement.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import encode, job_id, lasting_of_job
from engine.store import enrollments, events, jobs, quick
from engine.store.bulk_tables import BulkEnrollment
from engine.store.columns import EPOCH
from engine.store.database import Transaction
from engine.store.inserting import insert_new
from engine.store.restoration_tables import MailedBefore, Restoration, RestoredRun

table: sa.Table = Restoration.__table__  # type: ignore[attr-defined]
run_table: sa.Table = RestoredRun.__table__  # type: ignore[attr-defined]
mailed_table: sa.Table = MailedBefore.__table__  # type: ignore[attr-defined]
bulk_table: sa.Table = BulkEnrollment.__table__  # type: ignore[attr-defined]

_ONLY = 1
_BEHIND = len(job_id("0" * 20, 0)) - len(lasting_of_job(job_id("0" * 20, 0))) + 1
"""Where what lasts of a job's id begins, as SQL counts."""

HELD = "after a restore: "
"""How the reason of a message begins that is held because it may have gone before."""

_there = sa.select(table)
_mailed = sa.select(mailed_table.c.job).where(
    mailed_table.c.job.in_(sa.bindparam("ids", expanding=True))
)


def found(tx: Transaction) -> Mapping[str, Any] | None:
    """That the store is a copy, and since when; None: it is none, or all about it is settled."""
    return next(iter(quick.fetch(tx, _there)), None)


def begin(tx: Transaction, *, copied_at: datetime, lost_at: datetime, actor: str) -> None:
    """Notes that the store is a copy, and which enrollments may have gone on without it.

    Those are the ones that were due by then, or that wait for something that time does not tell.
    """
    end(tx)
    row = {
        "id": _ONLY, "copied_at": copied_at, "lost_at": lost_at, "begun_at": tx.now,
        "released_at": None, "is_told": False, "actor": actor,
    }  # fmt: skip
    tx.conn.execute(sa.insert(table), row)
    run = enrollments.table.c
    sleeps = sa.and_(run.blocked_on == "wait", run.wake_at > lost_at)
    moved = sa.select(run.id).where(run.ended_at.is_(None), ~sleeps)
    tx.conn.execute(sa.insert(run_table).from_select(["enrollment"], moved))


def change(tx: Transaction, **values: Any) -> None:
    """Writes columns of the restoration there is."""
    tx.conn.execute(sa.update(table).values(values))


def end(tx: Transaction) -> None:
    """Forgets it all: the store is like any other from now on."""
    for one in (table, run_table, mailed_table):
        tx.conn.execute(sa.delete(one))


def keep_mailed(tx: Transaction, ids: Iterable[str]) -> int:
    """Keeps which messages went, by what lasts of their ids; answers how many were not known."""
    rows = [{"job": one} for one in dict.fromkeys(map(lasting_of_job, ids))]
    return len(insert_new(tx, mailed_table, rows, key="job")) if rows else 0


def mailed_among(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Which of these messages went in the time that is lost."""
    known = {row["job"] for row in quick.fetch(tx, _mailed, ids=list(map(lasting_of_job, ids)))}
    return {id for id in ids if lasting_of_job(id) in known}


def open_and_mailed(tx: Transaction, limit: int) -> Sequence[sa.RowMapping]:
    """Messages that the ledger takes for open, or for doubtful, and that went."""
    job = jobs.table
    query = (
        sa.select(job.c.id, job.c.lead, job.c.enrollment, job.c.seq, job.c.batch, job.c.cohort)
        .join(mailed_table, mailed_table.c.job == sa.func.substr(job.c.id, _BEHIND))
        .where(sa.or_(job.c.ended_at.is_(None), job.c.state == "in_doubt"))
        .limit(limit)
    )
    return tx.conn.execute(query).mappings().all()


def may_have_run(tx: Transaction, ids: Collection[str]) -> set[str]:
    """Which of these enrollments of the copy may have gone on without it."""
    query = sa.select(run_table.c.enrollment).where(run_table.c.enrollment.in_(list(ids)))
    return set(tx.conn.execute(query).scalars())


def entered_since(
    tx: Transaction, ids: Collection[str], begun_at: datetime
) -> Sequence[sa.RowMapping]:
    """Of these enrollments those that entered after the restore, with what made them enter."""
    run, event = enrollments.table, events.table
    query = (
        sa.select(run.c.id, run.c.cause, run.c.reason, event.c.at.label("event_at"))
        .join_from(run, event, event.c.id == run.c.event, isouter=True)
        .where(run.c.id.in_(list(ids)), run.c.entered_at >= begun_at)
    )
    return tx.conn.execute(query).mappings().all()


def bulks_since(tx: Transaction, ids: Collection[str], copied_at: datetime) -> set[str]:
    """Which of these bulk enrollments were begun after the copy."""
    first = first_id(copied_at)
    query = sa.select(bulk_table.c.id).where(bulk_table.c.id.in_(list(ids)))
    return {id for id in tx.conn.execute(query).scalars() if id >= first}


def first_id(at: datetime) -> str:
    """What ids that are made from this moment on are not less than."""
    return encode(int((at - EPOCH).total_seconds() * 1000) << 52)


def held(tx: Transaction, playbook: str = "", limit: int = 1) -> Sequence[str]:
    """Messages that are held because they may have gone before."""
    job = jobs.table.c
    query = sa.select(job.id).where(
        job.state == "in_doubt", jobs.is_unusual, job.reason.startswith(HELD)
    )
    if playbook:
        query = query.where(job.playbook == playbook)
    return list(tx.conn.execute(query.order_by(job.created_at, job.id).limit(limit)).scalars())


def count(tx: Transaction) -> dict[str, int]:
    """How many enrollments are doubtful, messages known to have gone, and messages held."""
    job = jobs.table.c
    holding = sa.select(sa.func.count()).where(
        job.state == "in_doubt", jobs.is_unusual, job.reason.startswith(HELD)
    )
    return {
        "enrollments": _count(tx, sa.select(sa.func.count()).select_from(run_table)),
        "mailed": _count(tx, sa.select(sa.func.count()).select_from(mailed_table)),
        "held": _count(tx, holding),
    }


def _count(tx: Transaction, query: sa.Select[Any]) -> int:
    return int(tx.conn.execute(query).scalar_one())
