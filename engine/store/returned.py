"""The repository of what came back: kept once, counted by address and by playbook."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.store import jobs
from engine.store.database import Transaction
from engine.store.inserting import insert_new
from engine.store.returned_tables import ReturnedRow

table: sa.Table = ReturnedRow.__table__  # type: ignore[attr-defined]


def keep(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """Keeps one; answers whether it was not known before."""
    return bool(insert_new(tx, table, [row]))


def undelivered(
    tx: Transaction, lead: str, address: str, *, since: datetime, causes: Collection[str]
) -> int:
    """How many mails to this address of the lead could not be delivered, for these causes."""
    job = jobs.table
    query = (
        sa.select(sa.func.count())
        .select_from(table.join(job, job.c.id == table.c.job))
        .where(
            table.c.lead == lead,
            table.c.kind == "soft_bounce",
            table.c.at > since,
            table.c.cause.in_(list(causes)),
            job.c.address == address,
        )
    )
    return int(tx.conn.execute(query).scalar_one())


def count(tx: Transaction, playbook: str, kind: str, *, since: datetime) -> int:
    """How many of a kind came back to a playbook."""
    query = sa.select(sa.func.count()).where(
        table.c.playbook == playbook, table.c.kind == kind, table.c.at > since
    )
    return int(tx.conn.execute(query).scalar_one())


def latest(tx: Transaction, playbook: str, kind: str) -> datetime | None:
    """When the last of a kind came back to a playbook."""
    here = sa.and_(table.c.playbook == playbook, table.c.kind == kind)
    found: datetime | None = tx.conn.execute(
        sa.select(sa.func.max(table.c.at)).where(here)
    ).scalar()
    return found


def mails_accepted(tx: Transaction, playbook: str, *, since: datetime) -> int:
    """How many marketing mails of a playbook were accepted."""
    job = jobs.table
    query = sa.select(sa.func.count()).where(
        # Looked for by when they were made, which is indexed; none is accepted before that.
        job.c.kind == "email",
        job.c.created_at > since,
        job.c.playbook == playbook,
        job.c.marketing.is_(True),
        job.c.accepted_at > since,
    )
    return int(tx.conn.execute(query).scalar_one())


def counts(
    tx: Transaction, playbooks: Sequence[str], kinds: Sequence[str], *, since: datetime
) -> dict[str, int]:
    """How much came back to these playbooks since then, by each of these kinds."""
    row = table.c
    query = (
        sa.select(row.kind, sa.func.count())
        # All three are in the index, in this order.
        .where(row.playbook.in_(playbooks), row.kind.in_(kinds), row.at > since)
        .group_by(row.kind)
    )
    found = {kind: int(number) for kind, number in tx.conn.execute(query)}
    return {kind: found.get(kind, 0) for kind in kinds}


def last_mail(tx: Transaction, lead: str, address: str, *, since: datetime) -> str:
    """The job of the last mail that went to this address of the lead; empty: none since then."""
    job = jobs.table
    query = (
        sa.select(job.c.id)
        .where(
            job.c.lead == lead,
            job.c.accepted_at > since,
            job.c.kind == "email",
            sa.func.lower(job.c.address) == address.lower(),
        )
        .order_by(job.c.accepted_at.desc(), job.c.id.desc())
        .limit(1)
    )
    return str(tx.conn.execute(query).scalar() or "")


def bounce(tx: Transaction, id: str, reason: str) -> bool:
    """Marks a message that had gone as bounced; answers whether it had gone.

    One that is in flight still has reached the server, or nothing would have come back.
    """
    job = jobs.table
    gone = job.c.state.in_(("accepted", "in_flight", "in_doubt"))
    now = sa.literal(tx.now, job.c.accepted_at.type)
    values = {
        "state": "bounced",
        "reason": reason[:300],
        "accepted_at": sa.func.coalesce(job.c.accepted_at, now),
        "ended_at": sa.func.coalesce(job.c.ended_at, now),
    }
    found = tx.conn.execute(sa.update(job).where(job.c.id == id, gone).values(values))
    return found.rowcount > 0
