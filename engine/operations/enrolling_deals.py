"""Enrolling deals by hand: named ones, or all that a condition holds of, a page at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from engine.errors import InputError, NotFoundError
from engine.ids import new_id
from engine.operations import published
from engine.operations.deal_locks import lock_deals
from engine.operations.enrolling_by_hand import PAGE, Enrolled
from engine.operations.published import Current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_deals, load_facts, load_histories, scope_of
from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import compile_condition
from engine.playbook.conditions.compiled import CompiledCondition
from engine.playbook.values import Value
from engine.store import deals
from engine.store.database import Store, Transaction


def is_for_deals(store: Store, playbook: str) -> bool:
    """Whether a playbook of that name is published, and is for deals."""
    plan = store.read(published.current).plans.get(playbook)
    return plan is not None and plan.record == "deal"


def enroll_deals(
    store: Store,
    playbook: str,
    *,
    ids: Sequence[str] | None = None,
    where: str = "",
    key: str | None = None,
    properties: Mapping[str, Value] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Enrolled:
    """Enrolls deals in `playbook`, by its own rules of entry.

    Args:
        store: the workspace's store.
        playbook: its name; for a playbook for leads, the deals' primary contacts are enrolled.
        ids: the deals; None: every deal that `where` holds of (empty: every deal).
        where: a condition.
        key: the key of the enrollments.
        properties: what `event` is for them.
        progress: told how many deals have been looked at.

    Raises:
        InputError: the playbook, a deal or the condition is not right; nothing was enrolled.
    """
    current = store.read(published.current)
    if playbook not in current.plans:
        raise NotFoundError(
            f"no playbook '{playbook}' is published", help="publish it with: longplay apply"
        )
    check = _check(current, where) if where else None
    answer, done = Enrolled(), 0
    cause = f"manual:{new_id()}"
    lane = "live" if ids is not None and len(ids) <= PAGE else "bulk"
    for page in _pages(store, ids):
        work = DealPage(playbook, page, check, cause, lane, key, properties or {})
        store.write(partial(work.enroll, answer=answer))
        done += len(page)
        progress(done)
    return answer


def _check(current: Current, where: str) -> CompiledCondition:
    """The condition, checked against the published workspace.

    Raises:
        InputError: it is wrong.
    """
    workspace = current.workspace
    stages = [stage.name for each in workspace.pipelines.values() for stage in each.stages]
    names = vocabulary(
        lead_fields=workspace.fields.lead,
        deal_fields=workspace.fields.deal,
        events=workspace.events,
        segments=tuple(workspace.segments),
        scores=("score",),
        record="deal",
        has_event=False,
        lifecycle=workspace.lifecycle,
        deal_stages=tuple(dict.fromkeys(stages)),
        pipelines=tuple(workspace.pipelines),
        owners=tuple(workspace.owners),
    )
    return compile_condition(where, names)


@dataclass(frozen=True, slots=True)
class DealPage:
    """Deals that are looked at in one transaction.

    Attributes:
        check: only those that this holds of.
        cause: what enrolls them; the same cause enrolls a deal once.
        why: the same for people.
    """

    playbook: str
    ids: Sequence[str]
    check: CompiledCondition | None
    cause: str
    lane: str
    key: str | None
    properties: Mapping[str, Value]
    why: str = "enrolled by hand"

    def enroll(self, tx: Transaction, answer: Enrolled) -> None:
        """Enrolls the page, and counts what became of it."""
        current = published.current(tx)
        contacts = lock_deals(tx, self.ids)
        leads = sorted(set(contacts.values()))
        facts = load_facts(tx, current, leads)
        known = load_deals(tx, current, self.ids)
        names = {*current.plans[self.playbook].history, *(self.check.events if self.check else ())}
        histories = load_histories(tx, leads, sorted(names)) if names else {}
        reactor = Reactor(tx, current, facts, histories, known)
        wishes = [self._wish(id, known[id]) for id in self.ids if self._holds(reactor, id)]
        reaction = reactor.enroll(wishes)
        answer.enrolled += len(reaction.entered)
        self._count(answer, "where", len(known) - len(wishes))
        for _, _, decline in reaction.declined:
            self._count(answer, decline.reason, 1)

    def _holds(self, reactor: Reactor, id: str) -> bool:
        deal = reactor.deals.get(id)
        if deal is None:
            return False
        if self.check is None:
            return True
        lead = str(deal["lead"])
        scope = scope_of(
            reactor.current,
            reactor.facts[lead],
            now=reactor.tx.now,
            history=reactor.histories.get(lead),
            deal=deal,
            record="deal",
        )
        return self.check.truth(scope)

    def _wish(self, id: str, deal: Mapping[str, Value]) -> Wish:
        return Wish(
            str(deal["lead"]), self.playbook, self.cause, self.why, key=self.key,
            event=self.properties, lane=self.lane, deal=id,
        )  # fmt: skip

    def _count(self, answer: Enrolled, reason: str, number: int) -> None:
        if number:
            answer.skipped[reason] = answer.skipped.get(reason, 0) + number


def _pages(store: Store, ids: Sequence[str] | None) -> Iterator[list[str]]:
    if ids is None:
        yield from _every_deal(store)
        return
    wanted = sorted(set(ids))
    known = store.read(lambda tx: deals.contacts_of(tx, wanted))
    missing = next((id for id in wanted if id not in known), None)
    if missing is not None:
        raise InputError(
            f"there is no deal '{missing[:60]}'", help="list them with: longplay deals list"
        )
    for start in range(0, len(wanted), PAGE):
        yield wanted[start : start + PAGE]


def _every_deal(store: Store) -> Iterator[list[str]]:
    cursor = ""
    while True:
        found = store.read(partial(deals.ids_after, cursor=cursor, limit=PAGE))
        if not found:
            return
        yield found
        cursor = found[-1]
