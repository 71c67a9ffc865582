"""The team as it stands: who owns how many leads, and who is away."""

from typing import Any

from engine.operations import published
from engine.operations.published import Current
from engine.playbook.workspace import Owner
from engine.store import owners
from engine.store.database import Store, Transaction

_CLOSED_STAGES = 2
"""A lifecycle ends with so many stages whose leads nobody has to work on any more."""


def listing(store: Store) -> list[dict[str, Any]]:
    """Every owner of the published workspace, in the order of the file."""

    def read(tx: Transaction) -> list[dict[str, Any]]:
        current = published.current(tx)
        team = current.workspace.owners
        stages = current.workspace.lifecycle
        loads = owners.loads(tx, team, stages[: max(1, len(stages) - _CLOSED_STAGES)])
        return [
            {
                "id": name, "name": owner.name, "email": owner.email, "manager": owner.manager,
                "teams": list(owner.teams), "leads": loads.get(name, 0),
                "capacity": owner.capacity or None, "away": _is_away(owner, current, tx),
            }
            for name, owner in team.items()
        ]  # fmt: skip

    return store.read(read)


def _is_away(owner: Owner, current: Current, tx: Transaction) -> bool:
    today = tx.now.astimezone(current.zone).date()
    return any(period.first <= today <= period.last for period in owner.away)
