"""What a transport is: an envelope goes in, one of five outcomes comes out.

A transport never raises for what a server says or does; it refuses to guess, too: a link lost
when the message may have been taken is `InDoubt`, and only that.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for one recipient, ready for the wire."""

    sender: str
    """The return path, which bounces go to; empty for the null path of reports."""
    recipient: str
    content: bytes
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered: `250 2.0.0 queued as 4711`, taken apart."""

    code: int
    enhanced: str
    text: str

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)


class DeferralClass(StrEnum):
    """Whose fault a 4xx is, which says how long to wait and for whom."""

    GREYLISTED = "greylisted"
    THROTTLED = "throttled"
    HOST = "host"
    MAILBOX = "mailbox"


class RejectionClass(StrEnum):
    """Whose fault a 5xx is, which says whom to stop: the lead, the sender or the template."""

    HARD_BOUNCE = "hard_bounce"
    SENDER_FAULT = "sender_fault"
    CONFIGURATION = "configuration"
    CONTENT = "content"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took the message over, and is answerable for it."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Deferred:
    """The server refused for now; nothing was delivered."""

    reply: Reply
    cause: DeferralClass
    retry_after: timedelta
    """The least time to wait before the first repeat; the back-off grows from there."""
    entry: bool = False
    """It was said at the door, before anything of the message: it concerns our account alone."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server refused for good; nothing was delivered."""

    reply: Reply
    cause: RejectionClass
    suppress: bool
    """Whether the address itself is bad, so that nothing more should go there."""
    entry: bool = False
    """As above."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The link was lost after the end of the message could have been seen: sent, or not."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly not delivered: no connection, or it broke before the message could be complete."""

    detail: str
    retry_after: timedelta = timedelta(minutes=1)
    put_back: bool = False
    """It was not even begun, for want of a connection, and may be taken again at once."""
    entry: bool = False
    """No connection came about: the server is away, or does not let us in."""


Outcome: TypeAlias = Accepted | Deferred | Rejected | InDoubt | NotSent


class Transport(Protocol):
    """Takes messages out of the house, many at a time."""

    async def send(
        self,
        envelope: Envelope,
        *,
        within: timedelta | None = None,
        start_within: timedelta | None = None,
    ) -> Outcome:
        """Hand one message over, in at most `within`; safe to call concurrently.

        One that has found no connection after `start_within` is put back.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection; a later `send` opens new ones."""
        ...
