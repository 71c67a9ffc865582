"""The driver of a cohort: asks what is due and open, starts the activities, sleeps, asks again.

It holds no member's state: losing, repeating or doubling it costs only time (runtime.md). History
holds counts, times and batch ids, nothing personal.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.names import ADVANCE, DRIVE_COHORT, LOOK, SEND

LONG_HISTORY = 2_000
"""Events after which the driver hands over to a fresh run of itself."""

SHORTEST_REST = 1.0
"""Seconds. A wake-up in the past must not spin: `workflow.now()` is not the store's clock."""

_FAILED_REST = 5.0
_LOOK_AT_IT = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)
)
_SEND_IT = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=5), maximum_attempts=3
)


@dataclass(frozen=True)
class Progress:
    """What `advance` reports.

    Attributes:
        batches: open batches of jobs: (id, task queue).
        wake_in: seconds until something is due; None: only a nudge will tell.
        more: whether more is due now.
        is_empty: nothing is open any more, counted in the store's own transaction.
    """

    batches: list[tuple[str, str]] = field(default_factory=list)
    wake_in: float | None = None
    more: bool = False
    is_empty: bool = False


@dataclass(frozen=True)
class Delivered:
    """What `send` reports: seconds until the batch is worth another look, if it is not done."""

    taken: int = 0
    look_in: float | None = None


def told(batches: int, wake_in: float | None) -> str:
    """What Temporal's web UI shows of a driver at rest: numbers and a time. It leaves no event."""
    sending = f"{batches} open {'batch' if batches == 1 else 'batches'}"
    if wake_in is None:
        return f"{sending}; looks again when it is nudged"
    at = workflow.now() + timedelta(seconds=wake_in)
    return f"{sending}; looks again at {at:%Y-%m-%d %H:%M:%S} UTC, or when it is nudged"


@workflow.defn(name=DRIVE_COHORT)
class DriveCohort:
    """Drives the open enrollments of one plan version, lane and shard."""

    def __init__(self) -> None:
        self._nudged = False
        self._ended = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._rest_until: dict[str, float] = {}

    @workflow.signal(name=LOOK)
    def look(self) -> None:
        """A hint that something may be due. Lost, doubled and late hints are harmless."""
        self._nudged = True

    @workflow.run
    async def run(self, cohort: str) -> None:
        """Until the cohort is empty; `cohort` is its id, and all that is handed on."""
        progress = await self._ask(cohort, at_once=True)
        while True:
            if workflow.info().get_current_history_length() > LONG_HISTORY:
                await workflow.wait_condition(lambda: not self._running)
                workflow.continue_as_new(cohort)
            self._start(progress)
            if progress.more:
                # An activity of its own completes this workflow task, so that the batches that
                # were just found start now and not when everything is walked.
                progress = await self._ask(cohort, at_once=False)
                continue
            if progress.is_empty and not self._running and not self._nudged:
                return
            await self._rest(progress)
            progress = await self._ask(cohort, at_once=True)

    async def _ask(self, cohort: str, *, at_once: bool) -> Progress:
        self._nudged = self._ended = False
        if at_once:
            found: Progress = await workflow.execute_local_activity(
                ADVANCE,
                cohort,
                result_type=Progress,
                start_to_close_timeout=timedelta(seconds=9),
                retry_policy=_LOOK_AT_IT,
            )
            return found
        later: Progress = await workflow.execute_activity(
            ADVANCE,
            cohort,
            result_type=Progress,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_LOOK_AT_IT,
        )
        return later

    def _start(self, progress: Progress) -> None:
        now = workflow.time()
        for batch, queue in progress.batches:
            if batch not in self._running and self._rest_until.get(batch, 0.0) <= now:
                self._running[batch] = asyncio.create_task(self._send(batch, queue))
        open_now = {batch for batch, _ in progress.batches}
        self._rest_until = {b: at for b, at in self._rest_until.items() if b in open_now}

    async def _send(self, batch: str, queue: str) -> None:
        try:
            done = await workflow.execute_activity(
                SEND,
                batch,
                activity_id=f"send-{batch}",
                task_queue=queue,
                result_type=Delivered,
                start_to_close_timeout=timedelta(seconds=90),
                heartbeat_timeout=timedelta(seconds=5),
                retry_policy=_SEND_IT,
            )
            if done.look_in is not None:
                self._rest_until[batch] = workflow.time() + done.look_in
        except ActivityError:
            self._rest_until[batch] = workflow.time() + _FAILED_REST
        finally:
            del self._running[batch]
            self._ended = True

    async def _rest(self, progress: Progress) -> None:
        now = workflow.time()
        times = [at - now for at in self._rest_until.values()]
        if progress.wake_in is not None:
            times.append(progress.wake_in)
        longest = max(min(times), SHORTEST_REST) if times else None
        workflow.set_current_details(told(len(self._running), longest))
        try:
            await workflow.wait_condition(
                lambda: self._nudged or self._ended,
                timeout=None if longest is None else timedelta(seconds=longest),
                timeout_summary="until the next member is due",
            )
        except TimeoutError:
            return
