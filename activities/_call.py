"""Calls over HTTP: takes a batch of webhooks and notices to chat rooms out of the house.

Bounded as the sending of mail is (one batch, less than a minute), but not window by window: a call
that has ended is reported, and another one begun, while slower ones go on.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from activities._counting import about_letter, count_call, count_window, note_call
from activities._send import MOST_JOBS, Delivered
from engine import tracing
from engine.calls.client import ONE_CALL
from engine.calls.destinations import Destinations
from engine.calls.verdicts import NotTried, Refused
from engine.errors import LongplayError
from engine.ids import new_id
from engine.log_context import About
from engine.operations.calls import Called, take_turn
from engine.operations.clock_guard import ClockGuard
from engine.operations.requests import CallWriter
from engine.operations.windows import WINDOW, Letter, Window
from engine.store.database import Store

TIME = timedelta(seconds=45)

_LINGER = 0.02
"""Seconds in which calls that end together are reported together."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Messenger:
    """All that calling needs: the store, who writes, who calls, and whose clock is watched."""

    store: Store
    writer: CallWriter
    destinations: Destinations
    guard: ClockGuard = field(default_factory=ClockGuard)

    async def deliver(
        self, batch: str, *, may_go_on: Callable[[], bool] = lambda: True
    ) -> Delivered:
        """Makes what calls of `batch` it can in its time; before each it asks whether to go on."""
        token, deadline = new_id(), time.monotonic() + TIME.total_seconds()
        going: set[asyncio.Task[Called]] = set()
        called: list[Called] = []
        taken, first, more = 0, True, True
        while True:
            more = more and taken < MOST_JOBS and time.monotonic() < deadline and may_go_on()
            size = min(WINDOW - len(going), MOST_JOBS - taken) if more else 0
            window = await self._turn(batch, token, called, size=size, first=first)
            first, more = False, bool(window.letters)
            taken += len(window.letters)
            going |= {asyncio.create_task(self._one(one, deadline)) for one in window.letters}
            if not going:
                return Delivered(taken, window.look_in)
            called, going = await _ended(going)

    async def _turn(
        self, batch: str, token: str, called: Sequence[Called], *, size: int, first: bool
    ) -> Window:
        turn = partial(
            take_turn,
            batch=batch, token=token, guard=self.guard, called=called, size=size, first=first,
        )  # fmt: skip
        window = await asyncio.to_thread(self.store.write, turn)
        count_window(window)
        return window

    async def _one(self, letter: Letter, deadline: float) -> Called:
        began = time.monotonic()
        about = about_letter(letter)
        with About(**about), tracing.Span(letter.op.action, letter.trace, ids=about) as span:
            called, asked = await self._tried(letter, deadline)
            note_call(span, called.verdict)
        count_call(letter, called.verdict, time.monotonic() - began if asked else None)
        return called

    async def _tried(self, letter: Letter, deadline: float) -> tuple[Called, bool]:
        """What came of it, and whether the other side was asked at all."""
        text = ""
        try:
            text = self.writer.text(letter)
            errand = self.writer.write(letter, text, datetime.now(UTC))
        except LongplayError as error:
            return Called(letter, Refused(error.message), text), False
        except Exception as error:  # one call's fault must not leave its window in doubt (I6)
            _log.exception("a call could not be written")
            fault = f"it could not be written: {type(error).__name__}"
            return Called(letter, Refused(fault), text), False
        left = deadline + ONE_CALL.total_seconds() - time.monotonic()
        if left <= 1:
            # A sender that was stopped and came back must not send what it no longer owns (I13).
            return Called(letter, NotTried("the sender ran out of time", timedelta()), text), False
        within = min(ONE_CALL, timedelta(seconds=left))
        found = await self.destinations.call(errand.request, within=within)
        verdict = errand.verdict(found, datetime.now(UTC))
        return Called(letter, verdict, text), not isinstance(verdict, NotTried)


async def _ended(
    going: set[asyncio.Task[Called]],
) -> tuple[list[Called], set[asyncio.Task[Called]]]:
    """Waits until some have ended: what they found out, and who is still going."""
    await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(_LINGER)
    done = {one for one in going if one.done()}
    return [one.result() for one in done], going - done
