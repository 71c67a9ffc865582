"""Manners towards a destination: a few calls at a time, and none while it does not answer.

So a host that hangs takes nobody else's time. It is kept in memory, a process for itself.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from engine.calls.client import Caller, Request
from engine.calls.verdicts import Again, Answer, NotTried, Refused

AT_A_TIME = 4
"""Calls to one destination side by side."""

_PATIENCE = 1.0
_BUSY = timedelta(seconds=5)
_SILENCE = timedelta(seconds=15)
_KEPT = 1_000


@dataclass(slots=True)
class _Destination:
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    silent_until: float = 0.0


@dataclass(slots=True)
class Destinations:
    """Calls by way of `caller`, with manners.

    Args:
        caller: who makes them.
        clock: seconds that only ever grow.
    """

    caller: Caller
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, _Destination] = field(default_factory=dict)

    async def call(
        self, request: Request, *, within: timedelta
    ) -> Answer | Again | NotTried | Refused:
        """The answer; or at once, why the destination is left alone for now."""
        one = self._of(request.origin)
        try:
            await asyncio.wait_for(one.slots.acquire(), _PATIENCE)
        except TimeoutError:
            return self._silence(one) or NotTried("it is busy with other calls of ours", _BUSY)
        try:
            found = self._silence(one) or await self.caller.call(request, within=within)
        finally:
            one.slots.release()
        if isinstance(found, Again) and found.silent:
            one.silent_until = self.clock() + _SILENCE.total_seconds()
        elif isinstance(found, Answer):
            one.silent_until = 0.0
        return found

    def _silence(self, one: _Destination) -> NotTried | None:
        rest = one.silent_until - self.clock()
        why = "it did not answer just now"
        return NotTried(why, timedelta(seconds=rest)) if rest > 0 else None

    def _of(self, origin: str) -> _Destination:
        if origin not in self._known:
            if len(self._known) >= _KEPT:
                # The oldest goes first; if it is in use, its calls still hold the object.
                del self._known[next(iter(self._known))]
            self._known[origin] = _Destination()
        return self._known[origin]
