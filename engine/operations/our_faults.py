"""What is done when mail is refused for a fault of the sender's own: authentication, reputation.

Never anything about the lead. A playbook of which nothing is taken any more is braked, because each
further refusal costs reputation; a server that does not let us in is told of, and tried again.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from engine.mail.transports.port import Accepted, Rejected, RejectionClass
from engine.operations import brakes
from engine.operations.alarms import raise_alarm
from engine.store import jobs
from engine.store.database import Transaction

if TYPE_CHECKING:
    from engine.operations.reports import Sent

CAUSES = (RejectionClass.SENDER_FAULT, RejectionClass.CONFIGURATION)

ENOUGH = 3
"""So many mails of a playbook wait for us to mend something, and it is braked."""

CALM = timedelta(minutes=15)
"""If one was taken within this time, the fault concerns some destinations only."""


def look(tx: Transaction, sent: Sequence["Sent"]) -> None:
    """Takes in a window of mail, after its outcomes have been written."""
    faulty = [one for one in sent if is_ours(one) and one.template]
    if not faulty:
        return
    for one in faulty:
        if isinstance(one.outcome, Rejected) and one.outcome.entry:
            _tell_of_server(tx, one)
    taken = {one.playbook for one in sent if isinstance(one.outcome, Accepted)}
    refused: dict[str, Sent] = {
        one.playbook: one
        for one in faulty
        if isinstance(one.outcome, Rejected) and not one.outcome.entry
    }
    for playbook in sorted(refused.keys() - taken):
        if _waiting(tx, playbook) >= ENOUGH and not _some_taken(tx, playbook):
            _brake(tx, refused[playbook])


def is_ours(one: "Sent") -> bool:
    """Whether a mail was refused for a fault of the sender's."""
    return isinstance(one.outcome, Rejected) and one.outcome.cause in CAUSES


def _waiting(tx: Transaction, playbook: str) -> int:
    """Mails that wait for somebody to mend it; no more are counted than are enough."""
    row = jobs.table.c
    ours = sa.or_(*(row.reason.startswith(f"{cause}:") for cause in CAUSES))
    some = sa.select(row.id).where(jobs.is_deferred, row.playbook == playbook, ours).limit(ENOUGH)
    return len(tx.conn.execute(some).all())


def _some_taken(tx: Transaction, playbook: str) -> bool:
    row = jobs.table.c
    query = sa.select(row.id).where(
        row.kind == "email",
        row.created_at > tx.now - CALM,
        row.playbook == playbook,
        row.accepted_at.is_not(None),
    )
    return tx.conn.execute(query.limit(1)).first() is not None


def _brake(tx: Transaction, one: "Sent") -> None:
    if not brakes.pull(tx, one.playbook, "refused for a fault of ours"):
        return
    detail = _said(one)
    raise_alarm(
        tx,
        ("our_fault", one.playbook, tx.now.isoformat()),
        f"'{one.playbook}' is paused: its mail is refused for a fault of ours",
        f"The servers answer: {detail}. None of its mail leaves. Look at what keeps it back with: "
        f"longplay doctor --mail; then let it go on with: longplay resume {one.playbook}",
    )


def _tell_of_server(tx: Transaction, one: "Sent") -> None:
    """Once a day for each account: its mail is tried again by itself."""
    via = f" '{one.via}'" if one.via else ""
    raise_alarm(
        tx,
        ("our_server", one.via, tx.now.date().isoformat()),
        f"the mail server{via} does not let us in",
        f"It answers: {_said(one)}. Mail waits, and is tried again. Look with: "
        "longplay doctor --mail",
    )


def _said(one: "Sent") -> str:
    return str(one.outcome.reply)[:300] if isinstance(one.outcome, Rejected) else ""
