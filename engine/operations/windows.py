"""Windows of the send ledger: deciding which messages go, and recording what became of them.

`claim` is the moment of decision: a message that it sets `in_flight` is committed as such before
the first byte leaves (runtime.md, I11 and I12). `report` writes only what its own attempt found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.operations import brakes, clock_guard, published
from engine.operations.clock_guard import ClockGuard
from engine.operations.published import Current
from engine.operations.recipients import Recipient, Recipients
from engine.playbook.plan import Send
from engine.playbook.values import Value
from engine.runtime.sending import Defer, Go, Skip, decide_sending
from engine.store import enrollments, jobs, leads
from engine.store.database import Transaction

WINDOW = 20
"""Messages in flight at a time for one sender: the most that one kill leaves in doubt."""

LEASE = timedelta(minutes=2)
"""How long an attempt owns what it took; longer than the deadline that the sender keeps itself."""

_CLAIMED = (
    "state",
    "attempt",
    "token",
    "lease_until",
    "address",
    "reason",
    "not_before",
    "ended_at",
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that goes now, with everything that writing it needs."""

    job: str
    message_id: str
    attempt: int
    created_at: datetime
    enrollment: str
    op: Send
    playbook: str
    recipient: Recipient
    scope: Mapping[str, object]
    files: Mapping[str, str]
    current: Current
    lead: Mapping[str, Value]


@dataclass(slots=True)
class Window:
    """What `claim` took.

    Attributes:
        letters: to be sent now by this attempt, and nobody else.
        left: whether the batch holds more that can be taken at once.
        look_in: how soon a look is worth while: leases of another attempt are over then, or the
            clock may be right again; None: nothing is waited for.
    """

    letters: list[Letter] = field(default_factory=list)
    left: bool = False
    look_in: timedelta | None = None


def claim(
    tx: Transaction, batch: str, token: str, guard: ClockGuard, *, size: int = WINDOW
) -> Window:
    """Decides about up to `size` queued messages of `batch` and takes those that go.

    Args:
        tx: a write transaction.
        batch: the batch's id.
        token: this attempt's own; `report` asks for it again.
        guard: this process's; nothing goes while the clock cannot be trusted.
        size: of the window.
    """
    fault = guard.fault(tx)
    if fault:
        # They stay queued: what is deferred by a wrong clock would be deferred to a wrong time.
        jobs.note(tx, batch, f"waits: {fault}")
        return Window(look_in=clock_guard.LOOK)
    _settle_doubts(tx, batch)
    rows = jobs.takeable(tx, batch, size)
    leads.lock(tx, sorted({row["lead"] for row in rows}))
    queued = jobs.still_queued(tx, [row["id"] for row in rows])
    rows = [row for row in rows if row["id"] in queued]
    window = Window()
    if rows:
        _decide(tx, rows, token, window)
    closed = jobs.settle_batch(tx, batch)
    window.left = bool(rows) and not closed
    lease = None if closed or rows else jobs.next_lease(tx, batch)
    window.look_in = None if lease is None else lease - tx.now
    return window


def _settle_doubts(tx: Transaction, batch: str) -> None:
    """What another attempt took and never reported: held, or sent again where that is safe."""
    held, again = [], []
    for row in jobs.expired_in_flight(tx, batch):
        op = _op_of(tx, row)
        if op.params.get("in_doubt") == "resend" or not row["marketing"]:
            again.append({"id": row["id"], "state": "queued", "reason": "was in doubt: again"})
        else:
            reason = "the sender died while it was in flight"
            held.append(
                {"id": row["id"], "state": "in_doubt", "reason": reason, "ended_at": tx.now}
            )
    jobs.write(tx, held, ("state", "reason", "ended_at"))
    jobs.write(tx, again, ("state", "reason"))
    wake_of(tx, [row["id"] for row in held])


def _decide(tx: Transaction, rows: Sequence[sa.RowMapping], token: str, window: Window) -> None:
    current = published.current(tx)
    recipients = Recipients.load(tx, current, rows, brakes.on(tx))
    written = []
    for row in rows:
        op = _op_of(tx, row)
        recipient = recipients.of(row, op)
        decision = decide_sending(recipient.mailing, tx.now)
        written.append(_claimed(row, decision, recipient, token, tx.now))
        if isinstance(decision, Go):
            recipients.count(row, tx.now)
            window.letters.append(
                Letter(
                    job=row["id"],
                    message_id=row["message_id"],
                    attempt=row["attempt"] + 1,
                    created_at=row["created_at"],
                    enrollment=row["enrollment"],
                    op=op,
                    playbook=row["playbook"],
                    recipient=recipient,
                    scope=recipients.scope(row),
                    files=published.templates(tx, published.plan(tx, row["params"]["digest"])),
                    current=current,
                    lead=recipients.facts.get(row["lead"], {}),
                )
            )
    jobs.write(tx, written, _CLAIMED)
    wake_of(tx, [row["id"] for row in written if row["state"] == "skipped"])


def _claimed(
    row: sa.RowMapping, decision: Go | Defer | Skip, recipient: Recipient, token: str, now: datetime
) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": row["id"], "state": "in_flight", "attempt": row["attempt"] + 1, "token": token,
        "lease_until": now + LEASE, "address": recipient.mailing.address, "reason": "",
        "not_before": None, "ended_at": None,
    }  # fmt: skip
    match decision:
        case Go():
            return values
        case Defer(until, why):
            return values | {
                "state": "deferred", "attempt": row["attempt"], "token": "",
                "lease_until": None, "not_before": until, "reason": why,
            }  # fmt: skip
        case Skip(why):
            return values | {
                "state": "skipped", "attempt": row["attempt"], "token": "",
                "lease_until": None, "reason": why, "ended_at": now,
            }  # fmt: skip


def wake_of(tx: Transaction, ids: Sequence[str]) -> None:
    """Makes the enrollments due whose jobs have ended, where they still stand at them."""
    if not ids:
        return
    job, enrollment = jobs.table, enrollments.table
    standing = (
        sa.select(enrollment.c.id, enrollment.c.cohort)
        .join(job, sa.and_(job.c.enrollment == enrollment.c.id, job.c.seq == enrollment.c.seq))
        .where(job.c.id.in_(ids), enrollments.is_open)
    )
    found = tx.conn.execute(standing).all()
    enrollments.wake(tx, [one for one, _ in found])


def _op_of(tx: Transaction, row: Mapping[Any, Any]) -> Send:
    op = published.plan(tx, row["params"]["digest"]).ops[row["params"]["pc"]]
    if not isinstance(op, Send):
        raise RuntimeError(f"job {row['id']} names an op that sends nothing")
    return op
