"""Records as they were before they changed, or an event came: for what fires on the edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.operations.heeding import heeded
from engine.operations.occurrences import Occurrence
from engine.operations.published import Current
from engine.operations.scopes import scope_of
from engine.playbook.values import History, Record, Scope, Value
from engine.runtime.matching import Edge
from engine.store.lead_facts import as_of


@dataclass(frozen=True, slots=True)
class _Without:
    """A history without the events of this transaction."""

    whole: History
    fresh: Mapping[str, Sequence[datetime]]

    def occurrences(self, event: str) -> Sequence[tuple[datetime, Mapping[str, Value]]]:
        """Every occurrence before, oldest first."""
        left = list(self.fresh.get(event, ()))
        found = []
        for one in self.whole.occurrences(event):
            if one[0] in left:
                left.remove(one[0])
            else:
                found.append(one)
        return found


def history(whole: History | None, happened: Sequence[Occurrence]) -> History | None:
    """What a lead had done before these events came."""
    if whole is None or not happened:
        return whole
    fresh: dict[str, list[datetime]] = {}
    for one in happened:
        fresh.setdefault(one.happened.name, []).append(one.at)
    return _Without(whole, fresh)


def scope(current: Current, edge: Edge, lead: Record, done: History | None, at: datetime) -> Scope:
    """The scope of the record that changed, as it was."""
    if edge.record == "lead":
        return scope_of(current, as_of(edge.before or {}, at), now=at, history=done)
    contact = as_of(lead if edge.contact is None else edge.contact, at)
    return scope_of(current, contact, now=at, history=done, deal=edge.before, record="deal")


def by_events(
    current: Current,
    facts: Mapping[str, dict[str, Value]],
    occurrences: Sequence[Occurrence],
    edges: Mapping[str, Edge],
) -> dict[str, Edge]:
    """Leads that changed in nothing but what they did, where some segment trigger counts that."""
    counted = heeded(current).counted_by_segments
    if not counted:
        return {}
    return {
        one.lead: Edge(facts[one.lead], facts[one.lead], one.happened.id)
        for one in occurrences
        if one.starts and one.happened.name in counted and one.lead not in edges
    }
