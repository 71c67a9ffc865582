"""Notices that nobody outside can be sent: they go to the inbox, never into silence."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.ids import derived_id
from engine.operations.windows import Letter
from engine.store import notices as store
from engine.store import tasks
from engine.store.database import Transaction


def into_inbox(tx: Transaction, letter: Letter, subject: str, text: str = "") -> None:
    """Puts the notice into the inbox of its owner, or the common one; twice is once."""
    if letter.is_gathered:
        spread(tx, [letter.job], text.rpartition("\n\n")[2])
        return
    row = {
        "owner": letter.recipient.owner or None, "lead": letter.lead.get("id"), "deal": None,
        "enrollment": letter.enrollment,
    }  # fmt: skip
    tasks.insert(tx, [_task(tx, letter.job, row, subject, text)])


def spread(tx: Transaction, digests: Sequence[str], why: str) -> None:
    """Puts all that these jobs carry into the inbox, each for itself, with why it was not told.

    Questions are there already.
    """
    rows = [row for each in store.of_digests(tx, digests).values() for row in each]
    told = [
        _task(
            tx,
            row["id"],
            row,
            row["text"].partition("\n")[0][:200],
            f"{row['text']}\n\n{why}".strip(),
        )
        for row in rows
        if not row["task"]
    ]
    tasks.insert(tx, told)


def _task(
    tx: Transaction, id: str, row: Mapping[str, Any], subject: str, text: str
) -> dict[str, Any]:
    return {
        "id": derived_id("notice", id), "kind": "notice", "owner": row["owner"],
        "lead": row["lead"], "deal": row["deal"], "enrollment": row["enrollment"],
        "subject": subject, "text": text, "priority": "", "state": "open", "due_at": None,
        "snoozed_until": None, "result": "", "created_at": tx.now, "ended_at": None,
    }  # fmt: skip
