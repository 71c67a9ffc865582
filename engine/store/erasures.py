"""The repository of erasures: which leads are being erased, and how far that has come."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.store import gone, leads
from engine.store.columns import EPOCH
from engine.store.database import Transaction
from engine.store.inserting import insert_many
from engine.store.record_tables import Erasure
from engine.store.tables import Lead

table: sa.Table = Erasure.__table__  # type: ignore[attr-defined]

_KEPT = ("created_at", "stage_entered_at", "orders", "revenue")
"""What sums go by; it says nothing about who somebody was."""


def begin(
    tx: Transaction, lead: Mapping[str, Any], *, id: str, stage: str, actor: str, reason: str
) -> None:
    """Puts an empty lead in the place of `lead`, and empties that one, which goes in the end.

    From here on nothing finds the lead by an address, and its id leads to the empty one.
    """
    empty = empty_row() | {name: lead[name] for name in _KEPT}
    insert_many(tx, leads.table, [empty | {"id": id}])
    nothing = {name: value for name, value in empty.items() if name not in _KEPT}
    tx.conn.execute(sa.update(leads.table).where(leads.table.c.id == lead["id"]).values(**nothing))
    gone.forget(tx, lead["id"])
    gone.lead_on(tx, lead["id"], id)
    row = {
        "id": id, "former": lead["id"], "stage": stage, "actor": actor, "reason": reason,
        "rows": {}, "began_at": tx.now, "ended_at": None,
    }  # fmt: skip
    insert_many(tx, table, [row])


def empty_row() -> dict[str, Any]:
    """The columns of a lead of whom nothing is known, but for its id."""
    made = Lead(id="", stage=leads.ERASED, created_at=EPOCH, stage_entered_at=EPOCH)
    found = made.model_dump()
    del found["id"]
    return found


def end(tx: Transaction, id: str, former: str) -> None:
    """Nothing names the former id any more: it goes, and nobody is led from it."""
    tx.conn.execute(sa.delete(leads.table).where(leads.table.c.id == former))
    gone.forget(tx, id)
    change(tx, id, former="", ended_at=tx.now)


def change(tx: Transaction, id: str, **values: Any) -> None:
    """Changes an erasure's row."""
    tx.conn.execute(sa.update(table).where(table.c.id == id).values(values))


def get(tx: Transaction, id: str) -> Mapping[str, Any] | None:
    """One erasure."""
    found = tx.conn.execute(sa.select(table).where(table.c.id == id)).first()
    return found._asdict() if found else None


def of(tx: Transaction, formers: Iterable[str]) -> dict[str, str]:
    """The erasures under way of these leads: the id it had to the erasure's."""
    query = sa.select(table.c.former, table.c.id).where(table.c.former.in_(list(formers)))
    return {row.former: row.id for row in tx.conn.execute(query)}


def under_way(tx: Transaction, *, after: str = "", limit: int = 100) -> list[str]:
    """Erasures that are not over, by id."""
    query = sa.select(table.c.id).where(table.c.former != "", table.c.id > after)
    return list(tx.conn.execute(query.order_by(table.c.id).limit(limit)).scalars())


def page(tx: Transaction, *, before: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Erasures, the newest first."""
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if before:
        query = query.where(table.c.id < before)
    return [row._asdict() for row in tx.conn.execute(query)]
