"""Notices that concern everybody: something of ours needs a person. They stand in the inbox."""

from collections.abc import Iterable

from engine.ids import derived_id
from engine.store import tasks
from engine.store.database import Transaction


def raise_alarm(tx: Transaction, key: Iterable[str], subject: str, text: str) -> None:
    """Puts a notice into the common inbox; the same key twice is once.

    Args:
        tx: a write transaction.
        key: what makes it the same notice.
        subject: what is the matter, in a line.
        text: what it means, and the next move.
    """
    tasks.insert(
        tx,
        [
            {
                "id": derived_id("notice", *key), "kind": "notice", "owner": None, "lead": None,
                "enrollment": None, "subject": subject, "text": text, "priority": "high",
                "state": "open", "due_at": None, "snoozed_until": None, "result": "",
                "created_at": tx.now, "ended_at": None,
            }
        ],
    )  # fmt: skip
