"""Letting a group of leads into a playbook, by its own rules of entry, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import NotFoundError
from engine.operations.published import Current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_facts, load_histories
from engine.operations.selecting import Selection
from engine.playbook.plan import Plan
from engine.playbook.spelling import closest
from engine.playbook.values import Value
from engine.store import leads
from engine.store.database import Transaction


@dataclass(slots=True)
class Enrolled:
    """How many entered, and why the others did not: reason → count."""

    enrolled: int = 0
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, reason: str, number: int = 1) -> None:
        """Counts some that did not enter."""
        if number:
            self.skipped[reason] = self.skipped.get(reason, 0) + number

    def add(self, other: "Enrolled") -> None:
        """Adds what came of another group."""
        self.enrolled += other.enrolled
        for reason, number in other.skipped.items():
            self.skip(reason, number)


@dataclass(frozen=True, slots=True)
class Group:
    """How leads enter: which playbook, caused by what, in which lane, with which key and event."""

    playbook: str
    cause: str
    why: str
    lane: str
    key: str | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)

    def enroll(
        self, tx: Transaction, current: Current, ids: Sequence[str], chosen: Selection
    ) -> Enrolled:
        """Enrolls those of these leads that are still there and still selected."""
        answer = Enrolled()
        leads.lock(tx, ids)
        facts = load_facts(tx, current, ids)
        names = sorted({*current.plans[self.playbook].history, *chosen.counted})
        histories = load_histories(tx, ids, names) if names else {}
        reactor = Reactor(tx, current, facts, histories)
        wishes = [
            self._wish(lead)
            for lead in facts
            if chosen.holds(facts[lead], histories.get(lead), tx.now)
        ]
        reaction = reactor.enroll(wishes)
        answer.enrolled = len(reaction.entered)
        answer.skip("where", len(facts) - len(wishes))
        answer.skip("deleted", len(ids) - len(facts))
        for _, _, decline in reaction.declined:
            answer.skip(decline.reason)
        return answer

    def _wish(self, lead: str) -> Wish:
        return Wish(
            lead, self.playbook, self.cause, self.why, event=self.properties, key=self.key,
            lane=self.lane,
        )  # fmt: skip


def playbook_of(current: Current, name: str) -> Plan:
    """The published playbook of that name.

    Raises:
        NotFoundError: there is none.
    """
    if name not in current.plans:
        near = closest(name, current.plans)
        raise NotFoundError(
            f"no playbook '{name}' is published",
            help=f"did you mean '{near}'?" if near else "publish it with: longplay apply",
        )
    return current.plans[name]
