"""A transport that keeps what it is given, for tests and rehearsals."""

from collections.abc import Callable
from datetime import timedelta

from engine.mail.transports.port import Accepted, Envelope, Outcome, Reply

_TAKEN = Accepted(Reply(250, "2.0.0", "kept in memory"))


class MemoryTransport:
    """Accepts everything, unless `answer` says otherwise for an envelope.

    Args:
        answer: the outcome for an envelope, or None for acceptance.
    """

    def __init__(self, answer: Callable[[Envelope], Outcome | None] | None = None) -> None:
        self.sent: list[Envelope] = []
        """What was accepted, in order."""
        self.closed = False
        self._answer = answer

    async def send(
        self,
        envelope: Envelope,
        *,
        within: timedelta | None = None,
        start_within: timedelta | None = None,
    ) -> Outcome:
        """Keep one message, or give it the outcome the test asked for."""
        outcome = self._answer(envelope) if self._answer else None
        if outcome is None:
            outcome = _TAKEN
        if isinstance(outcome, Accepted):
            self.sent.append(envelope)
        return outcome

    async def close(self) -> None:
        """Remember that it was let go."""
        self.closed = True
