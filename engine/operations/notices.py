"""Notices that nobody outside can be sent: they go to the inbox, never into silence."""

from engine.ids import derived_id
from engine.operations.windows import Letter
from engine.store import tasks
from engine.store.database import Transaction


def into_inbox(tx: Transaction, letter: Letter, subject: str, text: str = "") -> None:
    """Puts the notice into the inbox of its owner, or the common one; twice is once."""
    tasks.insert(
        tx,
        [
            {
                "id": derived_id("notice", letter.job), "kind": "notice",
                "owner": letter.recipient.owner or None, "lead": letter.lead.get("id"),
                "enrollment": letter.enrollment, "subject": subject, "text": text, "priority": "",
                "state": "open", "due_at": None, "snoozed_until": None, "result": "",
                "created_at": tx.now, "ended_at": None,
            }
        ],
    )  # fmt: skip
