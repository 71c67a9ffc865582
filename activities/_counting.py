"""What the couriers count of messages: by what became of them, by why they wait, and how fast.

Counted when it has happened; a transaction that is done again counts nothing twice.
"""

from datetime import UTC, datetime

from engine import metrics
from engine.calls.verdicts import Again, NotTried, Refused, Taken, Verdict
from engine.mail.transports.port import (
    Accepted,
    Deferred,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    RejectionClass,
)
from engine.operations.reasons import why_deferred
from engine.operations.windows import Letter, Window

_OURS = (RejectionClass.SENDER_FAULT, RejectionClass.CONFIGURATION)


def count_window(window: Window) -> None:
    """Counts what was decided not to go now."""
    for kind, outcome, why in window.put_off:
        metrics.MESSAGES.count(kind, outcome)
        (metrics.DEFERRALS if outcome == "deferred" else metrics.SKIPS).count(kind, why)


def count_mail(letter: Letter, outcome: Outcome | str, seconds: float | None = None) -> None:
    """Counts an attempt; `seconds`: what the mail server took, if it was asked."""
    kind = letter.op.action
    if seconds is not None:
        metrics.HAND_OVER.observe(seconds, kind)
    word, reason = _mail(outcome)
    _count(letter, word, reason)


def count_call(letter: Letter, verdict: Verdict, seconds: float | None = None) -> None:
    """Counts a call; `seconds`: what the other side took, if it was asked."""
    if seconds is not None:
        metrics.HAND_OVER.observe(seconds, letter.op.action)
    match verdict:
        case Taken():
            _count(letter, "accepted", "")
        case Again(why) | NotTried(why):
            _count(letter, "deferred", why_deferred(why))
        case Refused():
            _count(letter, "rejected", "")


def _mail(outcome: Outcome | str) -> tuple[str, str]:
    match outcome:
        case str():
            return "unwritten", ""
        case Accepted():
            return "accepted", ""
        case Deferred(_, cause):
            return "deferred", cause.value
        case NotSent():
            return "not_sent", "not_sent"
        case InDoubt():
            return "in_doubt", ""
        case Rejected(_, cause) if cause in _OURS:
            return "deferred", cause.value
        case Rejected(_, cause):
            return "bounced" if cause is RejectionClass.HARD_BOUNCE else "rejected", ""


def _count(letter: Letter, outcome: str, reason: str) -> None:
    kind = letter.op.action
    metrics.MESSAGES.count(kind, outcome)
    if reason:
        metrics.DEFERRALS.count(kind, reason)
    if outcome == "accepted" and letter.since is not None and letter.attempt == 1:
        since = (datetime.now(UTC) - letter.since).total_seconds()
        metrics.EVENT_TO_ACTION.observe(max(0.0, since), kind)
