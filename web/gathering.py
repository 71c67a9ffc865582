"""Group commit for events: requests that meet share a transaction, and each gets its own answer.

A transaction costs the same for one event as for a hundred. While one commits, whoever comes waits
and goes with the next; alone, nobody waits at all. An answer is given after the commit, as ever.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from engine.operations.intake import IncomingEvent, Intake

MOST = 500
"""Events in one transaction."""

TakeIn = Callable[[list[IncomingEvent]], Awaitable[Intake]]


@dataclass(frozen=True, slots=True)
class Share:
    """What became of one request's events; `rejected` holds index and error."""

    accepted: int
    duplicates: int
    rejected: dict[int, str]


@dataclass(slots=True)
class _Waiting:
    events: Sequence[IncomingEvent]
    answer: asyncio.Future[Share]


@dataclass(slots=True)
class Gatherer:
    """Takes in the events of many requests together.

    Args:
        lanes: transactions at a time: one on SQLite, which has one writer anyway.
    """

    lanes: int = 1
    _queue: deque[_Waiting] = field(default_factory=deque)
    # Counted apart from the tasks: a task is done a moment after it has left its loop, and whoever
    # comes in that moment must find the lane free.
    _busy: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def take_in(self, events: Sequence[IncomingEvent], take: TakeIn) -> Share:
        """Takes in at most `MOST` events, with whatever else is waiting.

        Args:
            events: of one request.
            take: commits a batch; the first of those that meet has it done.
        """
        one = _Waiting(events, asyncio.get_running_loop().create_future())
        self._queue.append(one)
        if self._busy < self.lanes:
            self._busy += 1
            task = asyncio.create_task(self._work(take))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await one.answer

    async def _work(self, take: TakeIn) -> None:
        try:
            while self._queue:
                await self._commit(self._next(), take)
        finally:
            self._busy -= 1

    async def _commit(self, together: Sequence[_Waiting], take: TakeIn) -> None:
        try:
            intake = await take([event for one in together for event in one.events])
        except asyncio.CancelledError:
            for one in together:
                one.answer.cancel()
            raise
        except Exception as error:
            for one in together:
                if not one.answer.done():
                    one.answer.set_exception(error)
        else:
            _share_out(together, intake)

    def _next(self) -> list[_Waiting]:
        """The requests that go together, the first come first."""
        together = [self._queue.popleft()]
        size = len(together[0].events)
        while self._queue and size + len(self._queue[0].events) <= MOST:
            together.append(self._queue.popleft())
            size += len(together[-1].events)
        return together


def _share_out(together: Sequence[_Waiting], intake: Intake) -> None:
    start = 0
    for one in together:
        end = start + len(one.events)
        repeated = sum(1 for index in intake.repeated if start <= index < end)
        rejected = {
            index - start: str(error) for index, error in intake.rejected if start <= index < end
        }
        share = Share(len(one.events) - repeated - len(rejected), repeated, rejected)
        if not one.answer.done():
            one.answer.set_result(share)
        start = end
