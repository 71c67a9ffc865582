"""Letting a group of leads or deals into a playbook, by its rules of entry, in one transaction.

Deals enter a playbook for deals; into one for leads enter their primary contacts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import NotFoundError
from engine.operations.deal_locks import lock_deals
from engine.operations.published import Current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_deals, load_facts, load_histories
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
    """How records enter: which playbook, by what cause, in which lane, with which key and event."""

    playbook: str
    cause: str
    why: str
    lane: str
    key: str | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)

    def enroll(
        self, tx: Transaction, current: Current, ids: Sequence[str], chosen: Selection
    ) -> Enrolled:
        """Enrolls those of these records that are still there and still selected."""
        if chosen.record == "deal":
            return self._enroll_deals(tx, current, ids, chosen)
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
        answer.skip("where", len(facts) - len(wishes))
        answer.skip("deleted", len(ids) - len(facts))
        return self._let_in(reactor, wishes, answer)

    def _enroll_deals(
        self, tx: Transaction, current: Current, ids: Sequence[str], chosen: Selection
    ) -> Enrolled:
        answer = Enrolled()
        who = sorted(set(lock_deals(tx, ids).values()))
        facts = load_facts(tx, current, who)
        known = load_deals(tx, current, ids)
        there = {id: str(deal["lead"]) for id, deal in known.items() if deal["lead"] in facts}
        names = sorted({*current.plans[self.playbook].history, *chosen.counted})
        histories = load_histories(tx, who, names) if names else {}
        reactor = Reactor(tx, current, facts, histories, known)
        wishes = [
            self._wish(lead, id)
            for id, lead in there.items()
            if chosen.holds(facts[lead], histories.get(lead), tx.now, known[id])
        ]
        answer.skip("where", len(there) - len(wishes))
        answer.skip("deleted", len(ids) - len(there))
        return self._let_in(reactor, wishes, answer)

    def _let_in(self, reactor: Reactor, wishes: Sequence[Wish], answer: Enrolled) -> Enrolled:
        reaction = reactor.enroll(wishes)
        answer.enrolled = len(reaction.entered)
        for _, _, decline in reaction.declined:
            answer.skip(decline.reason)
        return answer

    def _wish(self, lead: str, deal: str = "") -> Wish:
        return Wish(
            lead, self.playbook, self.cause, self.why, event=self.properties, key=self.key,
            lane=self.lane, deal=deal,
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
