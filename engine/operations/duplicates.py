"""Finding leads that may be one person, among a million: by keys they share, never all with all.

First every lead's keys are brought up to date, a page at a time; then the database says which keys
several leads have, and only those are compared. A key that very many share, such as a switchboard's
number, proves nothing and is passed over. What a person has called distinct stays so. Begun again
it finds the same; ended half-way it has kept what it found.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, islice
from typing import Any

import sqlalchemy as sa
from babel.core import get_global

from engine.errors import InputError
from engine.operations import published
from engine.operations.lead_changes import found_lead
from engine.playbook.values import Value
from engine.playbook.workspace import Workspace
from engine.runtime.identity import full_name
from engine.runtime.likeness import LIKELY, keys_of, likeness
from engine.store import leads
from engine.store.database import Store, Transaction
from engine.store.inserting import insert_many, upsert
from engine.store.record_tables import Duplicate, LeadKey

key_table: sa.Table = LeadKey.__table__  # type: ignore[attr-defined]
table: sa.Table = Duplicate.__table__  # type: ignore[attr-defined]

PAGE = 1_000
"""Leads, or keys, that one transaction looks at."""

MOST = 20
"""Leads that may share a key: more than these share it for another reason than being one."""

_BLOCKS = 200
_FIELDS = (
    "id", "email", "phone", "first_name", "last_name", "full_name", "company", "country", "city",
    "title", "birthday",
)  # fmt: skip
_seen = sa.select(*(leads.table.c[name] for name in _FIELDS))

Told = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: leads looked at, pairs worth a look, and keys shared by too many."""

    leads: int
    pairs: int
    passed_over: int


def find(store: Store, *, told: Told | None = None) -> Found:
    """Searches all leads; what is found is kept until it is merged or called distinct.

    Args:
        store: the workspace's store.
        told: called with the leads looked at, and how many there are.
    """
    region = store.read(lambda tx: region_of(published.current(tx).workspace))
    began = store.read(lambda tx: tx.now)
    total = store.read(leads.count)
    looked, after = 0, ""
    while True:
        rows = store.read(lambda tx, after=after: _leads(tx, after))  # type: ignore[misc]
        if not rows:
            break
        _bring_up_to_date(store, rows, region)
        looked, after = looked + len(rows), rows[-1]["id"]
        if told is not None:
            told(looked, total)
    pairs, passed = _compare_all(store, region)
    store.write(lambda tx: _forget_older(tx, began))
    return Found(looked, pairs, passed)


def region_of(workspace: Workspace) -> str:
    """The country whose numbers people write without its code: the language's, or the zone's."""
    _, _, country = workspace.language.partition("-")
    if len(country) == 2:
        return country.upper()
    return str(get_global("zone_territories").get(workspace.timezone, ""))


def listing(
    store: Store, *, least: int = LIKELY, limit: int = 100, after: str = ""
) -> list[dict[str, Any]]:
    """Open pairs, the surest first; the next page begins `after` the last one's `id`."""

    def read(tx: Transaction) -> list[dict[str, Any]]:
        query = sa.select(table).where(table.c.state == "open", table.c.score >= least)
        order = (table.c.score.desc(), table.c.one, table.c.other)
        if after:
            query = query.where(_behind(after))
        rows = tx.conn.execute(query.order_by(*order).limit(limit)).mappings().all()
        ids = {row[side] for row in rows for side in ("one", "other")}
        facts = leads.load(tx, ids)
        return [_shape(row, facts) for row in rows]

    return store.read(read)


def set_distinct(store: Store, one: str, other: str) -> None:
    """Keeps that two leads are two persons: no search shows them again.

    Raises:
        NotFoundError: there is no such lead.
        InputError: they are one lead.
    """

    def work(tx: Transaction) -> None:
        pair = sorted((found_lead(tx, one), found_lead(tx, other)))
        if pair[0] == pair[1]:
            raise InputError(f"'{one[:100]}' and '{other[:100]}' are one lead already")
        row = {
            "one": pair[0], "other": pair[1], "score": 1, "reasons": [], "state": "distinct",
            "at": tx.now,
        }  # fmt: skip
        upsert(tx, table, [row], keys=["one", "other"], update=["state", "at"])

    store.write(work)


def _behind(after: str) -> sa.ColumnElement[bool]:
    score, _, pair = after.partition("-")
    one, _, other = pair.partition("~")
    if not score.isdigit():
        raise InputError(f"'{after[:60]}' is no place in the list")
    place, number = table.c, int(score[:3])
    same = sa.and_(place.score == number, place.one == one, place.other > other)
    return sa.or_(place.score < number, sa.and_(place.score == number, place.one > one), same)


def _shape(row: Mapping[Any, Any], facts: Mapping[Any, Mapping[str, Value]]) -> dict[str, Any]:
    return {
        "id": f"{row['score']}-{row['one']}~{row['other']}",
        "score": row["score"], "reasons": row["reasons"],
        "one": _person(row["one"], facts), "other": _person(row["other"], facts),
    }  # fmt: skip


def _person(id: str, facts: Mapping[Any, Mapping[str, Value]]) -> dict[str, Any]:
    names = ("email", "full_name", "company", "phone", "stage", "owner")
    lead = facts.get(id, {})
    return {"id": id, **{name: lead.get(name) for name in names}}


def _leads(tx: Transaction, after: str) -> list[dict[str, Any]]:
    column = leads.table.c
    query = _seen.where(column.id > after, column.stage != leads.ERASED)
    rows = tx.conn.execute(query.order_by(column.id).limit(PAGE))
    return [_named(row._asdict()) for row in rows]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"full_name": row["full_name"] or full_name(row["first_name"], row["last_name"])}


def _bring_up_to_date(store: Store, rows: Sequence[Mapping[str, Any]], region: str) -> None:
    """The keys of a page of leads: only what differs is written."""
    wanted = {(kind, value, row["id"]) for row in rows for kind, value in keys_of(row, region)}
    ids = [row["id"] for row in rows]

    def known(tx: Transaction) -> set[tuple[str, str, str]]:
        query = sa.select(key_table).where(key_table.c.lead.in_(ids))
        return {(row.kind, row.value, row.lead) for row in tx.conn.execute(query)}

    had = store.read(known)
    if wanted == had:
        return

    def work(tx: Transaction) -> None:
        there = set(tx.conn.execute(sa.select(leads.table.c.id).where(
            leads.table.c.id.in_(ids), leads.table.c.stage != leads.ERASED)).scalars())  # fmt: skip
        stale = {id for *_, id in had - wanted}
        tx.conn.execute(sa.delete(key_table).where(key_table.c.lead.in_(sorted(stale))))
        new = [key for key in sorted(wanted) if key not in had or key[2] in stale]
        rows = [
            {"kind": kind, "value": value, "lead": lead} for kind, value, lead in new
            if lead in there
        ]  # fmt: skip
        insert_many(tx, key_table, rows)

    store.write(work)


def _compare_all(store: Store, region: str) -> tuple[int, int]:
    """Compares the leads of every key that several have: pairs kept, and keys passed over."""
    cursor: tuple[str, str] | None = ("", "")
    pairs: set[tuple[str, str]] = set()
    passed = 0
    while cursor is not None:
        blocks, cursor = store.read(lambda tx, cursor=cursor: _blocks(tx, cursor))  # type: ignore[misc]
        few = [key for key, number in blocks if number <= MOST]
        passed += len(blocks) - len(few)
        found = store.read(lambda tx, few=few: _compared(tx, few, region))  # type: ignore[misc]
        store.write(lambda tx, found=found: _keep(tx, found))  # type: ignore[misc]
        pairs |= {(row["one"], row["other"]) for row in found}
    return len(pairs), passed


def _blocks(
    tx: Transaction, after: tuple[str, str]
) -> tuple[list[tuple[tuple[str, str], int]], tuple[str, str] | None]:
    """The next keys that several leads have, how many have each, and where to go on."""
    column = key_table.c
    behind = sa.or_(
        column.kind > after[0], sa.and_(column.kind == after[0], column.value > after[1])
    )
    number = sa.func.count()
    query = sa.select(column.kind, column.value, number).where(behind)
    query = query.group_by(column.kind, column.value).having(number > 1)
    rows = tx.conn.execute(query.order_by(column.kind, column.value).limit(_BLOCKS)).all()
    blocks = [((row[0], row[1]), row[2]) for row in rows]
    return blocks, blocks[-1][0] if len(blocks) == _BLOCKS else None


def _compared(
    tx: Transaction, keys: Sequence[tuple[str, str]], region: str
) -> list[dict[str, Any]]:
    """The pairs of these keys' leads that are alike enough."""
    members: dict[tuple[str, str], list[str]] = {}
    for some in _batched(keys):
        query = sa.select(key_table).where(sa.tuple_(key_table.c.kind, key_table.c.value).in_(some))
        for row in tx.conn.execute(query):
            members.setdefault((row.kind, row.value), []).append(row.lead)
    wanted = {pair for ids in members.values() for pair in combinations(sorted(ids), 2)}
    facts: dict[str, dict[str, Any]] = {}
    for some in _batched(sorted({id for pair in wanted for id in pair})):
        rows = tx.conn.execute(_seen.where(leads.table.c.id.in_(some)))
        facts |= {row.id: _named(row._asdict()) for row in rows}
    found = []
    for one, other in sorted(wanted):
        if one in facts and other in facts:
            alike = likeness(facts[one], facts[other], region)
            if alike.score >= LIKELY:
                found.append(
                    {"one": one, "other": other, "score": alike.score,
                     "reasons": list(alike.reasons), "state": "open"}
                )  # fmt: skip
    return found


def _keep(tx: Transaction, found: Sequence[Mapping[str, Any]]) -> None:
    """Keeps pairs; one that a person called distinct stays so."""
    rows = [{**row, "at": tx.now} for row in found]
    upsert(tx, table, rows, keys=["one", "other"], update=["score", "reasons", "at"])


def _forget_older(tx: Transaction, began: datetime) -> None:
    """Pairs that this search did not find again are alike no more."""
    old = sa.and_(table.c.at < began, table.c.state == "open")
    tx.conn.execute(sa.delete(table).where(old))


def _batched(items: Sequence[Any], size: int = 400) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
