"""Standings in leads' facts and rows: putting them there, folding ledgers, writing them down.

`scoring` decides what happened gives points; this module keeps what came of it. The caller has
locked the leads.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from engine.ids import new_id
from engine.operations.coming import LONGEST_REST, SCHEDULES
from engine.operations.published import Current
from engine.operations.rulebooks import by_name
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.values import Scope, Value
from engine.runtime.rulebook import Rulebook
from engine.runtime.scoring import (
    Entry,
    Standing,
    fold,
    micros,
    recounted,
    standing_of,
)
from engine.store import scores
from engine.store.database import Transaction
from engine.store.lead_facts import STANDINGS, readings

Facts = dict[str, Value]
ScopeOf = Callable[[str], Scope]
LONGEST = 500
"""Characters of a reason at most."""


def ledger_row(
    lead: str, name: str, points: float, reason: str, at: datetime, now: datetime
) -> dict[str, Any]:
    """A line of the ledger about points of behavior that no rule limits."""
    return {
        "id": new_id(), "lead": lead, "name": name, "part": "behavior", "points": points,
        "worth": points, "rule": "", "most": None, "per": 0, "event": "", "reason": reason,
        "at": at, "noted_at": now,
    }  # fmt: skip


def under(book: Rulebook, standing: Standing, now: int) -> Standing:
    """A standing by today's rules: what faded by others has faded up to now."""
    blank = book.blank()
    same = (
        standing.half_life == blank.half_life
        and standing.idle == blank.idle
        and (standing.low, standing.high) == (blank.low, blank.high)
    )
    if same:
        return standing
    return replace(
        standing.since(now), half_life=blank.half_life, idle=blank.idle, low=blank.low,
        high=blank.high,
    )  # fmt: skip


def give(current: Current, facts: Facts, name: str, points: float, now: datetime) -> None:
    """Adds points to a score in a lead's facts; the caller keeps the line of the ledger."""
    book = by_name(current).get(name)
    kept = cast("Mapping[str, Any]", facts.get(STANDINGS) or {}).get(name)
    if kept is not None:
        standing = (
            standing_of(kept) if book is None else under(book, standing_of(kept), micros(now))
        )
    else:
        given = facts.get("score") if name == PRIMARY else 0
        start = float(given) if isinstance(given, int | float) else 0.0
        standing = replace(
            book.blank() if book is not None else Standing(), behavior=start, at=micros(now)
        )
    put(facts, name, standing.added(points, micros(now)), micros(now))


def put(facts: Facts, name: str, standing: Standing, now: int) -> None:
    """Puts a standing into a lead's facts, and what is read of it."""
    kept = {**cast("Mapping[str, Any]", facts.get(STANDINGS) or {}), name: standing.as_json()}
    facts[STANDINGS] = cast(Value, kept)
    facts.update(readings(kept, now))


def refold(tx: Transaction, name: str, standings: Mapping[str, Standing]) -> dict[str, Standing]:
    """The standings that the ledgers of these leads come to; lines that give less are mended."""
    lines: dict[str, list[Entry]] = {}
    for row in scores.behavior(tx, standings, name):
        entry = Entry(
            row["id"], row["rule"], micros(row["at"]), row["worth"], row["most"], row["per"],
            row["points"],
        )  # fmt: skip
        lines.setdefault(row["lead"], []).append(entry)
    found, mended = {}, {}
    for lead, standing in standings.items():
        entries = recounted(lines.get(lead, ()))
        had = {one.id: one.points for one in lines.get(lead, ())}
        mended.update({one.id: one.points for one in entries if one.points != had[one.id]})
        found[lead] = fold(entries, standing)
    scores.mend(tx, mended)
    return found


def recount(
    tx: Transaction,
    current: Current,
    book: Rulebook,
    facts: MutableMapping[str, Facts],
    scope_of: ScopeOf,
) -> None:
    """Puts into these leads' facts what their ledgers and today's rules come to; writes no lead.

    A change of fit gets its line in the ledger. Thresholds that were told stay so.
    """
    now, rows = micros(tx.now), list[dict[str, Any]]()
    standings = {}
    for lead, each in facts.items():
        kept = cast("Mapping[str, Any]", each.get(STANDINGS) or {}).get(book.name)
        known = standing_of(kept) if kept is not None else Standing()
        points, reasons = book.fit(scope_of(lead))
        if points != known.fit:
            said = ", ".join(f"{one:+g} {reason}" for one, reason in reasons) or "nothing fits"
            reason = f"fit: {said}"[:LONGEST]
            row = ledger_row(lead, book.name, points - known.fit, reason, tx.now, tx.now)
            rows.append(row | {"part": "fit"})
        standings[lead] = replace(book.blank(), fit=points, told=known.told)
    scores.add(tx, rows)
    for lead, standing in refold(tx, book.name, standings).items():
        put(facts[lead], book.name, standing, now)


def write(tx: Transaction, current: Current, facts: Mapping[str, Facts]) -> None:
    """Writes the scores that these leads have in their facts, and when to look at them again."""
    if not facts:
        return
    now, soonest, rows = micros(tx.now), None, []
    books = by_name(current)
    for lead, each in facts.items():
        kept = cast("Mapping[str, Any]", each.get(STANDINGS) or {})
        row = row_of(books, kept, each.get("score"), now)
        each["grade"] = row["grade"]
        at = row["score_look_at"]
        soonest = at if soonest is None or (at is not None and at < soonest) else soonest
        rows.append({"id": lead, **row})
    scores.keep(tx, rows)
    if soonest is not None and soonest <= tx.now + LONGEST_REST:
        tx.nudges.add(SCHEDULES)


def row_of(
    books: Mapping[str, Rulebook], kept: Mapping[str, Any], score: Value, now: int
) -> dict[str, Any]:
    """The columns of a lead with these standings."""
    looks, main, grade = [], None, None
    total = float(score) if isinstance(score, int | float) else 0.0
    for name, each in kept.items():
        standing, book = standing_of(each), books.get(name)
        at = standing.next_look(book.levels, now) if book is not None else None
        looks += [at] if at is not None else []
        if name == PRIMARY:
            main, total = standing, float(standing.total(now))
            grade = book.grade(total) if book is not None else None
    return scores.columns(kept, main, total, grade, min(looks, default=None))
