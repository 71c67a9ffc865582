"""Whether this release's drivers can take over what is under way: replays of recorded histories.

A history that does not replay is a driver that would stand still after the deployment.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.converter import DefaultFailureConverter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from workflows.bulk import DriveBulk
from workflows.cohort import DriveCohort
from workflows.schedules import DriveSchedules

DRIVERS = (DriveCohort, DriveSchedules, DriveBulk)
"""Every driver of this release."""

RECENT = timedelta(days=1)
"""How long ago a driver may have ended to be replayed as well."""

_OURS = 'TaskQueue STARTS_WITH "longplay-"'
_ENDED_WELL = 'ExecutionStatus IN ("Completed", "ContinuedAsNew")'
_PAGE = 100
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Failed:
    """A driver whose history does not replay, and why."""

    id: str
    run: str
    type: str
    running: bool
    reason: str

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {
            "id": self.id, "run": self.run, "type": self.type, "running": self.running,
            "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What replaying showed.

    Attributes:
        running: replayed drivers that are under way.
        ended: replayed drivers that ended lately.
        left_out: drivers under way beyond the limit, which nobody looked at.
        failed: those that do not replay.
    """

    running: int
    ended: int
    left_out: int
    failed: tuple[Failed, ...]


async def replay(client: Client, *, limit: int, progress: Progress, now: datetime) -> Verdict:
    """Replays what is under way, then what ended lately, `limit` histories altogether.

    Args:
        client: the connection, with the keys that histories are sealed with.
        limit: histories at most.
        progress: is told how many are done, and of how many.
        now: the present moment.

    Raises:
        RPCError: Temporal is not to be had.
    """
    under_way = (await client.count_workflows(f'{_OURS} AND ExecutionStatus = "Running"')).count
    recent = f"{now.astimezone(UTC) - RECENT:%Y-%m-%dT%H:%M:%SZ}"
    lately = f'{_OURS} AND {_ENDED_WELL} AND CloseTime > "{recent}"'
    total = min(limit, under_way + (await client.count_workflows(lately)).count)
    replayer = _replayer(client)
    counts, failed = {True: 0, False: 0}, []
    async with aclosing(_found(client, lately, limit)) as executions:
        async for one in executions:
            running = one.status is WorkflowExecutionStatus.RUNNING
            reason = await _replayed(client, replayer, one)
            if reason is None:
                continue
            counts[running] += 1
            if reason:
                failed.append(Failed(one.id, one.run_id, one.workflow_type, running, reason))
            progress(sum(counts.values()), total)
    left_out = max(0, under_way - counts[True])
    return Verdict(counts[True], counts[False], left_out, tuple(failed))


async def _found(
    client: Client, lately: str, limit: int
) -> AsyncGenerator[WorkflowExecution, None]:
    left = limit
    for query in (f'{_OURS} AND ExecutionStatus = "Running"', lately):
        if left:
            async for one in client.list_workflows(query, limit=left, page_size=_PAGE):
                left -= 1
                yield one


async def _replayed(client: Client, replayer: Replayer, one: WorkflowExecution) -> str | None:
    """Why its history does not replay; empty when it does, None when it is gone meanwhile."""
    handle = client.get_workflow_handle(one.id, run_id=one.run_id)
    try:
        history = await handle.fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    if not any(event.HasField("workflow_task_completed_event_attributes")
               for event in history.events):  # fmt: skip
        return ""  # it has not begun, so that any release may begin it
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is None:
        return ""
    return _in_short(str(result.replay_failure))


def _in_short(failure: str) -> str:
    """What differs, without what the SDK's core wraps around it."""
    text = " ".join(failure.split())
    for before in ('message: "', "Nondeterminism error: ", "[TMPRL1100] "):
        text = text.rpartition(before)[2]
    return text.partition('", source:')[0].replace('\\"', '"')[:300]


def _replayer(client: Client) -> Replayer:
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="OFF", other_level="OFF"))
    return Replayer(
        workflows=DRIVERS,
        workflow_runner=UnsandboxedWorkflowRunner(),
        # What fails here is told to whoever asked, and kept nowhere.
        data_converter=replace(
            client.data_converter, failure_converter_class=DefaultFailureConverter
        ),
        build_id="replay",
        runtime=Runtime(telemetry=TelemetryConfig(logging=quiet)),
    )
