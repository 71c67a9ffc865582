"""The companies' repository: finding, listing, making and changing them, with their history.

No function queries company by company. Which leads belong to one is `company_placing`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.ids import new_id
from engine.playbook.values import Value
from engine.runtime.companies import domain_key, folded_name, main_label, name_key
from engine.runtime.fields import FieldTypes, from_json, to_json
from engine.runtime.likeness import company_key
from engine.store.company_tables import (
    CompanyChange,
    CompanyKey,
    CompanyRow,
    DistinctCompanies,
    GoneCompany,
)
from engine.store.database import Transaction
from engine.store.deal_tables import Deal
from engine.store.inserting import insert_many, insert_new, upsert
from engine.store.lead_facts import table as lead_table

Facts: TypeAlias = dict[str, Value]
"""A company as it is shown: id, name, domain, owner, created_at, version, and its own fields."""

table: sa.Table = CompanyRow.__table__  # type: ignore[attr-defined]
key_table: sa.Table = CompanyKey.__table__  # type: ignore[attr-defined]
change_table: sa.Table = CompanyChange.__table__  # type: ignore[attr-defined]
gone_table: sa.Table = GoneCompany.__table__  # type: ignore[attr-defined]
distinct_table: sa.Table = DistinctCompanies.__table__  # type: ignore[attr-defined]
deal_table: sa.Table = Deal.__table__  # type: ignore[attr-defined]

COLUMNS = ("name", "domain", "owner")
"""The built-in fields that may be written."""

_SHOWN = ("id", "name", "domain", "owner", "created_at", "version")


def facts_of(row: Mapping[Any, Any], custom: FieldTypes) -> Facts:
    """A row as facts."""
    own = {name: from_json(row["fields"].get(name), kind) for name, kind in custom.items()}
    return own | {name: row[name] for name in _SHOWN}


def row_of(id: str, name: str, domain: str | None, at: datetime) -> dict[str, Any]:
    """The row of a new company of which only this is known."""
    return {
        "id": id, "owner": None, "fields": {}, "version": 0, "created_at": at,
        **kept(name, domain),
    }  # fmt: skip


def kept(name: str, domain: str | None) -> dict[str, Any]:
    """The columns that follow from a name and a domain."""
    label = main_label(domain) if domain else ""
    return {"name": name, "domain": domain, "likeness": company_key(name)[:200], "label": label}


def find(tx: Transaction, name: str) -> str | None:
    """The company that a person means by an id, a domain or a name; one merged away: as whom."""
    id = now_as(tx, [name]).get(name, name)
    if tx.conn.execute(sa.select(table.c.id).where(table.c.id == id)).scalar():
        return id
    domains, folded = [domain_key(name.strip().casefold())], folded_name(name)
    found = by_keys(tx, [*domains, name_key(folded)])
    return next((found[key] for key in (*domains, name_key(folded)) if key in found), None)


def now_as(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """Which of these companies were merged away, and as whom each lives on."""
    query = sa.select(gone_table.c.id, gone_table.c.survivor)
    rows = tx.conn.execute(query.where(gone_table.c.id.in_(sorted(set(ids)))))
    return {row.id: row.survivor for row in rows}


def formers(tx: Transaction, id: str) -> list[str]:
    """The company's id and those of companies that live on as it: all that records may name."""
    query = sa.select(gone_table.c.id).where(gone_table.c.survivor == id)
    return [id, *tx.conn.execute(query).scalars()]


def by_keys(tx: Transaction, keys: Iterable[str]) -> dict[str, str]:
    """Which companies are known by these keys."""
    query = sa.select(key_table).where(key_table.c.key.in_(sorted(set(keys))))
    return {row.key: row.company for row in tx.conn.execute(query)}


def load(tx: Transaction, ids: Iterable[str], custom: FieldTypes) -> dict[str, Facts]:
    """The facts of these companies, by id; those that do not exist are left out."""
    query = sa.select(table).where(table.c.id.in_(sorted(set(ids))))
    return {row["id"]: facts_of(row, custom) for row in tx.conn.execute(query).mappings()}


def domains(tx: Transaction, ids: Iterable[str]) -> dict[str, list[str]]:
    """Every domain of these companies, by id."""
    query = sa.select(key_table).where(
        key_table.c.company.in_(list(ids)), key_table.c.key.startswith("domain:")
    )
    found: dict[str, list[str]] = {}
    for row in tx.conn.execute(query.order_by(key_table.c.key)):
        found.setdefault(row.company, []).append(row.key.partition(":")[2])
    return found


def page(
    tx: Transaction, *, after: str = "", limit: int, text: str = "", owner: str | None = None,
    custom: FieldTypes,
) -> list[Facts]:  # fmt: skip
    """Companies in the order they became known; the next page is `after` the last id."""
    query = sa.select(table).where(table.c.id > after)
    if owner is not None:
        query = query.where(table.c.owner == owner if owner else table.c.owner.is_(None))
    if text:
        names = (table.c.name, table.c.domain)
        query = query.where(sa.or_(*(one.icontains(text, autoescape=True) for one in names)))
    rows = tx.conn.execute(query.order_by(table.c.id).limit(limit)).mappings()
    return [facts_of(row, custom) for row in rows]


@dataclass(slots=True)
class Size:
    """What a company has: leads, deals, open ones, and what these are worth by currency."""

    leads: int = 0
    deals: int = 0
    open_deals: int = 0
    open_amounts: dict[str, float] = field(default_factory=dict)


def sizes(tx: Transaction, ids: Iterable[str]) -> dict[str, Size]:
    """What each of these companies has; two queries."""
    found = {id: Size() for id in sorted(set(ids))}
    count, company = sa.func.count(), lead_table.c.company_id
    leads = sa.select(company, count).where(company.in_(list(found))).group_by(company)
    for row in tx.conn.execute(leads):
        found[row[0]].leads = row[1]
    deal = deal_table.c
    amount = sa.func.coalesce(sa.func.sum(deal.amount), 0)
    by = (deal.company_id, deal.closed, deal.currency)
    query = sa.select(*by, count, amount).where(deal.company_id.in_(list(found))).group_by(*by)
    for id, closed, currency, number, worth in tx.conn.execute(query):
        size = found[id]
        size.deals += number
        if closed:
            continue
        size.open_deals += number
        if worth:
            known = size.open_amounts.get(currency or "", 0.0)
            size.open_amounts[currency or ""] = known + float(worth)
    return found


def leads_of(
    tx: Transaction, ids: Sequence[str], *, after: str = "", limit: int
) -> list[str]:  # fmt: skip
    """Leads of a company, given by all ids that it has had, in the order they became known."""
    mine = lead_table.c.company_id.in_(ids)
    query = sa.select(lead_table.c.id).where(mine, lead_table.c.id > after)
    return list(tx.conn.execute(query.order_by(lead_table.c.id).limit(limit)).scalars())


def deals_of(tx: Transaction, ids: Sequence[str], *, limit: int) -> list[str]:
    """Deals of a company, the newest first."""
    query = sa.select(deal_table.c.id).where(deal_table.c.company_id.in_(ids))
    newest = query.order_by(deal_table.c.created_at.desc(), deal_table.c.id.desc())
    return list(tx.conn.execute(newest.limit(limit)).scalars())


def of_lead(tx: Transaction, lead: str) -> str | None:
    """The company of a lead."""
    return _of(tx, lead_table, lead)


def of_deal(tx: Transaction, deal: str) -> str | None:
    """The company that a deal is with."""
    return _of(tx, deal_table, deal)


def _of(tx: Transaction, records: sa.Table, id: str) -> str | None:
    found = tx.conn.execute(sa.select(records.c.company_id).where(records.c.id == id)).scalar()
    return now_as(tx, [found]).get(found, found) if found else None


def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]], actor: str, reason: str) -> None:
    """Makes companies, with the first line of their histories."""
    insert_many(tx, table, rows)
    log(tx, [change(tx, row["id"], "created", None, row["name"], actor, reason) for row in rows])


def learn(tx: Transaction, keys: Mapping[str, str]) -> frozenset[str]:
    """Companies are known by these keys, too; answers those that nobody else had."""
    rows = [{"key": key, "company": keys[key]} for key in sorted(keys)]
    return insert_new(tx, key_table, rows, key="key")


def save(
    tx: Transaction, id: str, values: Mapping[str, Value], *, actor: str, reason: str,
    custom: FieldTypes,
) -> list[str]:  # fmt: skip
    """Changes fields of a company that exists; answers which really changed.

    The values are of the right types already; None takes one away.
    """
    row = tx.conn.execute(sa.select(table).where(table.c.id == id)).mappings().one()
    before = facts_of(row, custom)
    differing = {name: value for name, value in values.items() if before.get(name) != value}
    if not differing:
        return []
    columns: dict[str, Any] = {name: differing[name] for name in COLUMNS if name in differing}
    if columns.keys() & {"name", "domain"}:
        named = {**before, **differing}
        columns |= kept(str(named["name"]), named["domain"])  # type: ignore[arg-type]
    own = {name: to_json(value) for name, value in differing.items() if name not in COLUMNS}
    if own:
        merged = {**row["fields"], **own}
        columns["fields"] = {name: value for name, value in merged.items() if value is not None}
    columns["version"] = row["version"] + 1
    tx.conn.execute(sa.update(table).where(table.c.id == id).values(**columns))
    log(tx, [change(tx, id, name, before.get(name), value, actor, reason)
             for name, value in differing.items()])  # fmt: skip
    return list(differing)


def history_of(tx: Transaction, ids: Sequence[str], *, limit: int = 100) -> list[dict[str, Any]]:
    """What changed on a company, newest first."""
    query = sa.select(change_table).where(change_table.c.company.in_(ids))
    newest = query.order_by(change_table.c.at.desc(), change_table.c.id.desc()).limit(limit)
    return [row._asdict() for row in tx.conn.execute(newest)]


def lead_on(tx: Transaction, former: str, survivor: str) -> dict[str, int]:
    """Everything that names `former` names `survivor`; answers how many rows did, by table."""
    moved: dict[str, int] = {}
    for one, column in (
        (lead_table, lead_table.c.company_id), (deal_table, deal_table.c.company_id),
        (key_table, key_table.c.company), (change_table, change_table.c.company),
        (gone_table, gone_table.c.survivor),
    ):  # fmt: skip
        statement = sa.update(one).where(column == former).values({column.name: survivor})
        moved[one.name] = tx.conn.execute(statement).rowcount
    d = distinct_table.c
    tx.conn.execute(sa.delete(distinct_table).where(sa.or_(d.one == former, d.other == former)))
    tx.conn.execute(sa.delete(table).where(table.c.id == former))
    insert_many(tx, gone_table, [{"id": former, "survivor": survivor, "at": tx.now}])
    return {name: number for name, number in moved.items() if number}


def remove(tx: Transaction, ids: Sequence[str]) -> None:
    """Companies that nothing names: they go, with all that was known of them."""
    for one, column in ((key_table, key_table.c.company), (change_table, change_table.c.company),
                        (gone_table, gone_table.c.survivor), (table, table.c.id)):  # fmt: skip
        tx.conn.execute(sa.delete(one).where(column.in_(ids)))


def set_distinct(tx: Transaction, one: str, other: str) -> None:
    """Keeps that two companies are two."""
    first, second = sorted((one, other))
    row = {"one": first, "other": second, "at": tx.now}
    upsert(tx, distinct_table, [row], keys=("one", "other"), update=("at",))


def change(
    tx: Transaction, company: str, name: str, before: Value, after: Value, actor: str, reason: str
) -> dict[str, Any]:
    """A line of a company's history."""
    return {
        "id": new_id(), "company": company, "at": tx.now, "field": name, "before": to_json(before),
        "after": to_json(after), "actor": actor, "reason": reason[:500],
    }  # fmt: skip


def log(tx: Transaction, changes: Sequence[Mapping[str, Any]]) -> None:
    """Adds lines to histories."""
    insert_many(tx, change_table, changes)
