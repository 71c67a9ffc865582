"""Working scores out anew: after an apply that changed a score's rules, and from the ledger.

Who reaches a threshold by that is above it, and nothing more: thresholds fire on what happens after
an apply, unless the apply said that they shall.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa

from engine.errors import NotFoundError
from engine.ids import new_id
from engine.operations import published
from engine.operations.coming import SCHEDULES
from engine.operations.lead_changes import found_lead
from engine.operations.published import Current
from engine.operations.reactions import Reactor, wish_at
from engine.operations.rulebooks import by_name
from engine.operations.scopes import load_facts, load_histories, scope_of
from engine.operations.score_keeping import recount, write
from engine.operations.scoring import Scorer
from engine.playbook.plan import Plan
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Scope, Value
from engine.runtime.matching import Edge
from engine.store import leads
from engine.store.database import Store, Transaction
from engine.store.inserting import upsert
from engine.store.score_tables import Rescoring

table: sa.Table = Rescoring.__table__  # type: ignore[attr-defined]

PAGE = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """A lead whose ledger comes to another total than what was kept."""

    lead: str
    score: str
    kept: float
    found: float

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"lead": self.lead, "score": self.score, "kept": self.kept, "found": self.found}


@dataclass(slots=True)
class Recounted:
    """What working out anew gave."""

    leads: int = 0
    differences: int = 0
    shown: tuple[Difference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        shown = [one.as_json() for one in self.shown]
        return {"leads": self.leads, "differences": self.differences, "shown": shown}


def begin(
    tx: Transaction, before: Mapping[str, Plan], after: Mapping[str, Plan], *, fires: bool
) -> None:
    """After an apply: has leads worked out anew by the scores whose rules are others now."""
    if not _ids(tx, "", 1):
        return
    levels_changed = _levels(before) != _levels(after)
    for name, plan in after.items():
        scoring, old = plan.scoring, before.get(name)
        if scoring is None:
            continue
        if old is not None and old.scoring == scoring and not levels_changed:
            continue
        row = {
            "name": scoring.score, "playbook": name, "digest": plan.digest, "cursor": "",
            "done": 0, "fires": fires, "began_at": tx.now, "due_at": tx.now,
        }  # fmt: skip
        update = [column for column in row if column != "name"]
        upsert(tx, table, [row], keys=["name"], update=update)
        tx.nudges.add(SCHEDULES)


def _levels(plans: Mapping[str, Plan]) -> list[Any]:
    """What triggers compare scores with."""
    triggers = (one for plan in plans.values() for one in plan.enroll.triggers)
    return sorted((one.score, one.level) for one in triggers if one.kind == "score")


def pending(tx: Transaction) -> list[dict[str, Any]]:
    """The scores that are being worked out anew, and how far that has come."""
    return [dict(row) for row in tx.conn.execute(sa.select(table)).mappings()]


def work_page(tx: Transaction, size: int = PAGE, *, skips: bool = False) -> bool | None:
    """One page of the oldest work; None: there is none. Answers whether there is more.

    With `skips` the page is passed over: it failed before.
    """
    query = sa.select(table).order_by(table.c.began_at, table.c.name).limit(1)
    if tx.is_postgres:
        query = query.with_for_update(skip_locked=True)
    row = tx.conn.execute(query).mappings().first()
    if row is None:
        return None
    current = published.current(tx)
    here = table.c.name == row["name"]
    ids = _ids(tx, row["cursor"], size) if row["name"] in by_name(current) else []
    if ids and not skips:
        rescore(tx, current, ids, [row["name"]], fires=row["fires"])
    if len(ids) < size:
        tx.conn.execute(sa.delete(table).where(here))
        return tx.conn.execute(sa.select(table.c.name).limit(1)).first() is not None
    values = {"cursor": ids[-1], "done": row["done"] + len(ids)}
    tx.conn.execute(sa.update(table).where(here).values(values))
    return True


def rescore(
    tx: Transaction, current: Current, ids: Sequence[str], names: Iterable[str], *, fires: bool
) -> list[Difference]:
    """Works out leads by today's rules, fit from what they are and behavior from the ledger.

    What it changes is looked at like any change of a lead; the differences are answered.
    """
    leads.lock_remembered(tx, ids)
    facts = load_facts(tx, current, ids)
    before = {lead: dict(each) for lead, each in facts.items()}
    counted = sorted({name for plan in current.plans.values() for name in plan.history})
    histories = load_histories(tx, ids, counted) if counted else {}

    def scope(lead: str) -> Scope:
        return scope_of(current, facts[lead], now=tx.now, history=histories.get(lead))

    for name in names:
        book = by_name(current).get(name)
        if book is not None:
            recount(tx, current, book, facts, scope)
    every = {lead: Edge(before[lead], facts[lead], new_id()) for lead in facts}
    # All are asked about thresholds: one that is new finds leads that are above it already.
    scored = Scorer(tx, current, facts, scope).score([], every, starts=fires)
    edges = {
        lead: edge
        for lead, edge in scored.edges.items()
        if any(before[lead].get(name) != facts[lead].get(name) for name in ("scores", "grade"))
    }
    reactor = Reactor(tx, current, facts, histories)
    reactor.react([], edges, starts=fires)
    reactor.enroll([wish_at(one, lane="bulk") for one in scored.reached])
    write(tx, current, facts)
    return [one for lead in edges for one in _differences(before[lead], facts[lead])]


def ids_of(store: Store, lead: str, score: str) -> list[str] | None:
    """The lead that somebody means; None: every lead.

    Raises:
        NotFoundError: there is no such lead, or no playbook keeps such a score.
    """

    def read(tx: Transaction) -> list[str] | None:
        known = by_name(published.current(tx))
        if score and score not in known:
            hint = did_you_mean(score, known) if known else "write a playbook of `kind: scoring`"
            raise NotFoundError(f"no scoring playbook keeps a score '{score}'", help=hint)
        return [found_lead(tx, lead)] if lead else None

    return store.read(read)


def from_ledger(
    store: Store, ids: Sequence[str] | None, names: Sequence[str], *, dry: bool,
    progress: Any = lambda done: None,
) -> Recounted:  # fmt: skip
    """Works leads' scores out from the ledger; with `dry` only says what would be different."""
    answer, cursor, shown = Recounted(), "", list[Difference]()
    while True:
        page = (
            list(ids or [])
            if ids is not None
            else store.read(
                lambda tx, after=cursor: _ids(tx, after, PAGE)  # type: ignore[misc]
            )
        )
        if page:
            found = _page(store, page, names, dry=dry)
            answer.leads += len(page)
            answer.differences += len(found)
            shown += found[: 100 - len(shown)]
            progress(answer.leads)
        if ids is not None or len(page) < PAGE:
            answer.shown = tuple(shown)
            return answer
        cursor = page[-1]


class _Undone(Exception):
    """Carries the differences out of a transaction that is not to be kept."""

    def __init__(self, found: list[Difference]) -> None:
        super().__init__()
        self.found = found


def _page(store: Store, ids: Sequence[str], names: Sequence[str], *, dry: bool) -> list[Difference]:
    def work(tx: Transaction) -> list[Difference]:
        current = published.current(tx)
        found = rescore(tx, current, ids, names or list(by_name(current)), fires=False)
        if dry:
            raise _Undone(found)
        return found

    try:
        return store.write(work, alone=True)
    except _Undone as undone:
        return undone.found


def _ids(tx: Transaction, after: str, size: int) -> list[str]:
    id = leads.table.c.id
    return list(tx.conn.execute(sa.select(id).where(id > after).order_by(id).limit(size)).scalars())


def _differences(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[Difference]:
    old = cast("Mapping[str, Any]", before.get("scores") or {})
    new = cast("Mapping[str, Any]", after.get("scores") or {})
    found = []
    for name, each in new.items():
        was = float(old[name]["total"]) if name in old else 0.0
        if was != each["total"]:
            found.append(Difference(str(after["id"]), name, was, float(each["total"])))
    return found
