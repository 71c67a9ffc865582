"""Leads' pasts, one after the other: what each was and did, in the order of time, and its outcome.

Pages of leads are read one by one, and of their events only a lead's own are in memory, so that the
number of leads does not matter. What a lead was is worked back from the log of changes. What that
log leaves out (`UNKNOWN`) is missing in the past: nothing that came later may be seen before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from engine.ids import LeadId
from engine.operations.published import Current
from engine.operations.scopes import owner_record, scope_of
from engine.playbook.values import Value
from engine.runtime.fields import BUILT_IN, from_json
from engine.runtime.scoring import micros
from engine.store import deals, events, leads, scores
from engine.store.database import Store, Transaction
from engine.store.lead_facts import STANDINGS
from engine.store.lead_writing import change_table

PAGE = 500
_FETCH = 2_000

UNKNOWN = frozenset(
    {"score", "scores", "grade", "consent", "open_consent", STANDINGS}
    | {name for name in BUILT_IN if name.startswith("last_") and name.endswith("_at")}
)
"""Fields of a lead that nobody wrote down as they were."""

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read of the past.

    Attributes:
        stages: entering one of these is the outcome, as a won deal is.
        ends: events that are an outcome as well.
        names: the events that are told, those whose history conditions count included.
        counted: the events whose history conditions ask for.
        scores: the scores whose points by steps are told.
    """

    stages: frozenset[str]
    ends: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()
    scores: frozenset[str] = frozenset()


@dataclass(slots=True)
class GrowingHistory:
    """What a lead had done by then; it grows with what is told."""

    by_name: dict[str, list[tuple[datetime, Mapping[str, Value]]]] = field(default_factory=dict)

    def occurrences(self, event: str) -> Sequence[tuple[datetime, Mapping[str, Value]]]:
        """Every occurrence of `event` so far, oldest first."""
        return self.by_name.get(event, ())


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened: an event, a change of a field, or points for a score."""

    at: int
    kind: str
    name: str
    value: Any
    when: datetime


@dataclass(slots=True)
class Past:
    """One lead. `scope` is what conditions see of it, as of the last moment that was told.

    Attributes:
        known_at: when it was first known, or did anything that is told; in microseconds.
        outcome_at: when its outcome came; None: it has not.
    """

    lead: str
    email: str
    known_at: int
    outcome_at: int | None
    scope: dict[str, Any]
    _moments: Iterable[Moment]
    _current: Current
    _counted: frozenset[str]

    def moments(self) -> Iterator[Moment]:
        """What happened, oldest first; the scope follows. Only once."""
        return self.moments_until(None)

    def moments_until(self, end: int | None) -> Iterator[Moment]:
        """The same up to a moment, in microseconds; the scope is then as of that."""
        facts, history = self.scope["lead"], self.scope["history"]
        for one in self._moments:
            if end is not None and one.at > end:
                return
            self.scope["now"] = one.when
            if one.kind == "event":
                self.scope["event"] = one.value
                if one.name in self._counted:
                    history.by_name.setdefault(one.name, []).append((one.when, one.value))
            elif one.kind == "change":
                facts[one.name] = one.value
                if one.name == "stage":
                    facts["stage_entered_at"] = one.when
                elif one.name == "owner":
                    self.scope["owner"] = owner_record(self._current, one.value)
            yield one


def walk(
    store: Store, current: Current, asked: Asked, progress: Progress = lambda done, total: None,
    *, most: int | None = None, take: Callable[[Past], None],
) -> int:  # fmt: skip
    """Tells of every lead, by `take`; answers how many there were.

    Args:
        progress: called with how many leads are done, and of how many.
        most: so many leads at most.
    """
    total = store.read(_count)
    done, after = 0, ""
    while most is None or done < most:

        def page(tx: Transaction, after: str = after) -> tuple[int, str]:
            return _page(tx, current, asked, after, take)

        found, after = store.read(page)
        done += found
        progress(done, total)
        if found < PAGE:
            break
    return done


def _there() -> sa.ColumnElement[bool]:
    return leads.table.c.stage != leads.ERASED


def _count(tx: Transaction) -> int:
    query = sa.select(sa.func.count()).select_from(leads.table).where(_there())
    return int(tx.conn.execute(query).scalar_one())


def _page(
    tx: Transaction, current: Current, asked: Asked, after: str, take: Callable[[Past], None]
) -> tuple[int, str]:
    id = leads.table.c.id
    query = sa.select(id).where(id > after, _there()).order_by(id).limit(PAGE)
    ids = list(tx.conn.execute(query).scalars())
    if not ids:
        return 0, after
    facts = leads.load(tx, ids, current.custom)
    changes, points = _changes(tx, current, ids), _points(tx, ids, asked.scores)
    ends = _outcomes(tx, ids, asked)
    told = _events(tx, ids, asked.names)
    waiting = next(told, None)
    for lead in ids:
        mine: Iterator[Moment] = iter(())
        if waiting is not None and waiting[0] == lead:
            mine = waiting[1]
        past = _past(current, asked, facts[LeadId(lead)], changes.get(lead, []),
                     points.get(lead, []), mine, ends.get(lead))  # fmt: skip
        take(past)
        if waiting is not None and waiting[0] == lead:
            waiting = next(told, None)
    return len(ids), ids[-1]


def _past(
    current: Current, asked: Asked, facts: dict[str, Value], changes: list[Moment],
    points: list[Moment], told: Iterator[Moment], ended: datetime | None,
) -> Past:  # fmt: skip
    outcome, then = ended, dict(facts)
    created = facts["created_at"]
    assert isinstance(created, datetime)
    stage = _entered(asked, facts, changes)
    if stage is not None and (outcome is None or stage < outcome):
        outcome = stage
    forward: list[Moment] = []
    for one in reversed(changes):
        before, after = one.value
        then[one.name] = before
        forward.append(Moment(one.at, "change", one.name, after, one.when))
    for name in UNKNOWN:
        then[name] = None
    then["stage_entered_at"] = created
    first = next(told, None)
    known = min(micros(created), first.at) if first is not None else micros(created)
    everything = merge(
        forward[::-1], points, _begun(first, told), key=lambda each: each.at
    )  # a change before what happened at the same moment: it came with that
    scope = scope_of(current, then, now=created, history=GrowingHistory())
    return Past(
        str(facts["id"]), str(facts.get("email") or ""), known,
        micros(outcome) if outcome is not None else None, scope, everything, current,
        asked.counted,
    )  # fmt: skip


def _begun(first: Moment | None, rest: Iterator[Moment]) -> Iterator[Moment]:
    if first is not None:
        yield first
        yield from rest


def _entered(
    asked: Asked, facts: Mapping[str, Value], changes: Sequence[Moment]
) -> datetime | None:
    """When a lead first came into one of the stages; it may have come to us in one."""
    moves = [one for one in changes if one.name == "stage"]
    first = moves[0].value[0] if moves else facts["stage"]
    if first in asked.stages:
        at = facts["created_at"] if moves else facts["stage_entered_at"]
        return at if isinstance(at, datetime) else None
    return next((one.when for one in moves if one.value[1] in asked.stages), None)


def _changes(tx: Transaction, current: Current, ids: Sequence[str]) -> dict[str, list[Moment]]:
    c = change_table.c
    query = (
        sa.select(c.lead, c.at, c.field, c.before, c.after)
        .where(c.lead.in_(ids), c.field != "created")
        .order_by(c.lead, c.at, c.id)
    )
    found: dict[str, list[Moment]] = {}
    for lead, at, name, before, after in tx.conn.execute(query):
        kind = BUILT_IN.get(name) or current.custom.get(name)
        values = from_json(before, kind), from_json(after, kind)
        found.setdefault(lead, []).append(Moment(micros(at), "change", name, values, at))
    return found


def _points(tx: Transaction, ids: Sequence[str], names: frozenset[str]) -> dict[str, list[Moment]]:
    """Points of behavior that no rule gave: whatever the rules, they stay."""
    found: dict[str, list[Moment]] = {}
    c = scores.table.c
    query = (
        sa.select(c.lead, c.at, c.name, c.points)
        .where(c.lead.in_(ids), c.name.in_(names), c.part == "behavior", c.rule == "")
        .order_by(c.lead, c.at, c.id)
    )
    for lead, at, name, points in tx.conn.execute(query) if names else ():
        found.setdefault(lead, []).append(Moment(micros(at), "points", name, points, at))
    return found


def _outcomes(tx: Transaction, ids: Sequence[str], asked: Asked) -> dict[str, datetime]:
    """When these leads' first deal was won, or the first event came that is an outcome."""
    c, e = deals.table.c, events.table.c
    closed = sa.func.min(sa.func.coalesce(c.closed_at, c.stage_entered_at), type_=c.closed_at.type)
    won = sa.select(c.lead, closed).where(c.lead.in_(ids), c.closed == "won").group_by(c.lead)
    found = {row[0]: row[1] for row in tx.conn.execute(won)}
    if asked.ends:
        first = sa.func.min(e.at, type_=e.at.type)
        ended = sa.select(e.lead, first).where(e.lead.in_(ids), e.name.in_(asked.ends))
        for lead, at in tx.conn.execute(ended.group_by(e.lead)):
            found[lead] = min(at, found.get(lead, at))
    return found


def _events(
    tx: Transaction, ids: Sequence[str], names: frozenset[str]
) -> Iterator[tuple[str, Iterator[Moment]]]:
    """Lead by lead, in the order of `ids`; no more of them at a time than a handful."""
    c = events.table.c
    query = (
        sa.select(c.lead, c.at, c.name, c.properties)
        .where(c.lead.in_(ids), c.name.in_(names))
        .order_by(c.lead, c.at, c.id)
        .execution_options(stream_results=True, yield_per=_FETCH)
    )
    rows = tx.conn.execute(query) if names else ()
    for lead, some in groupby(rows, key=itemgetter(0)):
        yield lead, (Moment(micros(at), "event", name, said, at) for _, at, name, said in some)
