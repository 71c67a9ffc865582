"""The names a condition or a template may use, for one record: the scope."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from engine.operations.published import Current
from engine.playbook.conditions import condition
from engine.playbook.values import History, Value
from engine.store import deals, events, leads
from engine.store.database import Transaction


class Segments(Mapping[str, Value]):
    """`segment.NAME`: whether the record is in it, looked at when asked."""

    def __init__(self, current: Current, scope: Mapping[str, object]) -> None:
        self._texts = current.workspace.segments
        self._scope = scope

    def __getitem__(self, name: str) -> Value:
        return condition(self._texts[name]).truth(self._scope)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def scope_of(
    current: Current,
    lead: Mapping[str, Value],
    *,
    now: datetime,
    history: History | None = None,
    run: Mapping[str, Value] | None = None,
    deal: Mapping[str, Value] | None = None,
    record: str = "lead",
) -> dict[str, object]:
    """The scope of a record.

    Args:
        current: what is published.
        lead: the lead; of a deal, its primary contact.
        now: the moment.
        history: what the lead did.
        run: what an enrollment knows (event, key, entered_at, saved).
        deal: the deal, where one is known.
        record: whose owner `owner` is: the lead's, or the deal's.
    """
    owned = deal if record == "deal" else lead
    scope: dict[str, object] = {
        "lead": lead,
        "deal": deal or {},
        "owner": owner_record(current, (owned or {}).get("owner")),
        "now": now,
        "zone": current.zone_of(lead),
        "run": run or {},
        "event": (run or {}).get("event") or {},
    }
    if history is not None:
        scope["history"] = history
    if current.workspace.segments:
        scope["segment"] = Segments(current, scope)
    return scope


def load_facts(
    tx: Transaction, current: Current, ids: Iterable[str]
) -> dict[str, dict[str, Value]]:
    """The facts of these leads, the workspace's own fields typed; absent ones are left out."""
    return {str(lead): facts for lead, facts in leads.load(tx, ids, current.custom).items()}


def load_deals(
    tx: Transaction, current: Current, ids: Iterable[str]
) -> dict[str, dict[str, Value]]:
    """The facts of these deals, the workspace's own fields typed; absent ones are left out."""
    return deals.load(tx, ids, current.deal_fields)


def load_histories(tx: Transaction, ids: Iterable[str], names: Iterable[str]) -> dict[str, History]:
    """What these leads did, of the events named."""
    return {str(lead): each for lead, each in events.histories(tx, ids, names).items()}


def owner_record(current: Current, name: Value) -> dict[str, Value]:
    """An owner as conditions and templates see him; empty when there is none."""
    owner = current.workspace.team.owners.get(name) if isinstance(name, str) else None
    if owner is None:
        return {}
    return {
        "id": name,
        "name": owner.name,
        "email": owner.email,
        "manager": owner.manager,
        "calendar": owner.calendar,
    }


def run_of(row: Mapping[Any, Any]) -> dict[str, Value]:
    """What an enrollment row knows of its run."""
    memory = row["memory"]
    kept: Mapping[str, Value] = memory if isinstance(memory, Mapping) else {}
    return {
        "event": kept.get("event") or {},
        "saved": kept.get("saved") or {},
        "key": str(row["key"]),
        "entered_at": row["entered_at"],
        "id": str(row["id"]),
    }
