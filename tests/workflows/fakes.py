"""What drivers call, as fakes by name: they answer what a test says and remember what was asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from engine.ids import new_id
from workflows.bulk import DriveBulk
from workflows.cohort import DriveCohort
from workflows.schedules import DriveSchedules

EMPTY: dict[str, Any] = {"batches": [], "wake_in": None, "more": False, "is_empty": True}
ASLEEP: dict[str, Any] = EMPTY | {"is_empty": False}


@dataclass
class Fakes:
    """Activities under their durable names, written here once more as literals."""

    queue: str = field(default_factory=lambda: f"queue-{new_id()}")
    progress: Callable[[int], dict[str, Any]] = lambda asked: EMPTY
    """What the nth `advance` answers, from 1."""
    fired: Callable[[int], dict[str, Any]] = lambda asked: {"more": False, "wake_in": None}
    slices: int = 1
    """How often a bulk enrollment is asked about until it ends."""
    failing: int = 0
    """How many of the first sends fail."""
    look_in: float | None = None
    asked: list[float] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Sends wait for it."""

    looking: asyncio.Event = field(default_factory=asyncio.Event)
    """So does `advance`, for this one."""

    def __post_init__(self) -> None:
        self.gate.set()
        self.looking.set()

    def activities(self) -> list[Callable[..., Any]]:
        @activity.defn(name="advance")
        async def advance(cohort: str) -> dict[str, Any]:
            self.asked.append(time.monotonic())
            await self.looking.wait()
            return self.progress(len(self.asked))

        @activity.defn(name="send")
        async def send(batch: str) -> dict[str, Any]:
            self.sent.append(batch)
            while not self.gate.is_set():
                activity.heartbeat()
                await asyncio.sleep(0.05)
            if len(self.sent) <= self.failing:
                raise ApplicationError("the transport fell over", non_retryable=True)
            return {"taken": 1, "look_in": self.look_in}

        @activity.defn(name="fire_schedules")
        async def fire_schedules() -> dict[str, Any]:
            self.asked.append(time.monotonic())
            return self.fired(len(self.asked))

        @activity.defn(name="enroll_in_bulk")
        async def enroll_in_bulk(name: str) -> dict[str, Any]:
            self.asked.append(time.monotonic())
            await self.looking.wait()
            return {"more": len(self.asked) < self.slices}

        return [advance, send, fire_schedules, enroll_in_bulk]

    def batch(self, *names: str) -> dict[str, Any]:
        """A progress with these batches open."""
        return ASLEEP | {"batches": [[name, self.queue] for name in names]}

    @asynccontextmanager
    async def serve(self, client: Client) -> AsyncIterator[None]:
        """A worker with the real drivers and these activities, in the strict sandbox."""
        worker = Worker(
            client,
            task_queue=self.queue,
            workflows=[DriveCohort, DriveSchedules, DriveBulk],
            activities=self.activities(),
            max_concurrent_workflow_tasks=4,
        )
        async with worker:
            yield

    async def start(self, client: Client, drives: str = "drive_cohort") -> WorkflowHandle[Any, Any]:
        name = f"tour@{new_id()}/live/0"
        return await client.start_workflow(drives, name, id=name, task_queue=self.queue)


async def until(what: Callable[[], bool], seconds: float = 15) -> None:
    """Waits until it is true; a test that hangs says what it waited for."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)
