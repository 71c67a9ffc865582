"""What the store knows of pools: what lies in them, and what each owner has claimed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import new_id
from engine.store.database import Transaction
from engine.store.deals import table as deal_table
from engine.store.inserting import insert_many
from engine.store.lead_facts import table as lead_table
from engine.store.pool_tables import Pooled

table: sa.Table = Pooled.__table__  # type: ignore[attr-defined]

_of_lead, _of_deal = lead_table.c, deal_table.c
_lies = sa.and_(
    table.c.owner.is_(None),
    sa.or_(
        sa.and_(_of_lead.id.is_not(None), _of_lead.owner.is_(None), _of_lead.stage != ""),
        sa.and_(_of_deal.id.is_not(None), _of_deal.owner.is_(None), _of_deal.closed == ""),
    ),
)
"""Of a pooled row joined with its lead and its deal: nobody owns the record, and it is open."""

_joined = table.outerjoin(lead_table, lead_table.c.id == table.c.lead).outerjoin(
    deal_table, deal_table.c.id == table.c.deal
)


@dataclass(frozen=True, slots=True)
class Pooling:
    """A record that goes into a pool.

    Attributes:
        pool: the pool's name.
        lead: the lead; with a deal its contact.
        deal: the deal, if it is that which goes into the pool.
        former: who had it; he may not claim it before `until`.
    """

    pool: str
    lead: str
    deal: str | None = None
    former: str | None = None
    until: datetime | None = None

    @property
    def record(self) -> tuple[str, str]:
        """Which record it is: a lead and a deal may have the same id."""
        return ("deal", self.deal) if self.deal else ("lead", self.lead)


def put(tx: Transaction, records: Sequence[Pooling]) -> None:
    """Puts records into pools, each into one: open rows of an earlier release go."""
    if not records:
        return
    leave(
        tx,
        [one.lead for one in records if one.deal is None],
        [one.deal for one in records if one.deal is not None],
    )
    rows = [
        {
            "id": new_id(), "pool": one.pool, "lead": None if one.deal else one.lead,
            "deal": one.deal, "former": one.former, "not_former_until": one.until, "at": tx.now,
            "owner": None, "claimed_at": None,
        }
        for one in records
    ]  # fmt: skip
    insert_many(tx, table, rows)


def leave(tx: Transaction, leads: Sequence[str], deals: Sequence[str] = ()) -> None:
    """Takes records out of their pools, because they got an owner or go into another."""
    for column, ids in ((table.c.lead, leads), (table.c.deal, deals)):
        if ids:
            tx.conn.execute(sa.delete(table).where(column.in_(ids), table.c.owner.is_(None)))


def waiting(
    tx: Transaction, *, pool: str = "", after: tuple[datetime, str] | None = None, limit: int
) -> list[dict[str, Any]]:
    """What lies in a pool, or in any, whoever waits longest first, with the records' names.

    Each row has the `lead` (of a deal: its contact) with `email`, `full_name` and `company`, and
    the `deal` with its `name`; the next page is `after` the last one's (at, id).
    """
    where = [_lies] + ([table.c.pool == pool] if pool else [])
    if after is not None:
        at, id = after
        where.append(sa.or_(table.c.at > at, sa.and_(table.c.at == at, table.c.id > id)))
    person = lead_table.alias("person")
    contact = sa.func.coalesce(table.c.lead, deal_table.c.lead)
    query = (
        sa.select(
            *(column for column in table.c if column.name != "lead"), contact.label("lead"),
            person.c.email, person.c.full_name, person.c.first_name, person.c.last_name,
            person.c.company, deal_table.c.name, deal_table.c.amount, deal_table.c.currency,
        )
        .select_from(_joined.join(person, person.c.id == contact))
        .where(*where)
        .order_by(table.c.at, table.c.id)
        .limit(limit)
    )  # fmt: skip
    return [dict(row) for row in tx.conn.execute(query).mappings()]


def counts(tx: Transaction) -> dict[str, int]:
    """How many records lie in each pool that is not empty."""
    query = sa.select(table.c.pool, sa.func.count()).select_from(_joined).where(_lies)
    return {row[0]: row[1] for row in tx.conn.execute(query.group_by(table.c.pool))}


def open_row(tx: Transaction, *, lead: str = "", deal: str = "") -> dict[str, Any] | None:
    """The row of a lead, or of a deal, that lies in a pool now; None: it does not."""
    mine = table.c.deal == deal if deal else table.c.lead == lead
    query = sa.select(table).select_from(_joined).where(_lies, mine)
    newest = query.order_by(table.c.at.desc(), table.c.id).limit(1)
    row = tx.conn.execute(newest).mappings().first()
    return dict(row) if row is not None else None


def claim(tx: Transaction, owner: str, *, lead: str = "", deal: str = "") -> None:
    """Marks the record's open rows as claimed."""
    mine = table.c.deal == deal if deal else table.c.lead == lead
    values = {"owner": owner, "claimed_at": tx.now}
    tx.conn.execute(sa.update(table).where(mine, table.c.owner.is_(None)).values(values))


def claims(tx: Transaction, owner: str, pool: str, since: datetime) -> int:
    """How many records the owner has claimed from the pool after `since`."""
    query = sa.select(sa.func.count()).where(
        table.c.owner == owner, table.c.pool == pool, table.c.claimed_at > since
    )
    return int(tx.conn.execute(query).scalar_one())


def held(tx: Transaction, owner: str, pool: str) -> int:
    """How many leads and open deals from the pool the owner has claimed and still owns."""
    still = sa.or_(
        lead_table.c.owner == owner,
        sa.and_(deal_table.c.owner == owner, deal_table.c.closed == ""),
    )
    which = sa.select(table.c.lead, table.c.deal).select_from(_joined).where(
        table.c.owner == owner, table.c.pool == pool, still
    )  # fmt: skip
    query = sa.select(sa.func.count()).select_from(which.distinct().subquery())
    return int(tx.conn.execute(query).scalar_one())
