"""The driver of a bulk enrollment: it has slices worked off until there are no more.

How far it has come is in the store; losing, repeating or doubling this driver costs only time.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.names import DRIVE_BULK, ENROLL_IN_BULK, LOOK

_LONG_HISTORY = 2_000
_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)
)


@dataclass(frozen=True)
class Slices:
    """What `enroll_in_bulk` reports: whether there is more to do."""

    more: bool = False


@workflow.defn(name=DRIVE_BULK)
class DriveBulk:
    """Drives one bulk enrollment; a pause ends it, and resuming starts it again."""

    def __init__(self) -> None:
        self._nudged = False

    @workflow.signal(name=LOOK)
    def look(self) -> None:
        """A hint that it was resumed, or that nobody has been at it for a while."""
        self._nudged = True

    @workflow.run
    async def run(self, name: str) -> None:
        """Until nothing is left to do; `name` is this driver's own id."""
        while True:
            self._nudged = False
            done = await workflow.execute_activity(
                ENROLL_IN_BULK,
                name,
                result_type=Slices,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=_RETRY,
            )
            if workflow.info().get_current_history_length() > _LONG_HISTORY:
                workflow.continue_as_new(name)
            if not done.more and not self._nudged:
                return
