"""May this message go now? One pure decision, looked at when the message is about to go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

from engine.runtime.send_window import SendWindow

BRAKE_LOOK = timedelta(minutes=5)
"""How long a message waits while the brake is on; letting go of the brake wakes it earlier."""

HOLD_LOOK = timedelta(hours=1)
"""How long a paused enrollment's message waits; resuming makes it due."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` accepted marketing mails per lead within a rolling `period`."""

    most: int
    period: timedelta


@dataclass(slots=True)
class Mailing:
    """A message that is about to go, with all that the decision looks at.

    Attributes:
        wanted: whether its enrollment is open and still stands at this message.
        held: whether its enrollment is paused: its clock stands still, and so does its mail.
        address: empty when the lead has none.
        suppressed: why the address must not be mailed at all; empty when it may.
        unsubscribed: whether the lead has left this message's topic.
        withheld: why marketing may not go for want of a consent; empty when it may.
        braked: whether the brake is on, for its playbook or for everything.
        expires_at: not sent by then, it is skipped.
        sent_at: when marketing mails were accepted for this lead, the latest periods of the caps.
    """

    wanted: bool
    address: str
    marketing: bool
    suppressed: str = ""
    unsubscribed: str = ""
    withheld: str = ""
    braked: bool = False
    held: bool = False
    expires_at: datetime | None = None
    window: SendWindow | None = None
    zone: tzinfo = UTC
    over_cap: str = "defer"
    caps: Sequence[Cap] = ()
    sent_at: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """It goes now."""


@dataclass(frozen=True, slots=True)
class Defer:
    """It goes later."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Skip:
    """It never goes."""

    why: str


Permission: TypeAlias = Go | Defer | Skip


def decide_sending(mail: Mailing, now: datetime) -> Permission:
    """Go, wait or never: consent first, then validity, then the brake, window and caps."""
    never = _never(mail, now)
    if never is not None:
        return never
    if mail.held:
        return Defer(now + HOLD_LOOK, "the enrollment is paused")
    if mail.braked:
        return _later(mail, now + BRAKE_LOOK, "paused")
    if not mail.marketing:
        return Go()
    if mail.window is not None:
        opening = mail.window.next_open(now, mail.zone)
        if opening > now:
            return _later(mail, opening, "outside the send window")
    return _by_caps(mail, now)


def _never(mail: Mailing, now: datetime) -> Skip | None:
    if not mail.wanted:
        return Skip("the enrollment has left this step")
    if not mail.address:
        return Skip("the lead has no address")
    if mail.suppressed:
        return Skip(mail.suppressed)
    if mail.marketing and mail.unsubscribed:
        return Skip(mail.unsubscribed)
    if mail.marketing and mail.withheld:
        return Skip(mail.withheld)
    if mail.expires_at is not None and mail.expires_at <= now and not mail.held:
        return Skip("expired")
    return None


def _by_caps(mail: Mailing, now: datetime) -> Permission:
    free_at = now
    why = ""
    for cap in mail.caps:
        counted = sorted(at for at in mail.sent_at if at > now - cap.period)
        if len(counted) >= cap.most:
            over_until = counted[len(counted) - cap.most] + cap.period
            if over_until > free_at:
                free_at, why = over_until, f"over the cap of {cap.most} per {_span(cap.period)}"
    if free_at == now:
        return Go()
    if mail.over_cap == "skip":
        return Skip(why)
    return _later(mail, free_at, why)


def _span(period: timedelta) -> str:
    hours = round(period.total_seconds() / 3600)
    number, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return unit if number == 1 else f"{number} {unit}s"


def _later(mail: Mailing, until: datetime, why: str) -> Permission:
    if mail.expires_at is not None and mail.expires_at < until:
        return Defer(mail.expires_at, f"{why}; it expires before that")
    return Defer(until, why)
