"""Taking a person out of the deals that it is the primary contact of: what erasing writes.

A deal is the company's, and sums count it: it stays, with its stage, amount and owner. The name of
the decision maker goes, and every text that names the person.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.runtime.traces import Traces
from engine.store import deals, events
from engine.store.database import Transaction

_TEXTS = ("lost_reason", "tags", "fields")
_NAMES = ("decision_maker",)


def deals_of(tx: Transaction, former: str, id: str, traces: Traces) -> None:
    """The deals of a lead, with their histories and events."""
    table = deals.table
    rows = tx.conn.execute(sa.select(table).where(table.c.lead == former)).mappings()
    found = rows.all()
    for row in found:
        values: dict[str, Any] = {"lead": id, "decision_maker": None}
        if traces.are_in(row["name"]):
            values["name"] = f"deal {row['id']}"
        for name in _TEXTS:
            if traces.are_in(row[name]):
                values[name] = traces.taken_out(row[name])
        tx.conn.execute(sa.update(table).where(table.c.id == row["id"]).values(values))
    ids = [row["id"] for row in found]
    _histories(tx, ids, former, id, traces)
    _events(tx, ids, former, traces)


def _histories(tx: Transaction, ids: Sequence[str], former: str, id: str, traces: Traces) -> None:
    table = deals.change_table
    query = sa.select(table).where(table.c.deal.in_(ids))
    for row in tx.conn.execute(query).mappings().all():
        values = _cleaned(row, traces)
        for side in ("before", "after"):
            if row[side] == former:
                values[side] = id
        if values:
            tx.conn.execute(sa.update(table).where(table.c.id == row["id"]).values(values))


def _cleaned(row: Mapping[Any, Any], traces: Traces) -> dict[str, Any]:
    values: dict[str, Any] = {
        side: None for side in ("before", "after")
        if row[side] is not None and (row["field"] in _NAMES or traces.are_in(row[side]))
    }  # fmt: skip
    return values | ({"reason": ""} if traces.are_in(row["reason"]) else {})


def _events(tx: Transaction, ids: Sequence[str], former: str, traces: Traces) -> None:
    """Events of these deals at other contacts; those at the lead itself go with the lead's."""
    table = events.table
    query = sa.select(table.c.id, table.c.properties)
    for row in tx.conn.execute(query.where(table.c.deal.in_(ids), table.c.lead != former)).all():
        if traces.are_in(row.properties):
            values = {"properties": traces.taken_out(row.properties)}
            tx.conn.execute(sa.update(table).where(table.c.id == row.id).values(values))
