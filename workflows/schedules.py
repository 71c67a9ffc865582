"""The driver of cron and one-time triggers: like a cohort's, it asks, works, sleeps, asks again."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from workflows.names import DRIVE_SCHEDULES, FIRE_SCHEDULES, LOOK

_LONG_HISTORY = 2_000
_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)
)


@dataclass(frozen=True)
class Fired:
    """What `fire_schedules` reports: whether more is due now, else in how many seconds."""

    more: bool = False
    wake_in: float | None = None


@workflow.defn(name=DRIVE_SCHEDULES)
class DriveSchedules:
    """Fires what is due. When a trigger is due is worked out in the activity, never here."""

    def __init__(self) -> None:
        self._nudged = False

    @workflow.signal(name=LOOK)
    def look(self) -> None:
        """A hint that a clock may be due."""
        self._nudged = True

    @workflow.run
    async def run(self, name: str) -> None:
        """Until no clock is left; `name` is this driver's own id."""
        while True:
            self._nudged = False
            fired = await workflow.execute_activity(
                FIRE_SCHEDULES,
                result_type=Fired,
                start_to_close_timeout=timedelta(seconds=60),
                retry_policy=_RETRY,
            )
            if workflow.info().get_current_history_length() > _LONG_HISTORY:
                workflow.continue_as_new(name)
            if fired.more:
                continue
            if fired.wake_in is None:
                if self._nudged:
                    continue
                return
            await self._rest(fired.wake_in)

    async def _rest(self, wake_in: float) -> None:
        at = workflow.now() + timedelta(seconds=max(1.0, wake_in))
        workflow.set_current_details(f"looks again at {at:%Y-%m-%d %H:%M:%S} UTC, or when nudged")
        try:
            await workflow.wait_condition(
                lambda: self._nudged, timeout=timedelta(seconds=max(1.0, wake_in))
            )
        except TimeoutError:
            return
