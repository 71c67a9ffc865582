"""Enrolling by hand: named leads, or all that a condition holds of, a page at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.ids import new_id
from engine.operations import published
from engine.operations.published import Current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_facts, load_histories, scope_of
from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import compile_condition
from engine.playbook.conditions.compiled import CompiledCondition
from engine.playbook.spelling import closest
from engine.playbook.values import Value
from engine.store import leads
from engine.store.database import Store, Transaction

PAGE = 500


@dataclass(slots=True)
class Enrolled:
    """How many entered, and why the others did not: reason → count."""

    enrolled: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


def enroll(
    store: Store,
    playbook: str,
    *,
    names: Sequence[str] | None = None,
    where: str = "",
    key: str | None = None,
    properties: Mapping[str, Value] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Enrolled:
    """Enrolls leads in `playbook`, by its own rules of entry.

    Args:
        store: the workspace's store.
        playbook: its name.
        names: addresses or ids; None: every lead that `where` holds of (empty: every lead).
        where: a condition.
        key: the key of the enrollments.
        properties: what `event` is for them.
        progress: told how many leads have been looked at.

    Raises:
        InputError: the playbook, a lead or the condition is not right; nobody was enrolled.
    """
    current = store.read(published.current)
    if playbook not in current.plans:
        near = closest(playbook, current.plans)
        raise NotFoundError(
            f"no playbook '{playbook}' is published",
            help=f"did you mean '{near}'?" if near else "publish it with: longplay apply",
        )
    check = _check(current, where) if where else None
    pages = _named(store, names) if names is not None else _everybody(store)
    answer, done = Enrolled(), 0
    # One cause for this command: should it be repeated after a crash, `again` decides.
    cause = f"manual:{new_id()}"
    # Few leads are somebody's trial, waited for; many are a batch, and must not hold those up.
    lane = "live" if names is not None and len(names) <= PAGE else "bulk"
    for ids in pages:
        work = _Page(playbook, ids, check, cause, lane, key, properties or {})
        store.write(partial(work.enroll, answer=answer))
        done += len(ids)
        progress(done)
    return answer


def _check(current: Current, where: str) -> CompiledCondition:
    """The condition, checked against the published workspace.

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


@dataclass(frozen=True, slots=True)
class _Page:
    playbook: str
    ids: Sequence[str]
    check: CompiledCondition | None
    cause: str
    lane: str
    key: str | None
    properties: Mapping[str, Value]

    def enroll(self, tx: Transaction, answer: Enrolled) -> None:
        current = published.current(tx)
        leads.lock(tx, self.ids)
        facts = load_facts(tx, current, self.ids)
        names = {*current.plans[self.playbook].history, *(self.check.events if self.check else ())}
        histories = load_histories(tx, self.ids, sorted(names)) if names else {}
        reactor = Reactor(tx, current, facts, histories)
        wishes = [self._wish(lead) for lead in facts if self._holds(reactor, lead)]
        reaction = reactor.enroll(wishes)
        answer.enrolled += len(reaction.entered)
        _count(answer, "where", len(facts) - len(wishes))
        _count(answer, "deleted", len(self.ids) - len(facts))
        for _, _, decline in reaction.declined:
            _count(answer, decline.reason, 1)

    def _holds(self, known: Reactor, lead: str) -> bool:
        if self.check is None:
            return True
        history = known.histories.get(lead)
        now = known.tx.now
        scope = scope_of(known.current, known.facts[lead], now=now, history=history)
        return self.check.truth(scope)

    def _wish(self, lead: str) -> Wish:
        return Wish(
            lead, self.playbook, self.cause, "enrolled by hand", event=self.properties,
            key=self.key, lane=self.lane,
        )  # fmt: skip


def _count(answer: Enrolled, reason: str, number: int) -> None:
    if number:
        answer.skipped[reason] = answer.skipped.get(reason, 0) + number


def _named(store: Store, names: Sequence[str]) -> Iterator[list[str]]:
    def find(tx: Transaction) -> list[str]:
        found = leads.find_by_email(tx, [name for name in names if "@" in name])
        ids = list(map(str, found.values()))
        by_id = [name for name in names if "@" not in name]
        ids += _ids(tx, _existing(by_id))
        if len(set(ids)) < len(set(names)):
            # Fewer leads than names: one is unknown, or one lead was named twice.
            missing = next((name for name in names if leads.find(tx, name) is None), None)
            if missing is not None:
                raise InputError(
                    f"there is no lead '{missing}'",
                    help="import it, or send an event about it first",
                )
        return sorted(set(ids))

    ids = store.read(find)
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]


def _ids(tx: Transaction, query: sa.Select[Any]) -> list[str]:
    return [row[0] for row in tx.conn.execute(query)]


def _existing(ids: Sequence[str]) -> sa.Select[Any]:
    return sa.select(leads.table.c.id).where(leads.table.c.id.in_(ids))


def _everybody(store: Store) -> Iterator[list[str]]:
    cursor = ""
    while True:
        query = (
            sa.select(leads.table.c.id)
            .where(leads.table.c.id > cursor)
            .order_by(leads.table.c.id)
            .limit(PAGE)
        )
        ids = store.read(partial(_ids, query=query))
        if not ids:
            return
        yield ids
        cursor = ids[-1]
