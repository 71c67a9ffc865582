"""Which deals an event or a change concerns, and which runs look at it.

An event that names a deal counts for that deal alone, and for the lead it is about. One that names
none starts the playbooks of every open deal of its lead, and is seen by the runs of all its deals
(language.md, 9.9).
"""

from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.operations.published import Current
from engine.operations.scopes import load_deals
from engine.playbook.plan import Plan
from engine.playbook.values import Value
from engine.runtime.matching import Edge, Happened
from engine.store import deals
from engine.store.database import Transaction

Deals = MutableMapping[str, dict[str, Value]]


@dataclass(slots=True)
class DealSight:
    """The deals that one transaction has to look at.

    Args:
        tx: the open transaction; the primary contacts are locked.
        current: what is published.
        known: deals as they are after the change, by id; more are loaded as they are needed.
    """

    tx: Transaction
    current: Current
    known: Deals = field(default_factory=dict)
    _open: dict[str, list[str]] | None = None

    def load(
        self,
        rows: Sequence[Mapping[Any, Any]],
        happened: Iterable[Happened],
        leads: Collection[str],
    ) -> None:
        """Loads the deals that runs know and events name, and the open ones of these leads."""
        named = {row["deal"] for row in rows} | {one.deal for one in happened}
        self.know(one for one in named if one)
        if any(plan.record == "deal" for plan in self.current.plans.values()):
            for id, facts in deals.open_of(self.tx, leads, self.current.deal_fields).items():
                self.known.setdefault(id, facts)

    def know(self, ids: Iterable[str]) -> None:
        """Loads these deals, unless they are known."""
        missing = set(ids) - self.known.keys()
        if missing:
            self.known.update(load_deals(self.tx, self.current, sorted(missing)))

    def open_of(self, lead: str) -> list[str]:
        """The open deals of this lead, in the order they were made."""
        if self._open is None:
            self._open = {}
            for id in sorted(self.known):
                deal = self.known[id]
                if not deal["closed"]:
                    self._open.setdefault(str(deal["lead"]), []).append(id)
        return self._open.get(lead, [])

    def targets(self, plan: Plan, lead: str, happened: Happened) -> list[str]:
        """The deals that an event may start this plan for; a plan for leads has the lead itself.

        The empty text stands for the lead.
        """
        if plan.record == "lead":
            return [""] if happened.of_lead else []
        if happened.deal:
            deal = self.known.get(happened.deal)
            # Of the occurrence at its own contact: the event may be somebody else's.
            return [happened.deal] if deal is not None and deal["lead"] == lead else []
        return self.open_of(lead)

    def edges_of(self, lead: str, edge: Edge) -> dict[str, Edge]:
        """The same change of a lead as its open deals see it."""
        found = {}
        for id in self.open_of(lead):
            deal = self.known[id]
            found[id] = Edge(deal, deal, edge.id, "deal", edge.before)
        return found


def sees(plan: Plan, row: Mapping[Any, Any], happened: Happened) -> bool:
    """Whether a run looks at an event of its lead: its own mail's, and not another deal's.

    An escalation watches what becomes of the record, by whosever mail.
    """
    of_other = happened.enrollment and happened.enrollment != row["id"]
    if of_other and plan.escalation is None:
        return False
    if happened.deal and row["deal"] == happened.deal:
        return True
    return happened.of_lead and not (happened.deal and row["deal"])
