"""The leads' repository: locking, loading, finding, listing; `lead_writing` makes and changes them.

No function queries lead by lead: each takes many.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from engine.errors import InputError
from engine.ids import LeadId
from engine.runtime.fields import FieldTypes
from engine.runtime.identity import email_key
from engine.store import gone, quick
from engine.store.database import StaleError, Transaction
from engine.store.lead_facts import NO_FIELDS, Facts, facts_of, find_by_key, rows, table
from engine.store.lead_writing import LeadChange, create_many, save_many, touch, typed

__all__ = [
    "ERASED",
    "Facts",
    "LeadChange",
    "count",
    "create_many",
    "email_key",
    "filters",
    "find",
    "find_by_email",
    "find_by_key",
    "load",
    "lock",
    "lock_remembered",
    "page",
    "row",
    "save_many",
    "table",
    "touch",
    "typed",
]


ERASED = ""
"""The stage of a lead that was erased: its row is empty, and stands for it in sums."""


def lock(tx: Transaction, ids: Iterable[str]) -> None:
    """Locks the leads in id order, before anything else is locked (runtime.md, I7).

    SQLite has one writer at a time, so there is nothing to lock. Ids that somebody remembers from
    before this transaction go through `engine.store.gone` first.

    Raises:
        StaleError: one was merged away while this waited for it; the transaction begins anew.
    """
    if not tx.is_postgres:
        return
    wanted = sorted(set(ids))
    locked = {row["id"] for row in quick.fetch(tx, _lock, ids=wanted)}
    if len(locked) < len(wanted) and gone.now_as(tx, set(wanted) - locked):
        raise StaleError("a lead was merged or erased since it was looked for")


_lock = (
    sa.select(table.c.id)
    .where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(table.c.id)
    .with_for_update(key_share=True)
)


def lock_remembered(tx: Transaction, ids: Iterable[str]) -> None:
    """Locks leads known from before this transaction, each as whom it lives on now."""
    wanted = set(ids)
    if tx.is_postgres:
        now = gone.now_as(tx, wanted)
        lock(tx, {now.get(id, id) for id in wanted})


def load(
    tx: Transaction, ids: Iterable[str], custom: FieldTypes = NO_FIELDS
) -> dict[LeadId, Facts]:
    """The facts of these leads, by id; those that do not exist are left out."""
    return {LeadId(row["id"]): facts_of(row, custom, tx.now) for row in rows(tx, ids)}


def row(tx: Transaction, id: str) -> Mapping[str, Any]:
    """The columns of one lead that exists."""
    found = tx.conn.execute(sa.select(table).where(table.c.id == id)).one()
    return found._asdict()


def find_by_email(tx: Transaction, emails: Iterable[str]) -> dict[str, LeadId]:
    """Which of these addresses belong to a lead: the address's key to the lead's id.

    What is no address belongs to nobody.
    """
    return find_by_key(tx, filter(None, map(_key_or_none, emails)))


def find(tx: Transaction, name: str) -> LeadId | None:
    """The lead that a person means by an address or an id; one merged away is its survivor.

    A lead that was erased is nobody's.
    """
    key = _key_or_none(name) if "@" in name else None
    if key is not None:
        return find_by_key(tx, [key]).get(key)
    name = gone.now_as(tx, [name]).get(name, name)
    query = sa.select(table.c.id).where(table.c.id == name, table.c.stage != ERASED)
    found = tx.conn.execute(query).scalar()
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
    query = sa.select(table).where(*filters(tx, stage, owner, tag, text))
    if after is not None:
        query = query.where(table.c.id > after)
    found = tx.conn.execute(query.order_by(table.c.id).limit(limit))
    return [facts_of(row._asdict(), custom, tx.now) for row in found]


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
    found: int = tx.conn.execute(query.where(*filters(tx, stage, owner, tag, text))).scalar_one()
    return found


def filters(
    tx: Transaction,
    stage: str | None = None,
    owner: str | None = None,
    tag: str | None = None,
    text: str | None = None,
) -> list[sa.ColumnElement[bool]]:
    """Clauses for what listings are narrowed by; an empty owner is nobody."""
    found: list[sa.ColumnElement[bool]] = [table.c.stage != ERASED]
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
