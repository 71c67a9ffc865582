"""The dispatcher: nudges drivers after a commit, each at most once in a tenth of a second.

A nudge carries nothing and is never recorded. Lost ones are found by the sweeper.
"""

import asyncio
import logging
from collections.abc import Iterable

from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from workflows.names import (
    BULK_PREFIX,
    DRIVE_BULK,
    DRIVE_COHORT,
    DRIVE_SCHEDULES,
    LOOK,
    SCHEDULES_ID,
    control_queue_of,
)

BREATH = 0.1
"""Seconds between two nudges of one cohort."""

_PLAYBOOK = SearchAttributeKey.for_keyword("Playbook")
_VERSION = SearchAttributeKey.for_keyword("PlaybookVersion")
_LANE = SearchAttributeKey.for_keyword("Lane")
_strangers: set[int] = set()
"""Clients of namespaces that do not know our search attributes, by identity."""

_AT_ONCE = 16
_log = logging.getLogger(__name__)


async def nudge(client: Client, cohort: str) -> None:
    """Tells a driver to look, and starts it when it does not run: signal-with-start by id.

    Raises:
        RPCError: Temporal is not to be had; the sweeper will find what is due.
    """
    attributes = None if id(client) in _strangers else attributes_of(cohort)
    try:
        await _nudge(client, cohort, attributes)
    except RPCError as error:
        if attributes is None or error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        _strangers.add(id(client))
        _log.warning(
            "this namespace has no search attributes Playbook, PlaybookVersion and Lane, so that "
            "drivers cannot be looked up by them: %s",
            error,
        )
        await _nudge(client, cohort, None)


async def _nudge(client: Client, cohort: str, attributes: TypedSearchAttributes | None) -> None:
    await client.start_workflow(
        _driver_of(cohort),
        cohort,
        id=cohort,
        task_queue=control_queue_of(cohort),
        start_signal=LOOK,
        static_summary=f"drives {cohort}",
        search_attributes=attributes or TypedSearchAttributes.empty,
    )


def attributes_of(cohort: str) -> TypedSearchAttributes | None:
    """What Temporal can be asked by about a cohort's driver: playbook, version and lane."""
    playbook, at, rest = cohort.partition("@")
    version, _, lane = rest.partition("/")
    if not at:
        return None
    return TypedSearchAttributes(
        [
            SearchAttributePair(_PLAYBOOK, playbook),
            SearchAttributePair(_VERSION, version),
            SearchAttributePair(_LANE, lane.partition("/")[0]),
        ]
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
