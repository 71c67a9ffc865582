"""The events' repository: what leads did, kept once, and looked back on for many leads at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import EventId, LeadId
from engine.playbook.values import Value
from engine.store import inserting, quick
from engine.store.database import Transaction
from engine.store.retention_tables import PastEvent
from engine.store.tables import Event

table: sa.Table = Event.__table__  # type: ignore[attr-defined]
past_table: sa.Table = PastEvent.__table__  # type: ignore[attr-defined]
_known, _past = (
    sa.select(each.c.id).where(each.c.id.in_(sa.bindparam("ids", expanding=True)))
    for each in (table, past_table)
)

Occurrences = Sequence[tuple[datetime, Mapping[str, Value]]]


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """What one lead did, as loaded: a `History` of the language."""

    by_name: Mapping[str, Occurrences] = field(default_factory=dict)

    def occurrences(self, event: str) -> Occurrences:
        """Every occurrence of `event`, oldest first: when, and its properties."""
        return self.by_name.get(event, ())


def insert_new(tx: Transaction, events: Sequence[Mapping[str, Any]]) -> frozenset[EventId]:
    """Keeps events, each a row of the table; one whose id is known already is left out.

    Returns:
        The ids that were new.
    """
    return frozenset(map(EventId, inserting.insert_new(tx, table, events)))


def known(tx: Transaction, ids: Iterable[str]) -> frozenset[EventId]:
    """Which of these ids belong to an event that is kept, or was until it had to go."""
    wanted = list(ids)
    found = [row for query in (_known, _past) for row in quick.fetch(tx, query, ids=wanted)]
    return frozenset(EventId(row["id"]) for row in found)


def forget(tx: Transaction, ids: Sequence[str]) -> None:
    """Removes these events for good; their ids stay known."""
    inserting.insert_new(tx, past_table, [{"id": id} for id in ids])
    tx.conn.execute(sa.delete(table).where(table.c.id.in_(ids)))


def histories(
    tx: Transaction, lead_ids: Iterable[str], names: Iterable[str]
) -> dict[LeadId, StoredHistory]:
    """What these leads did, of the events named: one query, an entry for every lead."""
    ids, wanted = list(lead_ids), list(names)
    found: dict[str, dict[str, list[tuple[datetime, Mapping[str, Value]]]]] = {id: {} for id in ids}
    query = (
        sa.select(table.c.lead, table.c.name, table.c.at, table.c.properties)
        .where(table.c.lead.in_(ids), table.c.name.in_(wanted))
        .order_by(table.c.at, table.c.id)
    )
    for lead, name, at, properties in tx.conn.execute(query) if ids and wanted else ():
        found[lead].setdefault(name, []).append((at, properties))
    return {LeadId(lead): StoredHistory(by_name) for lead, by_name in found.items()}


def of_lead(
    tx: Transaction, lead: str, *, before: tuple[datetime, str] | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """A lead's events, newest first; the next page is `before` the last one's (at, id)."""
    query = sa.select(table).where(table.c.lead == lead)
    if before is not None:
        at, id = before
        earlier = sa.and_(table.c.at == at, table.c.id < id)
        query = query.where(sa.or_(table.c.at < at, earlier))
    query = query.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
    return [row._asdict() for row in tx.conn.execute(query)]


def lately(
    tx: Transaction, lead: str, names: Iterable[str], *, since: datetime
) -> list[tuple[datetime, Mapping[str, Value]]]:
    """A lead's events of these names since then: when, and their properties."""
    mine = sa.and_(table.c.lead == lead, table.c.name.in_(list(names)), table.c.at > since)
    found = tx.conn.execute(sa.select(table.c.at, table.c.properties).where(mine))
    return [(at, properties) for at, properties in found]
