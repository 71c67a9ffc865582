"""The ledger of consents: lines are added and read, never changed.

What holds now stands on the lead (`lead.consent`, `lead.open_consent`), where whoever is about to
send reads it along with everything else; the lines are the evidence.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.store.consent_tables import ConsentRow
from engine.store.database import Transaction
from engine.store.inserting import insert_new

table: sa.Table = ConsentRow.__table__  # type: ignore[attr-defined]

COLUMNS = tuple(column.name for column in table.c)


def add(tx: Transaction, lines: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Adds lines; answers the ids of those that were not there yet."""
    return insert_new(tx, table, [{"recorded_at": tx.now, **line} for line in lines])


def newest(tx: Transaction, leads: Iterable[str]) -> dict[tuple[str, str], datetime]:
    """When each lead last said anything about a purpose as a whole: (lead, purpose) → when."""
    query = sa.select(table.c.lead, table.c.purpose, sa.func.max(table.c.at)).where(
        table.c.lead.in_(sorted(set(leads))), table.c.topic == ""
    )
    found = tx.conn.execute(query.group_by(table.c.lead, table.c.purpose))
    return {(lead, purpose): at for lead, purpose, at in found}


def of_lead(tx: Transaction, lead: str) -> list[dict[str, Any]]:
    """Every line about one lead, oldest first."""
    query = sa.select(table).where(table.c.lead == lead)
    ordered = query.order_by(table.c.at, table.c.recorded_at, table.c.id)
    return [row._asdict() for row in tx.conn.execute(ordered)]


def page(tx: Transaction, *, after: str = "", limit: int = 1000) -> list[dict[str, Any]]:
    """A page of the whole ledger, in the order of the lines' ids."""
    query = sa.select(table).where(table.c.id > after).order_by(table.c.id).limit(limit)
    return [row._asdict() for row in tx.conn.execute(query)]


def move(tx: Transaction, leads: Collection[str], to: str) -> None:
    """Gives the lines of leads that were merged away to the lead that stays."""
    tx.conn.execute(table.update().where(table.c.lead.in_(sorted(leads))).values(lead=to))


def erase(tx: Transaction, leads: Collection[str]) -> None:
    """Removes the lines about leads that are erased."""
    tx.conn.execute(table.delete().where(table.c.lead.in_(sorted(leads))))
