"""Leads that live on as another, since they were merged or are being erased: who they are now.

The id that somebody remembers, and the address of a lead that was merged away, lead to the one who
holds everything. No function asks lead by lead.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.ids import LeadId
from engine.store import quick
from engine.store.database import Transaction
from engine.store.record_tables import GoneLead

table: sa.Table = GoneLead.__table__  # type: ignore[attr-defined]

_by_ids = sa.select(table.c.id, table.c.survivor).where(
    table.c.id.in_(sa.bindparam("ids", expanding=True))
)
_by_keys = sa.select(table.c.email_key, table.c.survivor).where(
    table.c.email_key.in_(sa.bindparam("keys", expanding=True))
)


def now_as(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """Which of these leads are gone, and as whom each lives on."""
    wanted = list(ids)
    if not wanted:
        return {}
    return {row["id"]: row["survivor"] for row in quick.fetch(tx, _by_ids, ids=wanted)}


def by_key(tx: Transaction, keys: Collection[str]) -> dict[str, LeadId]:
    """Whose former addresses these are: the address's key to the lead that has it now."""
    if not keys:
        return {}
    found = quick.fetch(tx, _by_keys, keys=list(keys))
    return {row["email_key"]: LeadId(row["survivor"]) for row in found}


def of(tx: Transaction, survivor: str) -> list[Mapping[str, Any]]:
    """Those who live on as this lead, the first that was merged away first."""
    query = sa.select(table).where(table.c.survivor == survivor).order_by(table.c.at, table.c.id)
    return [row._asdict() for row in tx.conn.execute(query)]


def lead_on(tx: Transaction, former: str, survivor: str, key: str | None = None) -> None:
    """From now on `former`, and whoever was led to it, is led to `survivor`."""
    tx.conn.execute(sa.update(table).where(table.c.survivor == former).values(survivor=survivor))
    row = {"id": former, "survivor": survivor, "email_key": key, "at": tx.now}
    tx.conn.execute(sa.insert(table), row)


def forget(tx: Transaction, survivor: str) -> int:
    """Nobody is led to this lead any more; answers how many were."""
    return tx.conn.execute(sa.delete(table).where(table.c.survivor == survivor)).rowcount
