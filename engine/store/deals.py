"""The deals' repository: locking, loading, listing, making and changing them, with their history.

The caller has locked the primary contacts first (runtime.md, I7), then the deals. Whether a move is
allowed is not asked here; no function queries deal by deal.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.ids import new_id
from engine.playbook.values import Value
from engine.runtime.deal_fields import DEAL_BUILT_IN, read_deal
from engine.runtime.fields import FieldTypes, from_json, to_json
from engine.store import quick
from engine.store.company_placing import companies_of
from engine.store.database import Transaction
from engine.store.deal_tables import Deal, DealChange
from engine.store.inserting import insert_many, insert_new

Facts: TypeAlias = dict[str, Value]
"""A deal as conditions see it: every `deal.` name; None where nothing is known.

Besides them: `version` counts its changes, `closed` says how it ended, `entry_ref` names its
present stay in the stage."""

table: sa.Table = Deal.__table__  # type: ignore[attr-defined]
change_table: sa.Table = DealChange.__table__  # type: ignore[attr-defined]

NO_FIELDS: FieldTypes = {}
ELSEWHERE = "elsewhere"
"""What a deal came from, in its history, that entered its stage nobody knows when."""

_BESIDES = ("version", "closed", "closed_at", "entry_ref")
_COLUMNS = frozenset({*DEAL_BUILT_IN, *_BESIDES})
_UNLOGGED = frozenset({*_BESIDES, "stage_entered_at", "last_activity_at"})
"""What follows from a move, or changes with every event: the history leaves it out."""

_by_ids = sa.select(table).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
_open_of = sa.select(table).where(
    table.c.lead.in_(sa.bindparam("leads", expanding=True)), table.c.closed == ""
)


@dataclass(frozen=True, slots=True)
class DealChanged:
    """A deal before and after a transaction touched it; `before` of a new deal is None."""

    id: str
    before: Facts | None
    after: Facts

    @property
    def changed(self) -> frozenset[str]:
        """The names whose values differ."""
        before = self.before or {}
        names = before.keys() | self.after.keys()
        differing = {name for name in names if before.get(name) != self.after.get(name)}
        return frozenset(differing - {"version"})


def facts_of(row: Mapping[str, Any], custom: FieldTypes) -> Facts:
    """A row as facts; a built-in name wins over a field of the workspace with the same name."""
    kept = row["fields"]
    facts: Facts = {name: from_json(kept.get(name), kind) for name, kind in custom.items()}
    for name in (*DEAL_BUILT_IN, *_BESIDES):
        facts[name] = row[name]
    amount = row["amount"]
    facts["amount"] = int(amount) if amount is not None and amount == int(amount) else amount
    return facts


def lock(tx: Transaction, ids: Iterable[str]) -> None:
    """Locks deals in id order, after their primary contacts.

    SQLite has one writer at a time, so there is nothing to lock.
    """
    wanted = sorted(set(ids))
    if not tx.is_postgres or not wanted:
        return
    query = sa.select(table.c.id).where(table.c.id.in_(wanted)).order_by(table.c.id)
    tx.conn.execute(query.with_for_update(key_share=True)).all()


def contacts_of(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """The primary contacts of these deals, by deal: what to lock before the deals."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    query = sa.select(table.c.id, table.c.lead).where(table.c.id.in_(wanted))
    return {row.id: row.lead for row in tx.conn.execute(query)}


def load(tx: Transaction, ids: Iterable[str], custom: FieldTypes = NO_FIELDS) -> dict[str, Facts]:
    """The facts of these deals, by id; those that do not exist are left out."""
    return {row["id"]: facts_of(row, custom) for row in quick.fetch(tx, _by_ids, ids=list(ids))}


def open_of(
    tx: Transaction, leads: Iterable[str], custom: FieldTypes = NO_FIELDS
) -> dict[str, Facts]:
    """The open deals of these leads, by deal, in the order they were made."""
    rows = quick.fetch(tx, _open_of, leads=list(leads))
    return {row["id"]: facts_of(row, custom) for row in sorted(rows, key=lambda row: row["id"])}


def of_lead(tx: Transaction, lead: str) -> list[str]:
    """The deals of a lead, closed ones as well, in the order of their ids."""
    query = sa.select(table.c.id).where(table.c.lead == lead).order_by(table.c.id)
    return list(tx.conn.execute(query).scalars())


def loads(tx: Transaction, owners: Iterable[str]) -> dict[str, int]:
    """How many open deals each of these owners has; one query."""
    query = (
        sa.select(table.c.owner, sa.func.count())
        .where(table.c.owner.in_(list(owners)), table.c.closed == "")
        .group_by(table.c.owner)
    )
    return {row[0]: row[1] for row in tx.conn.execute(query)}


def page(
    tx: Transaction,
    *,
    before: tuple[datetime, str] | None = None,
    limit: int = 100,
    pipeline: str | None = None,
    stage: str | None = None,
    owner: str | None = None,
    lead: str | None = None,
    text: str | None = None,
    is_open: bool = False,
    custom: FieldTypes = NO_FIELDS,
) -> list[Facts]:
    """Deals, the newest first; the next page is `before` the last (created_at, id)."""
    wanted = filters(
        pipeline=pipeline, stage=stage, owner=owner, lead=lead, text=text, is_open=is_open
    )
    query = sa.select(table).where(*wanted)
    made, id = table.c.created_at, table.c.id
    if before is not None:
        query = query.where(sa.or_(made < before[0], sa.and_(made == before[0], id < before[1])))
    found = tx.conn.execute(query.order_by(made.desc(), id.desc()).limit(limit))
    return [facts_of(row._asdict(), custom) for row in found]


def count(tx: Transaction) -> int:
    """How many deals there are."""
    return int(tx.conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def sums(tx: Transaction) -> list[tuple[str, str, int, str | None, float]]:
    """Open deals in numbers, by currency: (pipeline, stage, how many, currency, the amounts)."""
    query = (
        sa.select(
            table.c.pipeline,
            table.c.stage,
            sa.func.count(),
            table.c.currency,
            sa.func.coalesce(sa.func.sum(table.c.amount), 0),
        )
        .where(table.c.closed == "")
        .group_by(table.c.pipeline, table.c.stage, table.c.currency)
    )
    return [(row[0], row[1], row[2], row[3], float(row[4])) for row in tx.conn.execute(query)]


def create_many(
    tx: Transaction,
    new: Sequence[Mapping[str, Value]],
    *,
    actor: str,
    reason: str = "",
    custom: FieldTypes = NO_FIELDS,
    zone: tzinfo = UTC,
    elsewhere: Container[str] = (),
) -> list[DealChanged]:
    """Makes deals, in the order given; each names its lead, its pipeline, its stage and `closed`.

    Where a deal with that id exists, nothing is written and `before` is that deal as it stands.
    The history begins when the deal entered its stage, which may lie before now; of those that are
    `elsewhere`, by id, it says that nobody knows when.

    Raises:
        InputError: a value does not fit its field; nothing was written.
    """
    drafts = [_draft(tx, values, custom, zone) for values in new]
    theirs = companies_of(tx, [draft["lead"] for draft in drafts])
    for draft in drafts:
        draft["company_id"] = theirs.get(draft["lead"])
    made = insert_new(tx, table, sorted(drafts, key=lambda draft: str(draft["id"])))
    _log(
        tx,
        [
            _created(tx, draft, ELSEWHERE if draft["id"] in elsewhere else None, actor, reason)
            for draft in drafts
            if draft["id"] in made
        ],
    )
    there = load(tx, [draft["id"] for draft in drafts if draft["id"] not in made], custom)
    return [
        DealChanged(
            draft["id"],
            there.get(draft["id"]),
            there.get(draft["id"]) or facts_of(draft, custom),
        )
        for draft in drafts
    ]


def save_many(
    tx: Transaction,
    changes: Mapping[str, Mapping[str, Value]],
    *,
    actor: str,
    reason: str = "",
    custom: FieldTypes = NO_FIELDS,
    zone: tzinfo = UTC,
) -> dict[str, DealChanged]:
    """Changes fields of many deals; None takes a value away. What is equal already is not written.

    Entering another stage, or another pipeline, is a new stay: `stage_entered_at` and `entry_ref`
    follow, unless they are given; `closed` is the caller's to know.

    Raises:
        InputError: a value does not fit its field.
    """
    answers: dict[str, DealChanged] = {}
    log: list[dict[str, Any]] = []
    updates: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in quick.fetch(tx, _by_ids, ids=list(changes)):
        id = row["id"]
        before = facts_of(row, custom)
        wanted = _checked(changes[id], custom, zone)
        differing = {name: value for name, value in wanted.items() if value != before.get(name)}
        if differing.keys() & {"stage", "pipeline"}:
            differing.setdefault("stage_entered_at", tx.now)
            differing.setdefault("entry_ref", new_id())
        after = {**before, **differing}
        if differing:
            after["version"] = row["version"] + 1
            after["tags"] = after["tags"] or []
            values = _columns(differing, row["fields"])
            bound = {f"new_{name}": value for name, value in values.items()}
            updates[tuple(sorted(values))].append({"the_id": id} | bound)
        answers[id] = DealChanged(id, before, after)
        log += [
            _change(tx, id, name, before.get(name), value, actor, reason)
            for name, value in differing.items()
            if name not in _UNLOGGED
        ]
    for names, parameters in updates.items():
        quick.run(tx, _update(names), parameters)
    _log(tx, log)
    return answers


def touch(
    tx: Transaction, of_deals: Mapping[str, datetime], of_leads: Mapping[str, datetime]
) -> None:
    """Moves `last_activity_at` forward: of these deals, and of the open deals of these leads."""
    quick.run(tx, _touch_one, [{"the_id": id, "moment": of_deals[id]} for id in sorted(of_deals)])
    rows = [{"the_lead": id, "moment": of_leads[id]} for id in sorted(of_leads)]
    quick.run(tx, _touch_open, rows)


_moment = sa.bindparam("moment", type_=table.c.last_activity_at.type)
_older = sa.or_(table.c.last_activity_at.is_(None), table.c.last_activity_at < _moment)
_touched = {"last_activity_at": _moment, "version": table.c.version + 1}
_touch_one = table.update().where(table.c.id == sa.bindparam("the_id"), _older).values(_touched)
_touch_open = (
    table.update()
    .where(table.c.lead == sa.bindparam("the_lead"), table.c.closed == "", _older)
    .values(_touched)
)


def history_of(
    tx: Transaction, deal: str, *, before: tuple[datetime, str] | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """What changed on a deal, newest first; the next page is `before` the last one's (at, id)."""
    at, id = change_table.c.at, change_table.c.id
    query = sa.select(change_table).where(change_table.c.deal == deal)
    if before is not None:
        query = query.where(sa.or_(at < before[0], sa.and_(at == before[0], id < before[1])))
    found = tx.conn.execute(query.order_by(at.desc(), id.desc()).limit(limit))
    return [row._asdict() for row in found]


def filters(
    *,
    pipeline: str | None = None,
    stage: str | None = None,
    owner: str | None = None,
    lead: str | None = None,
    text: str | None = None,
    is_open: bool = False,
) -> list[sa.ColumnElement[bool]]:
    """What narrows deals to those of a pipeline, a stage, an owner (empty: nobody's), a lead."""
    wanted = ((table.c.pipeline, pipeline), (table.c.stage, stage), (table.c.lead, lead))
    found: list[sa.ColumnElement[bool]] = [column == value for column, value in wanted if value]
    if owner is not None:
        found.append(table.c.owner == owner if owner else table.c.owner.is_(None))
    if is_open:
        found.append(table.c.closed == "")
    if text:
        found.append(sa.or_(table.c.name.icontains(text, autoescape=True), table.c.id == text))
    return found


def _draft(
    tx: Transaction, given: Mapping[str, Value], custom: FieldTypes, zone: tzinfo
) -> dict[str, Any]:
    """A whole row of a new deal."""
    values = {name: value for name, value in given.items() if value is not None}
    id = values.pop("id", None) or new_id()
    checked = _checked(values, custom, zone)
    row: dict[str, Any] = dict.fromkeys(column.name for column in table.c)
    row |= {
        "created_at": tx.now, "stage_entered_at": tx.now, "version": 0, "tags": [],
        "entry_ref": new_id(), "closed": "",
    }  # fmt: skip
    return row | _columns(checked, None) | {"id": id}


def _checked(values: Mapping[str, Value], custom: FieldTypes, zone: tzinfo) -> dict[str, Value]:
    return {
        name: value if name in _BESIDES else read_deal(name, value, custom, zone)
        for name, value in values.items()
    }


def _columns(values: Mapping[str, Value], kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """Values as the columns hold them; the workspace's own fields are laid over those `kept`."""
    found: dict[str, Any] = {name: value for name, value in values.items() if name in _COLUMNS}
    own = {name: to_json(value) for name, value in values.items() if name not in _COLUMNS}
    if own or kept is None:
        merged = {**(kept or {}), **own}
        found["fields"] = {name: value for name, value in merged.items() if value is not None}
    if "tags" in found:
        found["tags"] = to_json(found["tags"] or [])
    return found


@lru_cache(maxsize=128)
def _update(names: tuple[str, ...]) -> sa.Update:
    new = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    statement = table.update().where(table.c.id == sa.bindparam("the_id"))
    return statement.values(**new, version=table.c.version + 1)


def _change(
    tx: Transaction, deal: str, name: str, before: Value, after: Value, actor: str, reason: str
) -> dict[str, Any]:
    return {
        "id": new_id(), "deal": deal, "at": tx.now, "field": name, "before": to_json(before),
        "after": to_json(after), "actor": actor, "reason": reason,
    }  # fmt: skip


def _created(
    tx: Transaction, draft: Mapping[str, Any], origin: str | None, actor: str, reason: str
) -> dict[str, Any]:
    line = _change(tx, draft["id"], "created", origin, draft["stage"], actor, reason)
    return {**line, "at": min(tx.now, draft["stage_entered_at"])}


def _log(tx: Transaction, changes: Sequence[Mapping[str, Any]]) -> None:
    insert_many(tx, change_table, changes)
