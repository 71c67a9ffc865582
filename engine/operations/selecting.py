"""The leads that a condition holds of: counted, listed and walked through, however many there are.

The database answers what SQL can express; the rest is asked of the condition's closures, page by
page. Nothing here holds more than a page of leads in memory, or looks at more than a stretch of
them in one go.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from engine.operations.clocks import zones_of_leads
from engine.operations.published import Current
from engine.operations.scopes import load_facts, load_histories, owner_record, scope_of
from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import CompiledCondition, compile_condition, condition
from engine.playbook.values import History, Value
from engine.store import events, leads
from engine.store.database import Transaction
from engine.store.selecting import Asking, Split, leads_of, split

STRETCH = 20_000
"""Leads that one page looks through at most."""

_CHUNK = 1_000
"""Leads whose facts are in memory at a time, where Python must look at them."""

Facts = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of all leads, looked through.

    Attributes:
        ids: those that were selected, in the order of ids.
        cursor: where the next stretch begins; None: that was all.
        looked: how many leads were looked through.
    """

    ids: Sequence[str]
    cursor: str | None
    looked: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many leads a condition holds of; `is_all` is false when the time was up."""

    number: int
    is_all: bool = True


@dataclass(frozen=True)
class Selection:
    """What selects leads in a published workspace.

    Args:
        current: what is published.
        asked: the condition; None: every lead.
    """

    current: Current
    asked: CompiledCondition | None = None

    @cached_property
    def counted(self) -> Sequence[str]:
        """The events whose history it asks for, those of the segments that it names included."""
        return sorted(events_of(self.current, self.asked)) if self.asked is not None else ()

    def parts(self, tx: Transaction, now: datetime | None = None) -> Split:
        """What the database answers, and what it does not."""
        if self.asked is None:
            return Split(())
        return split(self.asked, asking_of(tx, self.current, now or tx.now))

    def holds(self, lead: Facts, history: History | None, now: datetime) -> bool:
        """Whether it holds of a lead, as the closures say."""
        if self.asked is None:
            return True
        return self.asked.truth(scope_of(self.current, lead, now=now, history=history))

    def stretch(
        self,
        tx: Transaction,
        after: str,
        most: int,
        *,
        also: Sequence[sa.ColumnElement[Any]] = (),
        now: datetime | None = None,
    ) -> Stretch:
        """The next leads behind `after`, at most so many.

        Args:
            tx: the transaction.
            after: the cursor; empty at first.
            most: how many ids at most.
            also: further clauses.
            now: the moment that the condition is asked at; else the transaction's.
        """
        id = leads.table.c.id
        behind = sa.select(id).where(id > after).order_by(id)
        end = tx.conn.execute(behind.offset(STRETCH - 1).limit(1)).scalar()
        within = [id > after, *([id <= end] if end is not None else [])]
        parts = self.parts(tx, now)
        query = sa.select(id).where(*within, *parts.where, *also).order_by(id).limit(most)
        ids = list(tx.conn.execute(query).scalars())
        cursor: str | None = ids[-1] if len(ids) == most else end
        looked = [id > after, *([id <= cursor] if cursor is not None else [])]
        number = tx.conn.execute(
            sa.select(sa.func.count()).select_from(leads.table).where(*looked)
        ).scalar_one()
        return Stretch(self.keep(tx, parts, ids, now), cursor, number)

    def count(self, tx: Transaction, *, seconds: float | None = None) -> Count:
        """How many leads it holds of; with `seconds`, as far as that time goes."""
        parts = self.parts(tx)
        if parts.is_whole and seconds is None:
            query = sa.select(sa.func.count()).select_from(leads.table).where(*parts.where)
            return Count(tx.conn.execute(query).scalar_one())
        until = time.monotonic() + seconds if seconds is not None else None
        number, cursor = 0, ""
        while until is None or time.monotonic() < until:
            some, following = self._count(tx, parts, cursor)
            number += some
            if following is None:
                return Count(number)
            cursor = following
        return Count(number, is_all=False)

    def _count(self, tx: Transaction, parts: Split, after: str) -> tuple[int, str | None]:
        """How many of the next leads, and behind which one to go on."""
        id = leads.table.c.id
        if not parts.is_whole:
            ids = self._candidates(tx, parts, after)
            return len(self.keep(tx, parts, ids)), ids[-1] if len(ids) == _CHUNK else None
        behind = sa.select(id).where(id > after).order_by(id)
        end = tx.conn.execute(behind.offset(STRETCH - 1).limit(1)).scalar()
        within = [id > after, *([id <= end] if end is not None else [])]
        query = sa.select(sa.func.count()).select_from(leads.table).where(*within, *parts.where)
        return tx.conn.execute(query).scalar_one(), end

    def page(
        self,
        tx: Transaction,
        after: str = "",
        limit: int = 100,
        *,
        also: Sequence[sa.ColumnElement[Any]] = (),
    ) -> list[str]:
        """The ids of a page, in the order that leads became known."""
        parts, found = self.parts(tx), list[str]()
        while len(found) < limit:
            size = limit if parts.is_whole else _CHUNK
            ids = self._candidates(tx, parts, after, size, also)
            found += self.keep(tx, parts, ids)
            if len(ids) < size:
                break
            after = ids[-1]
        return found[:limit]

    def _candidates(
        self,
        tx: Transaction,
        parts: Split,
        after: str,
        size: int = _CHUNK,
        also: Sequence[sa.ColumnElement[Any]] = (),
    ) -> list[str]:
        id = leads.table.c.id
        query = sa.select(id).where(id > after, *parts.where, *also).order_by(id).limit(size)
        return list(tx.conn.execute(query).scalars())

    def keep(
        self, tx: Transaction, parts: Split, ids: Sequence[str], now: datetime | None = None
    ) -> Sequence[str]:
        """Those of which the rest holds as well."""
        if parts.is_whole or not ids:
            return ids
        found = []
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            facts = load_facts(tx, self.current, some)
            histories = load_histories(tx, some, self.counted) if self.counted else {}
            for id in some:
                if id in facts:
                    history = histories.get(id)
                    scope = scope_of(self.current, facts[id], now=now or tx.now, history=history)
                    if parts.holds(scope):
                        found.append(id)
        return found


def selection(current: Current, where: str) -> Selection:
    """The leads that a condition holds of, checked against the published workspace.

    Raises:
        InputError: the condition is wrong.
    """
    return Selection(current, checked(current, where) if where.strip() else None)


def checked(current: Current, where: str) -> CompiledCondition:
    """A condition that somebody typed.

    Raises:
        InputError: it is wrong.
    """
    workspace = current.workspace
    names = vocabulary(
        lead_fields=workspace.fields.lead,
        events=workspace.events,
        segments=tuple(workspace.segments),
        scores=("score",),
        lifecycle=workspace.lifecycle,
        owners=tuple(workspace.owners),
        has_event=False,
    )
    return compile_condition(where, names)


def asking_of(tx: Transaction, current: Current, now: datetime) -> Asking:
    """A look at the leads of a workspace."""
    owners = {name: owner_record(current, name) for name in current.workspace.owners}
    return Asking(
        is_postgres=tx.is_postgres,
        records={"lead": leads_of(current.custom)},
        now=now,
        zone=current.zone,
        zones=lambda: zones_of_leads(tx),
        zone_of=current.zone_or,
        segments=current.workspace.segments,
        owners=owners,
        history=leads.table.c.id,
        events=events.table,
    )


def events_of(
    current: Current, asked: CompiledCondition, above: frozenset[str] = frozenset()
) -> frozenset[str]:
    """The events whose history a condition asks for, through the segments that it names."""
    found = asked.events
    for name, inner in _segments_of(current, asked, above):
        found |= events_of(current, inner, above | {name})
    return found


def reads_time(
    current: Current, asked: CompiledCondition, above: frozenset[str] = frozenset()
) -> bool:
    """Whether time alone can change the answer, through the segments that it names."""
    return asked.reads_time or any(
        reads_time(current, inner, above | {name})
        for name, inner in _segments_of(current, asked, above)
    )


def _segments_of(
    current: Current, asked: CompiledCondition, above: frozenset[str]
) -> list[tuple[str, Any]]:
    known = current.workspace.segments
    names = {name.removeprefix("segment.") for name in asked.names if name.startswith("segment.")}
    return [(name, condition(known[name])) for name in sorted((names & set(known)) - above)]
