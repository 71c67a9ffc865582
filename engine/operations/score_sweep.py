"""What time does to scores: leads whose total has crossed a level are found, and told about it.

The index over `score_look_at` names those who are due. For nearly all of them nothing is to be done
but to write when to look again; who could notice goes through the same reactions as any change.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import sqlalchemy as sa

from engine.ids import new_id
from engine.operations import published
from engine.operations.published import Current
from engine.operations.reactions import Reactor
from engine.operations.rulebooks import by_name, rulebooks
from engine.operations.scopes import load_facts
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.values import Value
from engine.runtime.matching import Edge
from engine.runtime.rulebook import Rulebook
from engine.runtime.scoring import Standing, micros, moment, standing_of
from engine.store import enrollments, leads, scores
from engine.store.database import Store, Transaction

PAGE = 4_000
"""Leads in one transaction, of whom nearly none is noticed by anybody."""

_FEW = 250
"""Leads in one transaction where each goes through reactions."""

_SECONDS = 5.0

_c = leads.table.c
_now = sa.bindparam("now", type_=_c.created_at.type)
_rows = sa.select(_c.id, _c.scores, _c.score, _c.grade).limit(
    sa.bindparam("size", type_=sa.Integer)
)
_due = _rows.where(_c.score_look_at <= _now).order_by(_c.score_look_at)
# In the order of ids, which is that of the rows, and not by the index: a page of the file that
# holds ten leads who are due is then written once and not ten times.
_walk = (
    _rows.where(sa.func.coalesce(_c.score_look_at, _c.score_look_at) <= _now)
    .where(_c.id > sa.bindparam("after"))
    .order_by(_c.id)
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: leads looked at, and those of them whose change went through reactions.

    `last` is the id of the last lead looked at.
    """

    looked: int
    noticed: int
    more: bool
    last: str = ""


def sweep(store: Store, *, seconds: float = _SECONDS) -> Swept:
    """Works off pages of leads that are due, for so long at most."""
    until = time.monotonic() + seconds
    looked = noticed = 0
    if not store.read(_is_due):
        return Swept(0, 0, more=False)
    after: str | None = None
    while True:
        page = store.write(partial(sweep_page, after=after), alone=True)
        looked, noticed = looked + page.looked, noticed + page.noticed
        if time.monotonic() > until or (after is None and not page.more):
            return Swept(looked, noticed, page.more)
        # More than a page are due: from now on in the order of rows, then once more by the index.
        after = page.last if page.more and after is not None else "" if page.more else None


def sweep_page(tx: Transaction, size: int = PAGE, *, after: str | None = None) -> Swept:
    """One page of leads whose total has crossed a level.

    Args:
        after: those behind this id, in the order of ids; None: the longest due first.
    """
    current = published.current(tx)
    everybody = _everybody_notices(current)
    size = min(size, _FEW) if everybody else size
    query = _due if after is None else _walk
    asked = {"now": tx.now, "size": size} | ({"after": after} if after is not None else {})
    rows = tx.conn.execute(query, asked).mappings().all()
    if not rows:
        return Swept(0, 0, more=False)
    more, last = len(rows) == size, rows[-1]["id"]
    if tx.is_postgres:
        leads.lock_remembered(tx, [row["id"] for row in rows])
        # Who waited for a lock finds what is left.
        query = _due.where(leads.table.c.id.in_([row["id"] for row in rows]))
        rows = tx.conn.execute(query, {"now": tx.now, "size": size}).mappings().all()
    loud = _noticed(tx, current, rows, everybody=everybody)
    if len(loud) > _FEW:
        keep = set(sorted(loud)[:_FEW])
        rows, more = [row for row in rows if row["id"] in keep or row["id"] not in loud], True
        loud = keep
    _settle(tx, current, [row for row in rows if row["id"] not in loud])
    _react(tx, current, {row["id"]: row for row in rows if row["id"] in loud})
    return Swept(len(rows), len(loud), more, last)


def _is_due(tx: Transaction) -> bool:
    at = soonest(tx)
    return at is not None and bool(at <= tx.now)


def soonest(tx: Transaction) -> Any:
    """When the next lead is due; None: no total moves by itself."""
    column = leads.table.c.score_look_at
    query = sa.select(column).where(column.is_not(None)).order_by(column).limit(1)
    return tx.conn.execute(query).scalar()


def _settle(tx: Transaction, current: Current, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Leads whose change nobody notices: what SQL reads, and the next look."""
    books, now = by_name(current), micros(tx.now)
    scores.settle(tx, [_settled(books, row, now) for row in rows])


def _settled(books: Mapping[str, Rulebook], row: Mapping[Any, Any], now: int) -> dict[str, Any]:
    """The columns of a lead whose total time alone has changed."""
    kept, score, grade, look = dict(row["scores"]), row["score"], row["grade"], None
    for name, each in kept.items():
        book = books.get(name)
        standing = standing_of(each)
        total = standing.total(now)
        if name == PRIMARY:
            score, grade = total, book.grade(total) if book is not None else None
        if book is None:
            continue
        if standing.idle is not None:
            standing = standing.since(now)  # SQL reads of these what was last written
            kept[name] = standing.as_json()
        if standing.told:
            kept[name] = _told_still(book, standing, total, kept[name])
        at = standing.next_look(book.levels, now)
        look = at if look is None or (at is not None and at < look) else look
    at_last = moment(look) if look is not None else None
    return {
        "id": row["id"], "score": float(score), "grade": grade, "scores": kept,
        "score_look_at": at_last,
    }  # fmt: skip


def _told_still(
    book: Rulebook, standing: Standing, total: int, kept: Mapping[str, Any]
) -> dict[str, Any]:
    """A standing whose thresholds are ready again where the total has fallen below."""
    told = [name for name in standing.told if book.at.get(name, total) <= total]
    found = {name: value for name, value in kept.items() if name != "told"}
    return found | {"told": told} if told else found


def _everybody_notices(current: Current) -> bool:
    """Whether some trigger could answer to any lead's fall, so that each must be looked at."""
    if "lead.changed" in current.heard:
        return True
    triggers = (one for plan in current.plans.values() for one in plan.enroll.triggers)
    return any(trigger.kind == "segment" for trigger in triggers)


def _noticed(
    tx: Transaction, current: Current, rows: Sequence[Mapping[Any, Any]], *, everybody: bool
) -> set[str]:
    """Leads whose change could set something off."""
    if everybody:
        return {row["id"] for row in rows}
    books = rulebooks(current)
    rising = {row["id"] for row in rows if any(_rises(book, row) for book in books)}
    under_way = enrollments.versions_of_leads(tx, [row["id"] for row in rows])
    return rising | {
        lead for lead, digest in under_way if published.plan(tx, digest).follows_record
    }


def _rises(book: Rulebook, row: Mapping[Any, Any]) -> bool:
    """Whether points that were taken have faded, so that the total went up."""
    kept = row["scores"].get(book.name)
    return kept is not None and kept["behavior"] < 0


def _react(tx: Transaction, current: Current, rows: Mapping[str, Mapping[Any, Any]]) -> None:
    """Leads whose change may be noticed: as any change of a record is."""
    if not rows:
        return
    facts = load_facts(tx, current, sorted(rows))
    _settle(tx, current, list(rows.values()))
    after = load_facts(tx, current, sorted(rows))
    edges = {
        lead: Edge(_before(facts[lead], rows[lead]), after[lead], new_id())
        for lead in sorted(rows)
        if lead in after
    }
    Reactor(tx, current, after).react([], edges)


def _before(facts: Mapping[str, Value], row: Mapping[Any, Any]) -> dict[str, Value]:
    """The lead as it was when its scores were last written."""
    found = dict(facts)
    score = cast(float, row["score"])
    if PRIMARY in row["scores"]:
        found |= {"score": int(score) if score == int(score) else score, "grade": row["grade"]}
    shown = found.get("scores")
    if isinstance(shown, Mapping) and isinstance(shown.get(PRIMARY), Mapping):
        main = cast("Mapping[str, Value]", shown[PRIMARY])
        found["scores"] = {**shown, PRIMARY: {**main, "total": found["score"]}}
    return found
