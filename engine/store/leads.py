"""The leads' repository: locking, loading, finding and listing. `lead_writing` changes them.

Leads are handed out as facts: plain dicts of the language's `lead.` names, the workspace's own
fields among them, so that conditions and decisions know no row. No function queries lead by lead.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from engine.errors import InputError
from engine.ids import LeadId
from engine.playbook.values import Value
from engine.runtime.fields import BUILT_IN, FieldTypes, from_json
from engine.runtime.identity import email_key, full_name
from engine.store.database import Transaction
from engine.store.tables import Lead

Facts: TypeAlias = dict[str, Value]
"""A lead as conditions see it: every `lead.` name; None where nothing is known."""

Row: TypeAlias = Mapping[str, Any]
"""A lead as the table holds it: column to value."""

table: sa.Table = Lead.__table__  # type: ignore[attr-defined]
NO_FIELDS: FieldTypes = {}


def lock(tx: Transaction, ids: Iterable[str]) -> None:
    """Locks the leads in id order, before anything else is locked (runtime.md, I7).

    SQLite has one writer at a time, so there is nothing to lock.
    """
    if not tx.is_postgres:
        return
    query = sa.select(table.c.id).where(table.c.id.in_(sorted(set(ids)))).order_by(table.c.id)
    tx.conn.execute(query.with_for_update(key_share=True)).all()


def load(
    tx: Transaction, ids: Iterable[str], custom: FieldTypes = NO_FIELDS
) -> dict[LeadId, Facts]:
    """The facts of these leads, by id; those that do not exist are left out."""
    return {LeadId(row["id"]): facts_of(row, custom) for row in rows(tx, ids)}


def rows(tx: Transaction, ids: Iterable[str]) -> list[Row]:
    """The rows behind `load`, for those who write them back."""
    query = sa.select(table).where(table.c.id.in_(list(ids)))
    return [row._asdict() for row in tx.conn.execute(query)]


def find_by_email(tx: Transaction, emails: Iterable[str]) -> dict[str, LeadId]:
    """Which of these addresses belong to a lead: the address's key to the lead's id.

    What is no address belongs to nobody.
    """
    return find_by_key(tx, filter(None, map(_key_or_none, emails)))


def find_by_key(tx: Transaction, keys: Iterable[str]) -> dict[str, LeadId]:
    """The same for keys that `email_key` has made."""
    query = sa.select(table.c.email_key, table.c.id).where(table.c.email_key.in_(list(keys)))
    return {key: LeadId(id) for key, id in tx.conn.execute(query)}


def find(tx: Transaction, name: str) -> LeadId | None:
    """The lead that a person means by an address or an id."""
    key = _key_or_none(name) if "@" in name else None
    if key is not None:
        return find_by_key(tx, [key]).get(key)
    found = tx.conn.execute(sa.select(table.c.id).where(table.c.id == name)).scalar()
    return LeadId(found) if found else None


def page(
    tx: Transaction,
    *,
    after: str | None = None,
    limit: int = 100,
    stage: str | None = None,
    owner: str | None = None,
    tag: str | None = None,
    text: str | None = None,
    custom: FieldTypes = NO_FIELDS,
) -> list[Facts]:
    """Leads in the order they became known; the next page begins `after` the last one's id."""
    query = sa.select(table).where(*_filters(tx, stage, owner, tag, text))
    if after is not None:
        query = query.where(table.c.id > after)
    found = tx.conn.execute(query.order_by(table.c.id).limit(limit))
    return [facts_of(row._asdict(), custom) for row in found]


def count(
    tx: Transaction,
    *,
    stage: str | None = None,
    owner: str | None = None,
    tag: str | None = None,
    text: str | None = None,
) -> int:
    """How many leads `page` would list."""
    query = sa.select(sa.func.count()).select_from(table)
    found: int = tx.conn.execute(query.where(*_filters(tx, stage, owner, tag, text))).scalar_one()
    return found


def facts_of(row: Row, custom: FieldTypes) -> Facts:
    """A row as facts; a built-in name wins over a field of the workspace with the same name."""
    kept = row["fields"]
    facts: Facts = {name: from_json(kept.get(name), kind) for name, kind in custom.items()}
    for name in BUILT_IN:
        facts[name] = row[name]
    score = row["score"]
    facts["score"] = int(score) if score == int(score) else score
    facts["birthday"] = _birthday(row["birthday"])
    facts["full_name"] = row["full_name"] or full_name(row["first_name"], row["last_name"])
    return facts


def _birthday(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _filters(
    tx: Transaction, stage: str | None, owner: str | None, tag: str | None, text: str | None
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if stage is not None:
        found.append(table.c.stage == stage)
    if owner is not None:
        found.append(table.c.owner == owner if owner else table.c.owner.is_(None))
    if tag is not None:
        found.append(_has_tag(tx, tag))
    if text:
        columns = ("email", "first_name", "last_name", "full_name", "company", "phone")
        # A Chinese name is searched for as it is written: the family name first.
        names = [table.c[name] for name in columns]
        whole = sa.func.coalesce(table.c.last_name, "") + sa.func.coalesce(table.c.first_name, "")
        found.append(sa.or_(*(name.icontains(text, autoescape=True) for name in [*names, whole])))
    return found


def _has_tag(tx: Transaction, tag: str) -> sa.ColumnElement[bool]:
    if tx.is_postgres:
        return sa.type_coerce(table.c.tags, JSONB).contains([tag])
    items = sa.func.json_each(table.c.tags).table_valued("value")
    return sa.exists(sa.select(1).select_from(items).where(items.c.value == tag))


def _key_or_none(text: str) -> str | None:
    try:
        return email_key(text)
    except InputError:
        return None
