"""The brake on a playbook whose mail is reported as spam too often, and the notice of it.

Mailbox providers stop delivering a sender that passes 0.3 percent. A person lets go of the brake,
with `longplay resume`; from then on it is counted anew.
"""

from datetime import timedelta

from engine.ids import derived_id
from engine.operations import brakes, published
from engine.store import returned, tasks
from engine.store.database import Transaction

SPAN = timedelta(days=7)
"""What counts towards the rate."""

_PAUSED = "paused"


def look(tx: Transaction, playbook: str) -> bool:
    """Pulls the brake of a playbook if the rate of complaints asks for it; answers whether it did.

    Called in the transaction that took in a complaint.
    """
    limits = published.current(tx).workspace.sender.complaints
    if not limits.pause_at or playbook in brakes.on(tx):
        return False
    since = max(tx.now - SPAN, returned.latest(tx, playbook, _PAUSED) or tx.now - SPAN)
    complaints = returned.count(tx, playbook, "complaint", since=since)
    mails = returned.mails_accepted(tx, playbook, since=since)
    if mails < limits.mails or complaints * 100 < limits.pause_at * mails:
        return False
    if not brakes.pull(tx, playbook, "complaints"):
        return False  # another one was faster by a moment
    rate = f"{complaints * 100 / mails:.2f} %"
    detail = f"{complaints} of {mails} mails were reported as spam ({rate})"
    _record(tx, playbook, detail)
    return True


def _record(tx: Transaction, playbook: str, detail: str) -> None:
    id = derived_id("returned", _PAUSED, playbook, tx.now.isoformat())
    row = {"id": id, "kind": _PAUSED, "playbook": playbook, "detail": detail, "at": tx.now}
    returned.keep(tx, {"job": "", "lead": "", "status": "", "cause": "", "door": ""} | row)
    tasks.insert(
        tx,
        [
            {
                "id": derived_id("notice", id), "kind": "notice", "owner": None, "lead": None,
                "enrollment": None, "subject": f"'{playbook}' is paused: {detail}",
                "text": "None of its mail leaves. Look at whom it writes to, and how they got on "
                f"the list; then let it go on with: longplay resume {playbook}",
                "priority": "high", "state": "open", "due_at": None, "snoozed_until": None,
                "result": "", "created_at": tx.now, "ended_at": None,
            }
        ],
    )  # fmt: skip
