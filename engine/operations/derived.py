"""The events that a change of a lead is: `lead.created`, `lead.stage_changed`, `lead.assigned`…

They are stored, and looked at, only when some published plan listens to them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.ids import new_id
from engine.operations.occurrences import Occurrence
from engine.operations.published import Current
from engine.playbook.values import Value
from engine.runtime.matching import Edge, Happened
from engine.store import events
from engine.store.database import Transaction


def store_derived(
    tx: Transaction, current: Current, edges: Mapping[str, Edge], *, starts: bool = True
) -> list[Occurrence]:
    """Stores the events that these changes are, and answers them for `Reactor.react`."""
    rows: list[dict[str, Any]] = []
    occurrences: list[Occurrence] = []
    for lead, edge in edges.items():
        for name, properties in _derived(edge):
            if name not in current.heard:
                continue
            event = new_id()
            rows.append(
                {
                    "id": event,
                    "name": name,
                    "lead": lead,
                    "at": tx.now,
                    "accepted_at": tx.now,
                    "properties": properties,
                }
            )
            happened = Happened(event, name, properties)
            occurrences.append(Occurrence(lead, happened, tx.now, starts=starts))
    events.insert_new(tx, rows)
    return occurrences


def _derived(edge: Edge) -> Iterable[tuple[str, dict[str, Value]]]:
    before, after = edge.before or {}, edge.after
    if edge.before is None:
        yield "lead.created", {"source": after.get("source")}
    else:
        yield "lead.changed", {}
    if edge.before is not None and before.get("stage") != after.get("stage"):
        yield "lead.stage_changed", {"stage": after.get("stage"), "previous": before.get("stage")}
    if after.get("owner") and before.get("owner") != after.get("owner"):
        yield "lead.assigned", {"owner": after.get("owner")}
