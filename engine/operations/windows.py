"""Windows of the send ledger: deciding which messages go, and recording what became of them.

`claim` is the moment of decision: a message that it sets `in_flight` is committed as such before
the first byte leaves (runtime.md, I11 and I12). `report` writes only what its own attempt found.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.ids import lane_of
from engine.operations import after_restore, brakes, clock_guard, gathering, published
from engine.operations.clock_guard import ClockGuard
from engine.operations.mail_routes import Routes
from engine.operations.pacer import Pacer
from engine.operations.published import Current
from engine.operations.reasons import why_deferred, why_skipped
from engine.operations.recipients import Recipient, Recipients
from engine.operations.saying import Said
from engine.playbook.plan import Send
from engine.playbook.values import Value
from engine.runtime.sending import Defer, Go, Skip, decide_sending
from engine.store import enrollments, jobs, leads, notices
from engine.store.database import Transaction

WINDOW = 20
"""Messages in flight at a time for one sender: the most that one kill leaves in doubt."""

WIDE = 50
"""The same, while they go fast: a window that is over within `BRISK` seconds may be wider."""

BRISK = 0.25

LEASE = timedelta(minutes=2)
"""How long an attempt owns what it took; longer than the deadline that the sender keeps itself."""

_TAKEN = ("state", "attempt", "token", "lease_until", "address", "via", "reason")
_PUT_OFF = (*_TAKEN, "not_before", "ended_at")


@dataclass(slots=True)
class Letter:
    """A message that goes now, with everything that writing it needs."""

    job: str
    message_id: str
    attempt: int
    created_at: datetime
    enrollment: str
    seq: int
    op: Send
    playbook: str
    recipient: Recipient
    scope: Mapping[str, object]
    digest: str
    files: Mapping[str, str]
    current: Current
    lead: Mapping[str, Value]
    since: datetime | None = None
    """When what led to it was accepted, or a wait was over; None: it has been put off since."""
    trace: str = ""
    """What it is part of, as a traceparent."""
    carried: Mapping[str, bytes] = field(default_factory=dict)
    """The files that mails of its plan carry, by name."""
    via: str = ""
    """The mail account that it goes by; empty: the workspace names none."""
    said: Sequence[Said] = ()
    """What a notice says that carries others, and what may be answered to one."""
    told_at: datetime | None = None
    """When a notice that was gathered was to be told."""

    @property
    def is_gathered(self) -> bool:
        """Whether it carries notices of several steps, or of one that did not wait for it."""
        return self.op is gathering.CARRIES


@dataclass(slots=True)
class Window:
    """What `claim` took.

    Attributes:
        taken: makes a letter of each message that this attempt took.
        left: whether the batch holds more that can be taken at once.
        look_in: how soon a look is worth while: leases of another attempt are over then, or the
            clock may be right again; None: nothing is waited for.
        put_off: what does not go now, to be counted: (kind, `deferred` or `skipped`, why).
    """

    taken: list[Callable[[], Letter]] = field(default_factory=list)
    left: bool = False
    look_in: timedelta | None = None
    put_off: list[tuple[str, str, str]] = field(default_factory=list)
    _letters: list[Letter] | None = None

    @property
    def letters(self) -> list[Letter]:
        """To be sent now by this attempt, and nobody else.

        Made when they are first asked for, which should be after the transaction: others wait.
        """
        if self._letters is None:
            self._letters = [make() for make in self.taken]
        return self._letters


def claim(
    tx: Transaction,
    batch: str,
    token: str,
    guard: ClockGuard,
    *,
    size: int = WINDOW,
    first: bool = True,
    apart: bool = False,
) -> Window:
    """Decides about up to `size` queued messages of `batch` and takes those that go.

    Args:
        tx: a write transaction.
        batch: the batch's id.
        token: this attempt's own; `report` asks for it again.
        guard: this process's; nothing goes while the clock cannot be trusted.
        size: of the window; 0 only settles the batch.
        first: whether it is this attempt's first window; then doubts are settled, too.
        apart: whether the batch has one destination, which may be slow; mail to slow ones is taken
            out of other batches, to go in one of its own.
    """
    fault = guard.fault(tx)
    if fault:
        # They stay queued: what is deferred by a wrong clock would be deferred to a wrong time.
        jobs.note(tx, batch, f"waits: {fault}")
        return Window(look_in=clock_guard.LOOK)
    if first:
        _settle_doubts(tx, batch)
    rows = jobs.takeable(tx, batch, size) if size else []
    leads.lock(tx, sorted({row["lead"] for row in rows}))
    queued = jobs.still_queued(tx, [row["id"] for row in rows])
    rows = [row for row in rows if row["id"] in queued]
    window = Window()
    asked = after_restore.pass_over(tx, rows, goes_again=lambda row: _goes_again(op_of(tx, row)))
    if asked:
        _decide(tx, asked, token, window, apart=apart, stride=guard.stride)
    closed = jobs.settle_batch(tx, batch)
    window.left = bool(rows) and not closed
    lease = None if closed or rows else jobs.next_lease(tx, batch)
    window.look_in = None if lease is None else lease - tx.now
    return window


def _settle_doubts(tx: Transaction, batch: str) -> None:
    """What another attempt took and never reported: held, or sent again where that is safe."""
    held, again, held_at = [], [], []
    for row in jobs.expired_in_flight(tx, batch):
        if _goes_again(op_of(tx, row)):
            again.append({"id": row["id"], "state": "queued", "reason": "was in doubt: again"})
        else:
            reason = "the sender died while it was in flight"
            held.append(
                {"id": row["id"], "state": "in_doubt", "reason": reason, "ended_at": tx.now}
            )
            held_at.append((row["enrollment"], row["seq"]))
    jobs.write(tx, held, ("state", "reason", "ended_at"))
    jobs.write(tx, again, ("state", "reason"))
    enrollments.wake_at_seq(tx, held_at)


def _goes_again(op: Send) -> bool:
    """Whether a message in doubt is sent again by itself."""
    return op.action != "email" or op.params.get("in_doubt") == "resend"


def _decide(
    tx: Transaction,
    rows: Sequence[Mapping[Any, Any]],
    token: str,
    window: Window,
    *,
    apart: bool = False,
    stride: timedelta = timedelta(),
) -> None:
    current, braked = published.current(tx), brakes.on(tx)
    recipients = Recipients.load(tx, current, rows, braked)
    routes = Routes.load(tx, current, braked)
    pacer = Pacer.load(tx, current, recipients.addresses(), apart=apart)
    pacer.stride = stride
    taken: list[dict[str, Any]] = []
    put_off: list[dict[str, Any]] = []
    skipped = []
    for row in rows:
        op = op_of(tx, row)
        recipient = recipients.of(row, op)
        via = "" if recipient.channel else routes.wanted(op)
        if via in routes.braked:
            recipient = replace(recipient, mailing=replace(recipient.mailing, braked=True))
        decision = decide_sending(recipient.mailing, tx.now)
        if recipients.is_void(row):
            decision = Skip("nothing of it is news any more")
        if via and isinstance(decision, Go):
            via, decision = routes.decide(via, row, tx.now)
        lane = lane_of(row["cohort"])
        if isinstance(decision, Go) and op.action == "email":
            address = recipient.mailing.address
            decision = pacer.slot(row["reason"], address, lane=lane, via=via)
        if isinstance(decision, Go) and recipient.channel:
            decision = pacer.room(recipient.channel, row["reason"], lane=lane)
        values = _claimed(row, decision, recipient, token, tx.now) | {"via": via}
        (taken if isinstance(decision, Go) else put_off).append(values)
        if isinstance(decision, Skip):
            skipped.append((row["enrollment"], row["seq"]))
            window.put_off.append((op.action, "skipped", why_skipped(decision.why)))
        if isinstance(decision, Defer):
            window.put_off.append((op.action, "deferred", why_deferred(decision.why)))
        if isinstance(decision, Go):
            recipients.count(row, tx.now)
            window.taken.append(letter_for(tx, row, recipient, recipients, via))
    pacer.flush()
    jobs.write(tx, taken, _TAKEN)
    jobs.write(tx, put_off, _PUT_OFF)
    enrollments.wake_at_seq(tx, skipped)


def letter_for(
    tx: Transaction,
    row: Mapping[Any, Any],
    recipient: Recipient,
    recipients: Recipients,
    via: str = "",
) -> Callable[[], Letter]:
    """Makes the letter of a job's row, as it is to be written; what it needs is read now."""
    digest = str(row["params"].get("digest") or "")
    op = op_of(tx, row)
    files = published.templates(tx, digest) if digest else {}
    carried = published.carried(tx, digest) if digest else {}
    return lambda: Letter(
        job=row["id"],
        message_id=row["message_id"],
        attempt=row["attempt"] + 1,
        created_at=row["created_at"],
        enrollment=row["enrollment"],
        seq=row["seq"],
        op=op,
        playbook=row["playbook"],
        recipient=recipient,
        scope=recipients.scope(row),
        digest=digest,
        files=files,
        current=recipients.current,
        lead=recipients.facts.get(row["lead"], {}),
        since=_since(row),
        trace=str(row["params"].get("trace") or ""),
        carried=carried,
        via=via,
        said=recipients.said(row),
        told_at=recipients.tellings.told_at(row),
    )


def _since(row: Mapping[Any, Any]) -> datetime | None:
    told = row["params"].get("since")
    return datetime.fromisoformat(told) if told and not row["reason"] else None


def _claimed(
    row: Mapping[Any, Any],
    decision: Go | Defer | Skip,
    recipient: Recipient,
    token: str,
    now: datetime,
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


def op_of(tx: Transaction, row: Mapping[Any, Any]) -> Send:
    """The op that a job carries out."""
    if row["params"].get(notices.GATHERED):
        return gathering.CARRIES
    op = published.plan(tx, row["params"]["digest"]).ops[row["params"]["pc"]]
    if not isinstance(op, Send):
        raise RuntimeError(f"job {row['id']} names an op that sends nothing")
    return op
