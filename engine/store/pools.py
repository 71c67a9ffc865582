"""What the store knows of pools: what lies in them, and what each owner has claimed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import new_id
from engine.store.database import Transaction
from engine.store.inserting import insert_many
from engine.store.lead_facts import table as lead_table
from engine.store.pool_tables import Pooled

table: sa.Table = Pooled.__table__  # type: ignore[attr-defined]
_of_nobody = sa.and_(
    lead_table.c.id == table.c.lead, lead_table.c.owner.is_(None), table.c.owner.is_(None)
)


def put(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Puts leads into pools, each into one: open rows of an earlier release go."""
    if not rows:
        return
    leave(tx, [row["lead"] for row in rows])
    fresh = {"owner": None, "claimed_at": None}
    insert_many(tx, table, [{"id": new_id(), **row, **fresh} for row in rows])


def leave(tx: Transaction, leads: Sequence[str]) -> None:
    """Takes leads out of their pools, because they got an owner or go into another."""
    if leads:
        mine = sa.and_(table.c.lead.in_(leads), table.c.owner.is_(None))
        tx.conn.execute(sa.delete(table).where(mine))


def waiting(
    tx: Transaction, *, pool: str = "", after: tuple[datetime, str] | None = None, limit: int
) -> list[dict[str, Any]]:
    """Open rows whose lead has no owner, whoever waits longest first, with the lead's names."""
    where = [table.c.pool == pool] if pool else []
    if after is not None:
        at, id = after
        where.append(sa.or_(table.c.at > at, sa.and_(table.c.at == at, table.c.id > id)))
    query = (
        sa.select(table, lead_table.c.email, lead_table.c.company)
        .join(lead_table, _of_nobody)
        .where(*where)
        .order_by(table.c.at, table.c.id)
        .limit(limit)
    )
    return [dict(row) for row in tx.conn.execute(query).mappings()]


def open_row(tx: Transaction, lead: str) -> dict[str, Any] | None:
    """The row of a lead that lies in a pool now; None: it does not."""
    query = sa.select(table).join(lead_table, _of_nobody).where(table.c.lead == lead)
    newest = query.order_by(table.c.at.desc(), table.c.id).limit(1)
    row = tx.conn.execute(newest).mappings().first()
    return dict(row) if row is not None else None


def claim(tx: Transaction, lead: str, owner: str) -> None:
    """Marks the lead's open rows as claimed."""
    mine = sa.and_(table.c.lead == lead, table.c.owner.is_(None))
    values = {"owner": owner, "claimed_at": tx.now}
    tx.conn.execute(sa.update(table).where(mine).values(values))


def claims(tx: Transaction, owner: str, pool: str, since: datetime) -> int:
    """How many leads the owner has claimed from the pool after `since`."""
    query = sa.select(sa.func.count()).where(
        table.c.owner == owner, table.c.pool == pool, table.c.claimed_at > since
    )
    return int(tx.conn.execute(query).scalar_one())


def held(tx: Transaction, owner: str, pool: str) -> int:
    """How many leads from the pool the owner has claimed and still owns."""
    query = (
        sa.select(sa.func.count(sa.distinct(table.c.lead)))
        .join(lead_table, lead_table.c.id == table.c.lead)
        .where(table.c.owner == owner, table.c.pool == pool, lead_table.c.owner == owner)
    )
    return int(tx.conn.execute(query).scalar_one())
