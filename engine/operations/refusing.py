"""Refusals of one transaction: gathered while triggers are looked at, and written together.

What tells nobody anything is left out: the same event once more, or that somebody is in already,
where a batch asked.
"""

from dataclasses import dataclass, field

from engine.playbook.conditions import condition
from engine.playbook.plan import Plan, Trigger
from engine.playbook.values import Scope
from engine.runtime.enrolling import Decline
from engine.store import refusals
from engine.store.database import Transaction
from engine.store.refusals import Refused

_PLAIN = frozenset({"same-cause", "no-deal"})
_PLAIN_IN_BULK = frozenset({"already-in", "again-never"})


@dataclass(slots=True)
class Refusals:
    """Whom playbooks did not let in."""

    _gathered: list[Refused] = field(default_factory=list)

    def by_trigger(self, plan: Plan, record: str, trigger: Trigger, scope: Scope) -> None:
        """A trigger's own `if` did not hold of the record."""
        said = trigger.event or trigger.moment or trigger.stage or trigger.score or trigger.kind
        why = f"{said}: if: {condition(trigger.cond).explain(scope)}"
        self._gathered.append(Refused(record, plan.playbook, "trigger", why))

    def by_rules(self, playbook: str, record: str, lane: str, why: str, declined: Decline) -> None:
        """The rules of entry declined it; `why` says what had asked."""
        if declined.reason in _PLAIN or (lane == "bulk" and declined.reason in _PLAIN_IN_BULK):
            return
        told = f"{why}: {declined.why}"
        self._gathered.append(Refused(record, playbook, declined.reason, told))

    def write(self, tx: Transaction) -> None:
        """Keeps them; the caller holds the leads' locks."""
        refusals.write(tx, self._gathered)
        self._gathered.clear()
