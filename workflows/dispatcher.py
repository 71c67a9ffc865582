"""The dispatcher: nudges drivers after a commit, each at most once in a tenth of a second.

A nudge carries nothing and is never recorded. Lost ones are found by the sweeper.
"""

import asyncio
import logging
from collections.abc import Iterable

from temporalio.client import Client

from workflows.names import (
    BULK_PREFIX,
    CONTROL_QUEUE,
    DRIVE_BULK,
    DRIVE_COHORT,
    DRIVE_SCHEDULES,
    LOOK,
    SCHEDULES_ID,
)

BREATH = 0.1
"""Seconds between two nudges of one cohort."""

_AT_ONCE = 16
_log = logging.getLogger(__name__)


async def nudge(client: Client, cohort: str) -> None:
    """Tells a driver to look, and starts it when it does not run: signal-with-start by id.

    Raises:
        RPCError: Temporal is not to be had; the sweeper will find what is due.
    """
    await client.start_workflow(
        _driver_of(cohort),
        cohort,
        id=cohort,
        task_queue=CONTROL_QUEUE,
        start_signal=LOOK,
        static_summary=f"drives {cohort}",
    )


def _driver_of(id: str) -> str:
    if id == SCHEDULES_ID:
        return DRIVE_SCHEDULES
    return DRIVE_BULK if id.startswith(BULK_PREFIX) else DRIVE_COHORT


class Dispatcher:
    """Nudges from any thread of one process.

    Args:
        client: the connection to Temporal.
        loop: the event loop that the client belongs to.
    """

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop
        self._waiting: set[str] = set()
        self._resting: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def nudge(self, cohorts: Iterable[str]) -> None:
        """Nudges soon; safe from every thread, and never blocks."""
        wanted = frozenset(cohorts)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._accept, wanted)

    def _accept(self, cohorts: frozenset[str]) -> None:
        fresh = cohorts - self._resting
        self._waiting |= cohorts - fresh
        for cohort in fresh:
            self._resting.add(cohort)
            task = self._loop.create_task(self._serve(cohort))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, cohort: str) -> None:
        while True:
            self._waiting.discard(cohort)
            try:
                async with self._slots:
                    await nudge(self._client, cohort)
            except Exception as error:  # whatever it was, the next nudge must be tried again
                _log.warning("could not nudge %s: %s", cohort, error)
            await asyncio.sleep(BREATH)
            if cohort not in self._waiting:
                self._resting.discard(cohort)
                return

    async def drain(self) -> None:
        """Waits until every nudge asked for has been tried."""
        await asyncio.sleep(0)
        while self._tasks:
            await asyncio.wait(set(self._tasks))
