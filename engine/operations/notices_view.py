"""What our own people were told, or will be: to whom, by which way, and what became of it."""

from collections.abc import Mapping
from typing import Any

from engine.errors import InputError
from engine.operations import published
from engine.operations.leads_view import names_of
from engine.playbook.spelling import did_you_mean
from engine.store import notices
from engine.store.database import Store, Transaction

STATES: Mapping[str, tuple[str, ...]] = {
    "waiting": ("queued", "deferred", "in_flight"),
    "told": ("accepted",),
    "failed": ("rejected", "bounced", "in_doubt"),
    "left out": ("skipped",),
}
"""How a notice stands, and in which states of the ledger that is. One that nobody took is in the
inbox, and counts as told."""

_IN_INBOX = "put into the inbox"


def list_notices(
    store: Store,
    *,
    owner: str | None = None,
    state: str = "",
    lead: str = "",
    job: str = "",
    before: str = "",
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Notices, newest first; the next page is `before` the last id.

    Args:
        store: the workspace's store.
        owner: whose; empty: what is for rooms, or nobody; None: everybody's.
        state: only those that stand so.
        lead: only those about the lead with this id.
        job: only those that went with this message.
        before: the id of the last one of the page before.
        limit: how many.

    Raises:
        InputError: nobody of the team has this name, or there is no such state.
    """
    if state and state not in STATES:
        raise InputError(f"no state is named '{state}'", help=did_you_mean(state, STATES))

    def read(tx: Transaction) -> list[dict[str, Any]]:
        rows = notices.page(
            tx, owner=owner, lead=lead, digest=job, states=STATES.get(state, ()), before=before,
            limit=limit,
        )  # fmt: skip
        known = published.current(tx).workspace.owners
        if owner and not rows and owner not in known:
            raise InputError(f"no owner is named '{owner}'", help=did_you_mean(owner, known))
        names = names_of(tx, [row["lead"] or "" for row in rows])
        return [_shape(row, names) for row in rows]

    return store.read(read)


def _shape(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    state = next((name for name, states in STATES.items() if row["state"] in states), "waiting")
    return {
        "id": row["id"], "owner": row["owner"], "channel": row["channel"], "to": row["address"],
        "text": row["text"] or row["subject"], "playbook": row["playbook"], "step": row["step"],
        "lead": names.get(row["lead"] or "", ""), "enrollment": row["enrollment"],
        "state": state, "in_inbox": str(row["reason"] or "").startswith(_IN_INBOX),
        "created_at": row["created_at"],
        "at": row["accepted_at"] or row["ended_at"] or row["not_before"] or row["due_at"],
        "attempts": row["attempt"] or 0, "reason": row["reason"] or "", "message": row["digest"],
    }  # fmt: skip
