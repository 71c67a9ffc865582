"""Taking a person out of the company that it belonged to: what erasing writes.

A company stays, without what names the person. If all that is known of it came from this lead, and
nobody else belongs to it, it says more of the person than of a company: it goes.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from engine.runtime.companies import spoken
from engine.runtime.traces import Traces
from engine.store.companies import (
    change_table,
    deal_table,
    formers,
    kept,
    key_table,
    remove,
    table,
)
from engine.store.company_placing import ACTOR
from engine.store.database import Transaction
from engine.store.lead_facts import table as lead_table


def company_of(tx: Transaction, lead: Mapping[str, Any], traces: Traces) -> None:
    """The company of a lead that was this row, and whose row is empty already."""
    mine = table.c.id == lead["company_id"]
    row = tx.conn.execute(sa.select(table).where(mine)).mappings().first()
    if row is None:
        return
    by_hand = _is_kept_by_hand(tx, row["id"])
    if row["owner"] is None and not by_hand and _is_of_nobody(tx, row["id"]):
        remove(tx, [row["id"]])
        return
    if lead["company"] and not by_hand and not _is_said(tx, row["id"], lead["company"]):
        traces = Traces(traces.words | {lead["company"]})
    values: dict[str, Any] = {}
    if traces.are_in(row["name"]) or traces.are_in(row["domain"]):
        domain = None if traces.are_in(row["domain"]) else row["domain"]
        other = spoken(domain) if domain else f"company {row['id']}"
        values |= kept(other if traces.are_in(row["name"]) else row["name"], domain)
        _forget_keys(tx, row["id"], values)
    if traces.are_in(row["fields"]):
        values["fields"] = traces.taken_out(row["fields"])
    if values:
        tx.conn.execute(sa.update(table).where(table.c.id == row["id"]).values(**values))
    _history(tx, row["id"], traces)


def _is_said(tx: Transaction, company: str, name: str) -> bool:
    """Whether another lead of the company calls it so, too."""
    theirs = sa.select(lead_table.c.id).where(
        lead_table.c.company_id.in_(formers(tx, company)), lead_table.c.company == name
    )
    return tx.conn.execute(theirs.limit(1)).first() is not None


def _is_of_nobody(tx: Transaction, company: str) -> bool:
    ids = formers(tx, company)
    return not any(
        tx.conn.execute(sa.select(one.c.id).where(one.c.company_id.in_(ids)).limit(1)).first()
        for one in (lead_table, deal_table)
    )


def _is_kept_by_hand(tx: Transaction, company: str) -> bool:
    """Whether a person, or a file of companies, has said anything of it."""
    lines = sa.select(change_table.c.id).where(
        change_table.c.company == company, change_table.c.actor != ACTOR
    )
    return tx.conn.execute(lines.limit(1)).first() is not None


def _forget_keys(tx: Transaction, company: str, values: dict[str, Any]) -> None:
    """Names, and domains that name the person: the company is known by them no more."""
    mine = key_table.c.company == company
    theirs = key_table.c.key.startswith("name:")
    if values["domain"] is None:
        theirs = sa.or_(theirs, key_table.c.key.startswith("domain:"))
    tx.conn.execute(sa.delete(key_table).where(mine, theirs))


def _history(tx: Transaction, company: str, traces: Traces) -> None:
    query = sa.select(change_table).where(change_table.c.company == company)
    for row in tx.conn.execute(query).mappings().all():
        values: dict[str, Any] = {
            side: None for side in ("before", "after") if traces.are_in(row[side])
        }
        values |= {"reason": ""} if traces.are_in(row["reason"]) else {}
        if values:
            change = sa.update(change_table).where(change_table.c.id == row["id"])
            tx.conn.execute(change.values(**values))
