"""Finding leads for a page, newest first, in bounded time however many there are.

Filters that have an index are followed along it. A text is looked for as an address first, then in
a stretch of leads at a time: a page that found too few says where to look on.

There is no index of trigrams, on purpose: measured on SQLite it added 57 µs of CPU to each new lead
and made the file three times as large, and it does not find a name of two characters, such as 李伟.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.operations.selecting import Selection
from engine.store import leads
from engine.store.database import Transaction
from engine.store.lead_facts import Facts, facts_of

STRETCH = 50_000
"""Leads that one page looks through for a text."""

PAGE = 50
_CANDIDATES = 500
"""Leads that Python looks at for a page, where SQL cannot express the whole condition."""

_SEARCHED = ("email", "first_name", "last_name", "full_name", "company", "phone")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of leads.

    Attributes:
        before: where the next page begins; None: there is none.
        is_partial: the stretch ended before the page was full; there may be more further on.
    """

    leads: Sequence[Facts]
    before: str | None
    is_partial: bool = False


def search(
    tx: Transaction,
    *,
    text: str = "",
    stage: str = "",
    owner: str = "",
    before: str = "",
    size: int = PAGE,
    chosen: Selection | None = None,
) -> Found:
    """A page of the leads that fit, the one known last first; `chosen` narrows by a condition."""
    text = text.strip()
    if chosen is not None:
        return _selected(tx, chosen, text, stage, owner, before, size)
    if text and not before:
        exact = _exact(tx, text)
        if exact is not None:
            return Found([exact], None)
    if text or (stage and owner):
        return _stretch(tx, text, stage, owner, before, size)
    there = leads.table.c.stage != leads.ERASED
    query = sa.select(leads.table).where(there, *_indexed(stage, owner), *_older(before))
    rows = _rows(tx, query.order_by(leads.table.c.id.desc()).limit(size + 1))
    return _page(rows, size)


def _exact(tx: Transaction, text: str) -> Facts | None:
    """The lead whose address or id the text is."""
    id = leads.find(tx, text)
    return leads.load(tx, [id])[id] if id is not None else None


def _selected(
    tx: Transaction,
    chosen: Selection,
    text: str,
    stage: str,
    owner: str,
    before: str,
    size: int,
) -> Found:
    """A page of those of whom a condition holds: what SQL leaves over is asked of a few."""
    parts = chosen.parts(tx)
    if parts.is_whole:
        return _stretch(tx, text, stage, owner, before, size, parts.where)
    some = _stretch(tx, text, stage, owner, before, _CANDIDATES, parts.where)
    kept = set(chosen.keep(tx, parts, [str(each["id"]) for each in some.leads]))
    found = [each for each in some.leads if each["id"] in kept]
    if len(found) > size:
        return _page(found, size)
    return Found(found, some.before, is_partial=some.before is not None)


def _stretch(
    tx: Transaction,
    text: str,
    stage: str,
    owner: str,
    before: str,
    size: int,
    where: Sequence[sa.ColumnElement[Any]] = (),
) -> Found:
    table = leads.table
    near = (
        sa.select(table.c.id)
        .where(*_indexed("" if owner else stage, owner), *_older(before))
        .order_by(table.c.id.desc())
        .limit(STRETCH)
    ).subquery()
    last, seen = tx.conn.execute(sa.select(sa.func.min(near.c.id), sa.func.count())).one()
    if not seen:
        return Found([], None)
    query = sa.select(table).where(
        table.c.id >= last, *_older(before), *_indexed(stage, owner), *_like(text), *where,
        table.c.stage != leads.ERASED,
    )  # fmt: skip
    found = _page(_rows(tx, query.order_by(table.c.id.desc()).limit(size + 1)), size)
    if found.before is None and seen == STRETCH:
        return Found(found.leads, last, is_partial=True)
    return found


def _indexed(stage: str, owner: str) -> list[sa.ColumnElement[bool]]:
    table = leads.table
    wanted = [(table.c.owner, owner), (table.c.stage, stage)]
    return [column == value for column, value in wanted if value]


def _older(before: str) -> list[sa.ColumnElement[bool]]:
    return [leads.table.c.id < before] if before else []


def _like(text: str) -> list[sa.ColumnElement[bool]]:
    if not text:
        return []
    columns = [leads.table.c[name] for name in _SEARCHED]
    # A Chinese name is searched for as it is written: the family name first.
    whole = sa.func.coalesce(leads.table.c.last_name, "") + sa.func.coalesce(
        leads.table.c.first_name, ""
    )
    return [sa.or_(*(one.icontains(text, autoescape=True) for one in [*columns, whole]))]


def _rows(tx: Transaction, query: sa.Select[Any]) -> list[Facts]:
    return [facts_of(row._asdict(), {}, tx.now) for row in tx.conn.execute(query)]


def _page(rows: list[Facts], size: int) -> Found:
    more = len(rows) > size
    return Found(rows[:size], str(rows[size - 1]["id"]) if more else None)
