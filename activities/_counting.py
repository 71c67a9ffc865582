"""What the couriers tell of messages: what became of them, why they wait, and how fast it went.

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
from engine.tracing import Span

_OURS = (RejectionClass.SENDER_FAULT, RejectionClass.CONFIGURATION)


def about_letter(letter: Letter) -> dict[str, str]:
    """The ids that log lines and traces name a message by."""
    return {
        "enrollment": letter.enrollment,
        "playbook": letter.playbook,
        "step": letter.op.step,
        "message": letter.job,
    }


def note_mail(span: Span, outcome: Outcome | str) -> None:
    """Tells a trace what became of an attempt."""
    _note(span, *_mail(outcome))


def note_call(span: Span, verdict: Verdict) -> None:
    """Tells a trace what became of a call."""
    _note(span, *_call(verdict))


def _note(span: Span, outcome: str, reason: str) -> None:
    span.note(outcome=outcome, **({"reason": reason} if reason else {}))
    if outcome != "accepted":
        span.fail(outcome)


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
    _count(letter, *_mail(outcome))


def count_call(letter: Letter, verdict: Verdict, seconds: float | None = None) -> None:
    """Counts a call; `seconds`: what the other side took, if it was asked."""
    if seconds is not None:
        metrics.HAND_OVER.observe(seconds, letter.op.action)
    _count(letter, *_call(verdict))


def _call(verdict: Verdict) -> tuple[str, str]:
    match verdict:
        case Taken():
            return "accepted", ""
        case Again(why) | NotTried(why):
            return "deferred", why_deferred(why)
        case Refused():
            return "rejected", ""


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
