"""Companies as people and scripts see them: one in full, a page of many, pairs that are alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import combinations
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.operations import deals_view, published
from engine.operations.edit_companies import found_company
from engine.operations.published import Current
from engine.operations.scopes import load_deals
from engine.operations.timeline import Moment, Timeline, page_of, read_cut, rows_of
from engine.playbook.values import Value
from engine.runtime.companies import alike
from engine.runtime.fields import to_json
from engine.store import companies, deals, events, leads
from engine.store.database import Store, Transaction

_ON_TOP = ("id", "name", "domain", "owner")
_HISTORY = 100
_MOST_TOLD = 500
"""Leads, and deals, of a company whose histories its timeline tells."""

_SHARED = 20
"""Companies that may have a name in common: more have it because it says nothing."""


def show(store: Store, name: str) -> dict[str, Any]:
    """The company of this id, domain or name: its fields, what it has, and every change of it.

    Raises:
        NotFoundError: there is none.
    """

    def read(tx: Transaction) -> dict[str, Any]:
        id = found_company(tx, name)
        lines = companies.history_of(tx, [id], limit=_HISTORY)
        names = ("at", "field", "before", "after", "actor", "reason")
        history = [{key: one[key] for key in names} for one in lines]
        return {**shown(tx, id), "history": history}

    return store.read(read)


def shown(tx: Transaction, id: str) -> dict[str, Any]:
    """A company in the form of the API."""
    current = published.current(tx)
    (found,) = _shapes(tx, current, [companies.load(tx, [id], current.company_fields)[id]])
    return found


def listing(
    store: Store,
    *,
    text: str = "",
    owner: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A page of companies in the order they became known; the next begins `after` the last id."""

    def read(tx: Transaction) -> list[dict[str, Any]]:
        current = published.current(tx)
        page = companies.page(
            tx, after=after or "", limit=limit, text=text.strip(), owner=owner,
            custom=current.company_fields,
        )  # fmt: skip
        return _shapes(tx, current, page)

    return store.read(read)


def leads_of(tx: Transaction, id: str, *, after: str = "", limit: int) -> list[dict[str, Any]]:
    """Leads of a company: id, email, name, title, stage, score and owner."""
    ids = companies.leads_of(tx, companies.formers(tx, id), after=after, limit=limit)
    known = {str(key): facts for key, facts in leads.load(tx, ids).items()}
    names = ("id", "email", "full_name", "title", "stage", "score", "owner")
    return [{name: to_json(known[one][name]) for name in names} for one in ids]


def deals_of(tx: Transaction, id: str, *, limit: int) -> list[dict[str, Any]]:
    """Deals of a company, the newest first, in the form of the API."""
    current = published.current(tx)
    ids = companies.deals_of(tx, companies.formers(tx, id), limit=limit)
    known = load_deals(tx, current, ids)
    return deals_view.shape(tx, current, [known[one] for one in ids])


def company_timeline(tx: Transaction, id: str, *, before: str = "", size: int = 60) -> Timeline:
    """What happened at a company, newest first: its changes, its deals' moves, its leads' events.

    Raises:
        InputError: `before` is not what the last page said.
    """
    cut = read_cut(before) if before else None
    theirs = companies.formers(tx, id)
    own, moves, table = companies.change_table, deals.change_table, events.table
    found = [
        Moment(
            row["at"],
            "change",
            row["id"],
            row["field"],
            why=row["reason"],
            details={**_sides(row), "deal": ""},
        )
        for row in rows_of(tx, own, own.c.company.in_(theirs), "change", cut, size + 1)
    ]
    some = companies.deals_of(tx, theirs, limit=_MOST_TOLD)
    stages = sa.and_(moves.c.deal.in_(some), moves.c.field.in_(("created", "stage", "owner")))
    found += [
        Moment(row["at"], "change", row["id"], row["field"], why=row["reason"],
               details={**_sides(row), "deal": row["deal"]})
        for row in (rows_of(tx, moves, stages, "change", cut, size + 1) if some else ())
    ]  # fmt: skip
    people = companies.leads_of(tx, theirs, limit=_MOST_TOLD)
    told = sa.and_(table.c.lead.in_(people), table.c.name.not_in(_TOLD_ELSEWHERE))
    found += [
        Moment(row["at"], "event", row["id"], row["name"], details={"lead": row["lead"]})
        for row in (rows_of(tx, table, told, "event", cut, size + 1) if people else ())
    ]
    return page_of(found, size)


_TOLD_ELSEWHERE = (
    "deal.created", "deal.changed", "deal.stage_changed", "deal.activity", "lead.changed",
    "lead.created", "email.delivered", "email.sent",
)  # fmt: skip


def duplicates(store: Store, *, after: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Pairs of companies that may be one, with how sure that is and why, by what they share.

    The next page begins `after` the last one's `id`.

    Raises:
        InputError: `after` is no place in the list.
    """
    kind, _, value = after.partition(":")
    if after and kind not in _SHARES:
        raise InputError(f"'{after[:60]}' is no place in the list")

    def read(tx: Transaction) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for name in _SHARES[_SHARES.index(kind) if after else 0 :]:
            behind = value if name == kind else ""
            found += _pairs(tx, name, behind, limit - len(found))
            if len(found) >= limit:
                break
        return found

    return store.read(read)


_SHARES = ("likeness", "label")


def set_distinct(store: Store, one: str, other: str) -> None:
    """Keeps that two companies are two: no search shows them again.

    Raises:
        NotFoundError: there is no such company.
        InputError: they are one.
    """

    def work(tx: Transaction) -> None:
        first, second = found_company(tx, one), found_company(tx, other)
        if first == second:
            raise InputError(f"'{one[:100]}' and '{other[:100]}' are one company already")
        companies.set_distinct(tx, first, second)

    store.write(work)


def _pairs(tx: Transaction, name: str, after: str, limit: int) -> list[dict[str, Any]]:
    """Pairs that share a folded name, or a domain but for its ending; whole groups at a time."""
    column = companies.table.c[name]
    number = sa.func.count()
    groups = (
        sa.select(column).where(column > after).group_by(column)
        .having(number > 1, number <= _SHARED).order_by(column).limit(max(limit, 0))
    )  # fmt: skip
    shared = list(tx.conn.execute(groups).scalars())
    rows = tx.conn.execute(sa.select(companies.table).where(column.in_(shared)).order_by(
        column, companies.table.c.id)).mappings().all()  # fmt: skip
    members: dict[str, list[Mapping[Any, Any]]] = {}
    for row in rows:
        members.setdefault(row[name], []).append(row)
    two = _distinct(tx, [row["id"] for row in rows])
    return [
        _pair(f"{name}:{value}", one, other)
        for value, group in members.items()
        for one, other in combinations(group, 2)
        if (one["id"], other["id"]) not in two
        # Those of the same folded name have been shown with that.
        and not (name == "label" and one["likeness"] == other["likeness"])
    ]


def _distinct(tx: Transaction, ids: Sequence[str]) -> set[tuple[str, str]]:
    table = companies.distinct_table
    rows = tx.conn.execute(sa.select(table.c.one, table.c.other).where(table.c.one.in_(ids)))
    return {(row.one, row.other) for row in rows}


def _pair(id: str, one: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[str, Any]:
    score, reasons = alike(dict(one), dict(other))
    sides = [{name: row[name] for name in _ON_TOP} for row in (one, other)]
    return {"id": id, "score": score, "reasons": list(reasons), "one": sides[0], "other": sides[1]}


def _shapes(
    tx: Transaction, current: Current, page: Iterable[Mapping[str, Value]]
) -> list[dict[str, Any]]:
    rows = list(page)
    ids = [str(row["id"]) for row in rows]
    sizes, domains = companies.sizes(tx, ids), companies.domains(tx, ids)
    return [
        {
            **{name: row[name] for name in _ON_TOP}, "domains": domains.get(str(row["id"]), []),
            **asdict(sizes[str(row["id"])]), "created_at": _iso(row["created_at"]),
            "fields": {name: to_json(row[name]) for name in current.company_fields},
        }
        for row in rows
    ]  # fmt: skip


def _sides(row: Mapping[str, Any]) -> dict[str, object]:
    return {"before": row["before"], "after": row["after"], "actor": row["actor"]}


def _iso(at: object) -> str:
    return at.isoformat() if isinstance(at, datetime) else ""
