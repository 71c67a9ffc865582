"""A message under way, and the connection that it has: how far both have come."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from engine.mail.transports.dialogue import Dialogue, Question
from engine.mail.transports.port import Envelope, InDoubt, NotSent, Outcome
from engine.playbook.providers import destination_of

NEVER = float("inf")
AHEAD = 0.25
"""Seconds: a server that took longer over the last message is sent no envelope ahead."""


class Stage(IntEnum):
    """How far a message has come."""

    CONNECT = 0
    ENVELOPE = 1
    CONTENT = 2


@dataclass(slots=True, eq=False)
class Connection:
    """An open connection, and how it did so far."""

    line: Dialogue
    sent: int = 0
    last_used: float = 0.0
    is_quick: bool = False
    """Whether the last message was answered within `AHEAD`."""

    @property
    def reused(self) -> bool:
        """Whether a message went over it before."""
        return self.sent > 0


@dataclass(slots=True, eq=False)
class Sending:
    """How far one message has come; what a lost link means is read from it.

    Attributes:
        within: how long it may take, in seconds; None: as long as it takes.
        until: the loop's time when it must have ended.
        begin_until: the loop's time after which it is not begun any more.
        to: where it goes, as connections are shared out.
        turn: what it waits for while all connections are busy: true when it may go.
        connection: where it was asked ahead; `asked` are the replies to its envelope.
        has_place: whether one of the connections is its own now.
        behind: the message whose envelope went with the end of this one.
    """

    envelope: Envelope
    within: float | None
    until: float
    begin_until: float
    to: str
    turn: "asyncio.Future[bool]"
    stage: Stage = Stage.CONNECT
    connection: Connection | None = None
    asked: Question | None = None
    has_place: bool = False
    behind: "Sending | None" = None

    def left(self, limit: timedelta) -> float:
        """Seconds until it must have ended, at most `limit`."""
        return min(limit.total_seconds(), max(0.0, self.until - self.turn.get_loop().time()))

    @property
    def is_wanted(self) -> bool:
        """Whether it waits for its turn, or has it: nobody has cancelled it or put it back."""
        turn = self.turn
        return not turn.done() or (not turn.cancelled() and turn.result())

    @property
    def is_over(self) -> bool:
        """Whether it should have ended by now."""
        return self.turn.get_loop().time() >= self.until

    @property
    def is_late(self) -> bool:
        """Whether it may not be begun any more."""
        return self.turn.get_loop().time() > self.begin_until

    def overdue(self) -> Outcome:
        """What it came to when its time is over."""
        detail = f"no end within {self.within or 0:g} s"
        if self.stage is Stage.CONTENT:
            return InDoubt(detail)
        at = "waiting for a connection" if self.stage is Stage.CONNECT else "the envelope"
        return NotSent(f"{detail} (at {at})")


def under_way(
    envelope: Envelope, within: timedelta | None, start_within: timedelta | None
) -> Sending:
    """A message that begins now."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    return Sending(
        envelope,
        None if within is None else within.total_seconds(),
        NEVER if within is None else now + within.total_seconds(),
        NEVER if start_within is None else now + start_within.total_seconds(),
        destination_of(envelope.recipient),
        loop.create_future(),
    )
