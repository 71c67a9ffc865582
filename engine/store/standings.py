"""Where a playbook's open enrollments stand: counted in groups, and moved in pages.

A group is everybody of one version at one op, in one state, blocked on one thing, with a message in
one state: nothing else decides where they go on, except what they have done already.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.store import enrollments, jobs
from engine.store.database import Transaction

_run = enrollments.table.c
_job = jobs.table.c
_message = sa.case((_run.blocked_on == "job", sa.func.coalesce(_job.state, "")), else_="")
GROUP = (_run.digest, _run.pc, _run.state, _run.blocked_on, _message)
_LEFT_OUT = ("left out", "failed", "skipped", "stopped")
_GONE = ("accepted", "in_flight", "in_doubt")
MOVED = (
    "digest", "cohort", "seq", "pc", "state", "blocked_on", "wake_at", "until_at", "memory",
)  # fmt: skip

Group = tuple[str, int, str, str, str]
"""(digest, pc, state, blocked on, state of the message)."""


def groups(tx: Transaction, playbook: str) -> dict[Group, int]:
    """How many open enrollments there are in each group."""
    return _counted(tx, _run.playbook == playbook)


def groups_that_did(
    tx: Transaction, playbook: str, digest: str, places: Collection[int], steps: Collection[str]
) -> dict[Group, int]:
    """How many of those at `places` of a version have done one of `steps`."""
    mine = sa.and_(_run.playbook == playbook, _run.digest == digest, _run.pc.in_(places))
    return _counted(tx, sa.and_(mine, _did(steps)))


def that_did(tx: Transaction, ids: Sequence[str], steps: Collection[str]) -> set[str]:
    """Which of these enrollments have done one of `steps`."""
    query = sa.select(_run.id).where(_run.id.in_(ids), _did(steps))
    return set(tx.conn.execute(query).scalars())


def by_version(tx: Transaction, playbook: str = "") -> dict[tuple[str, str], int]:
    """How many open enrollments are on each version: (playbook, digest) → count."""
    query = (
        sa.select(_run.playbook, _run.digest, sa.func.count())
        .where(enrollments.is_open)
        .group_by(_run.playbook, _run.digest)
    )
    if playbook:
        query = query.where(_run.playbook == playbook)
    return {(row[0], row[1]): row[2] for row in tx.conn.execute(query)}


def page(
    tx: Transaction, playbook: str, state: str, target: str, after: str, limit: int
) -> Sequence[str]:
    """Ids of open enrollments in one state that are not on the version `target`, in id order."""
    query = (
        sa.select(_run.id)
        .where(
            _run.playbook == playbook, _run.state == state, _run.id > after,
            _run.digest != target, enrollments.is_open,
        )
        .order_by(_run.id)
        .limit(limit)
    )  # fmt: skip
    return tx.conn.execute(query).scalars().all()


def locked(tx: Transaction, ids: Sequence[str]) -> Sequence[sa.RowMapping]:
    """These enrollments where they are still open, locked; after their leads, never before."""
    table = enrollments.table
    query = sa.select(table).where(_run.id.in_(ids), enrollments.is_open).order_by(_run.id)
    if tx.is_postgres:
        query = query.with_for_update()
    return tx.conn.execute(query).mappings().all()


def messages(tx: Transaction, keys: Mapping[str, int]) -> dict[str, sa.RowMapping]:
    """The jobs of (enrollment → seq), locked, by enrollment."""
    query = sa.select(
        _job.id, _job.enrollment, _job.seq, _job.state, _job.batch, _job.params, _job.created_at
    ).where(_job.enrollment.in_(list(keys)))
    if tx.is_postgres:
        query = query.with_for_update()
    rows = tx.conn.execute(query).mappings()
    return {row["enrollment"]: row for row in rows if keys[row["enrollment"]] == row["seq"]}


def take_back(tx: Transaction, rows: Collection[sa.RowMapping], reason: str) -> None:
    """Voids messages that are queued or deferred; the batches they were in are settled."""
    if not rows:
        return
    tx.conn.execute(
        sa.update(jobs.table)
        .where(_job.id.in_([row["id"] for row in rows]), _job.state.in_(("queued", "deferred")))
        .values(state="skipped", reason=reason, ended_at=tx.now, not_before=None)
    )
    for batch in sorted({row["batch"] for row in rows} - {""}):
        jobs.settle_batch(tx, batch)


def rename_steps(tx: Transaction, ids: Sequence[str], old: str, new: str) -> None:
    """Lets answers to mail that a step sent belong to the step under its new id."""
    kept = enrollments.awaited_table
    for table, column in ((jobs.table, "step"), (kept, "source")):
        tx.conn.execute(
            sa.update(table)
            .where(table.c.enrollment.in_(ids), table.c[column] == old)
            .values({column: new})
        )


def write_moved(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Puts enrollments where they were moved to, by compare-and-set on `seq` (I1).

    Args:
        tx: the open transaction.
        rows: `id`, `was` (the seq before) and every column of `MOVED`.

    Raises:
        RuntimeError: a row was not at its seq any more.
    """
    if not rows:
        return
    statement = (
        sa.update(enrollments.table)
        .where(_run.id == sa.bindparam("b_id"), _run.seq == sa.bindparam("b_was"))
        .values({name: sa.bindparam(f"b_{name}_") for name in MOVED})
    )
    done = tx.conn.execute(
        statement,
        [
            {"b_id": row["id"], "b_was": row["was"]} | {f"b_{name}_": row[name] for name in MOVED}
            for row in rows
        ],
    ).rowcount
    if done not in {-1, len(rows)}:
        raise RuntimeError(f"{len(rows) - done} enrollments moved under a lock")


def _counted(tx: Transaction, which: sa.ColumnElement[bool]) -> dict[Group, int]:
    out = sa.and_(
        _run.blocked_on == "job", _job.enrollment == _run.id, _job.seq == _run.seq
    )  # fmt: skip
    query = (
        sa.select(*GROUP, sa.func.count())
        .select_from(enrollments.table.outerjoin(jobs.table, out))
        .where(which, enrollments.is_open)
        .group_by(*GROUP)
    )
    return {(row[0], row[1], row[2], row[3], row[4]): row[5] for row in tx.conn.execute(query)}


def _did(steps: Collection[str]) -> sa.ColumnElement[bool]:
    """Whether an enrollment has sent, or done, one of these steps: under any version."""
    names = sorted(steps)
    job, line = jobs.table.alias().c, enrollments.log_table.c
    sent = sa.exists().where(
        job.enrollment == _run.id, job.step.in_(names), job.state.in_(_GONE)
    )  # fmt: skip
    done = sa.exists().where(
        line.enrollment == _run.id, line.op.in_(("do", "ask")), line.step.in_(names),
        line.outcome.not_in(_LEFT_OUT),
    )  # fmt: skip
    return sa.or_(sent.correlate(enrollments.table), done.correlate(enrollments.table))
