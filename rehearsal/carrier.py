"""Carrying mail in a forecast: every decision of production, and no letter written.

Consent, windows, caps, rate and warm-up are asked as ever; what nobody reads is not rendered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.mail.transports.port import Accepted, Outcome, Rejected, RejectionClass, Reply
from engine.operations.clock_guard import ClockGuard
from engine.operations.reports import Sent, report
from engine.operations.windows import Letter, claim
from engine.store.database import Transaction
from engine.store.memory import MemoryStore

_WINDOW = 100
_TOKEN = "rehearsal"
_TAKEN = Accepted(Reply(250, "", "taken"))
_NOBODY = Rejected(
    Reply(550, "5.1.1", "nobody of this name"), RejectionClass.HARD_BOUNCE, suppress=True
)


@dataclass(frozen=True, slots=True)
class Carrier:
    """Decides about the jobs of a batch and reports them at once.

    Args:
        store: the rehearsal's.
        guard: its clocks.
        bounces: whether a letter comes back.
        gone: told of every letter that was accepted.
    """

    store: MemoryStore
    guard: ClockGuard
    bounces: Callable[[Letter], bool]
    gone: Callable[[Letter], None]

    def deliver(self, batch: str, queue: str) -> None:
        """Serves the batch until nothing in it may go now."""
        while self.store.write(lambda tx: self._window(tx, batch)):
            pass

    def _window(self, tx: Transaction, batch: str) -> bool:
        window = claim(tx, batch, _TOKEN, self.guard, size=_WINDOW)
        if window.letters:
            report(tx, batch, _TOKEN, [self._sent(one) for one in window.letters])
        return window.left

    def _sent(self, letter: Letter) -> Sent:
        outcome: Outcome = _TAKEN
        if letter.op.action == "email" and self.bounces(letter):
            outcome = _NOBODY
        else:
            self.gone(letter)
        template = str(letter.op.params.get("template") or "")
        return Sent(
            job=letter.job, enrollment=letter.enrollment, seq=letter.seq,
            lead=str(letter.lead.get("id") or ""), step=letter.op.step,
            playbook=letter.playbook, address=letter.recipient.mailing.address, subject="",
            template=template, links=(), attempt=letter.attempt, created_at=letter.created_at,
            marketing=letter.recipient.mailing.marketing, resend=False, outcome=outcome,
        )  # fmt: skip
