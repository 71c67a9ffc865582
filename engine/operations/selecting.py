"""The records that a condition holds of: counted, listed and walked through, however many.

The database answers what SQL can express; the rest is asked of the condition's closures, page by
page. Nothing here holds more than a page of records in memory, or looks at more than a stretch of
them in one go. Records are leads, or deals beside their primary contacts.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from engine.operations.clocks import zones_of_leads
from engine.operations.published import Current
from engine.operations.rulebooks import by_name, reads_fading
from engine.operations.scopes import (
    load_deals,
    load_facts,
    load_histories,
    owner_record,
    scope_of,
)
from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import CompiledCondition, compile_condition, condition
from engine.playbook.plan import RecordKind
from engine.playbook.scoring_plan import PRIMARY
from engine.playbook.values import History, Value
from engine.store import deals, events, leads
from engine.store.database import Transaction
from engine.store.lead_facts import as_of
from engine.store.selecting import Asking, Split, deals_of, leads_of, split, with_contacts

STRETCH = 20_000
"""Records that one page looks through at most."""

_CHUNK = 1_000
"""Records whose facts are in memory at a time, where Python must look at them."""

Facts = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of all records, looked through.

    Attributes:
        ids: those that were selected, in the order of ids.
        cursor: where the next stretch begins; None: that was all.
        looked: how many records were looked through.
    """

    ids: Sequence[str]
    cursor: str | None
    looked: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many records a condition holds of; `is_all` is false when the time was up."""

    number: int
    is_all: bool = True


@dataclass(frozen=True)
class Selection:
    """What selects records in a published workspace.

    Args:
        current: what is published.
        asked: the condition; None: every record.
        record: whether it selects leads or deals.
    """

    current: Current
    asked: CompiledCondition | None = None
    record: RecordKind = "lead"

    @property
    def _id(self) -> sa.Column[str]:
        table: sa.Table = deals.table if self.record == "deal" else leads.table
        return table.c.id

    @property
    def _rows(self) -> sa.FromClause:
        return with_contacts if self.record == "deal" else leads.table

    @cached_property
    def counted(self) -> Sequence[str]:
        """The events whose history it asks for, those of the segments that it names included."""
        return sorted(events_of(self.current, self.asked)) if self.asked is not None else ()

    def parts(self, tx: Transaction, now: datetime | None = None) -> Split:
        """What the database answers, and what it does not; who was erased is not selected."""
        there = () if self.record == "deal" else (leads.table.c.stage != leads.ERASED,)
        if self.asked is None:
            return Split(there)
        found = split(self.asked, asking_of(tx, self.current, now or tx.now, self.record))
        return replace(found, where=(*there, *found.where))

    def holds(
        self, lead: Facts, history: History | None, now: datetime, deal: Facts | None = None
    ) -> bool:
        """Whether it holds of a lead, or of a deal with this contact, as the closures say."""
        if self.asked is None:
            return True
        return self.asked.truth(self._scope(lead, history, now, deal))

    def _scope(
        self, lead: Facts, history: History | None, now: datetime, deal: Facts | None
    ) -> Mapping[str, object]:
        then = dict(as_of(lead, now))
        return scope_of(self.current, then, now=now, history=history, deal=deal, record=self.record)

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
        id = self._id
        behind = sa.select(id).where(id > after).order_by(id)
        end = tx.conn.execute(behind.offset(STRETCH - 1).limit(1)).scalar()
        within = [id > after, *([id <= end] if end is not None else [])]
        parts = self.parts(tx, now)
        query = sa.select(id).select_from(self._rows).where(*within, *parts.where, *also)
        query = query.order_by(id).limit(most)
        ids = list(tx.conn.execute(query).scalars())
        cursor: str | None = ids[-1] if len(ids) == most else end
        looked = [id > after, *([id <= cursor] if cursor is not None else [])]
        number = tx.conn.execute(sa.select(sa.func.count(id)).where(*looked)).scalar_one()
        return Stretch(self.keep(tx, parts, ids, now), cursor, number)

    def count(self, tx: Transaction, *, seconds: float | None = None) -> Count:
        """How many records it holds of; with `seconds`, as far as that time goes."""
        parts = self.parts(tx)
        if parts.is_whole and seconds is None:
            query = sa.select(sa.func.count()).select_from(self._rows).where(*parts.where)
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
        """How many of the next records, and behind which one to go on."""
        id = self._id
        if not parts.is_whole:
            ids = self._candidates(tx, parts, after)
            return len(self.keep(tx, parts, ids)), ids[-1] if len(ids) == _CHUNK else None
        behind = sa.select(id).where(id > after).order_by(id)
        end = tx.conn.execute(behind.offset(STRETCH - 1).limit(1)).scalar()
        within = [id > after, *([id <= end] if end is not None else [])]
        query = sa.select(sa.func.count()).select_from(self._rows).where(*within, *parts.where)
        return tx.conn.execute(query).scalar_one(), end

    def page(
        self,
        tx: Transaction,
        after: str = "",
        limit: int = 100,
        *,
        also: Sequence[sa.ColumnElement[Any]] = (),
    ) -> list[str]:
        """The ids of a page, in the order that records became known."""
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
        id = self._id
        query = sa.select(id).select_from(self._rows).where(id > after, *parts.where, *also)
        return list(tx.conn.execute(query.order_by(id).limit(size)).scalars())

    def keep(
        self, tx: Transaction, parts: Split, ids: Sequence[str], now: datetime | None = None
    ) -> Sequence[str]:
        """Those of which the rest holds as well."""
        if parts.is_whole or not ids:
            return ids
        found = []
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            known = load_deals(tx, self.current, some) if self.record == "deal" else {}
            contacts = {id: str(deal["lead"]) for id, deal in known.items()}
            who = sorted(set(contacts.values())) if self.record == "deal" else some
            facts = load_facts(tx, self.current, who)
            histories = load_histories(tx, who, self.counted) if self.counted else {}
            for id in some:
                lead = contacts.get(id, id)
                if lead not in facts:
                    continue
                scope = self._scope(facts[lead], histories.get(lead), now or tx.now, known.get(id))
                if parts.holds(scope):
                    found.append(id)
        return found


def selection(current: Current, where: str, record: RecordKind = "lead") -> Selection:
    """The records that a condition holds of, checked against the published workspace.

    Raises:
        InputError: the condition is wrong.
    """
    return Selection(current, checked(current, where, record) if where.strip() else None, record)


def checked(current: Current, where: str, record: RecordKind = "lead") -> CompiledCondition:
    """A condition about leads, or about deals, that somebody typed.

    Raises:
        InputError: it is wrong.
    """
    workspace = current.workspace
    stages = [stage.name for each in workspace.pipelines.values() for stage in each.stages]
    names = vocabulary(
        record=record,
        deal_fields=workspace.fields.deal,
        deal_stages=tuple(dict.fromkeys(stages)),
        pipelines=tuple(workspace.pipelines),
        lead_fields=workspace.fields.lead,
        events=workspace.events,
        segments=tuple(workspace.segments),
        scores=(PRIMARY, *by_name(current)),
        lifecycle=workspace.lifecycle,
        owners=tuple(workspace.owners),
        has_event=False,
    )
    return compile_condition(where, names)


def asking_of(
    tx: Transaction, current: Current, now: datetime, record: RecordKind = "lead"
) -> Asking:
    """A look at the leads, or the deals, of a workspace."""
    records = {"lead": leads_of(current.custom, now)}
    if record == "deal":
        records["deal"] = deals_of(current.deal_fields)
    owners = {name: owner_record(current, name) for name in current.workspace.owners}
    return Asking(
        is_postgres=tx.is_postgres,
        records=records,
        main=record,
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
    return (
        asked.reads_time
        or reads_fading(current, asked.names)
        or any(
            reads_time(current, inner, above | {name})
            for name, inner in _segments_of(current, asked, above)
        )
    )


def _segments_of(
    current: Current, asked: CompiledCondition, above: frozenset[str]
) -> list[tuple[str, Any]]:
    known = current.workspace.segments
    names = {name.removeprefix("segment.") for name in asked.names if name.startswith("segment.")}
    return [(name, condition(known[name])) for name in sorted((names & set(known)) - above)]
