"""The real runtime to be played on: Temporal's dev server, its drivers, a store in a file.

Only the clock is the test's: it moves the moment, nudges the drivers, and waits until they rest.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import sqlalchemy as sa
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities._send import Courier
from activities._temporal import Deliver, Drive
from engine.ids import new_id
from engine.mail.links import LinkSigner
from engine.mail.transports.memory import MemoryTransport
from engine.operations import publish, published
from engine.operations.clock_guard import ClockGuard
from engine.operations.editions import Edition
from engine.operations.letters import Writer
from engine.store import enrollments, jobs
from engine.store.database import Store, Transaction
from rehearsal.calling import Calling
from rehearsal.house import RunClock
from workflows.cohort import DriveCohort

T = TypeVar("T")
SECONDS = 30


class RealHouse:
    """Stands in the place of `House`: the same store's tables, and Temporal instead of a loop."""

    def __init__(self, address: str, path: Path, edition: Edition) -> None:
        self.clock = RunClock()
        self.store = Store(f"sqlite:///{path}", clock=self.clock)
        self.observe: Callable[[], None] = lambda: None
        self.calls = Calling(self.store, ClockGuard(self.clock.steady))  # type: ignore[arg-type]
        publish.publish(self.store, edition)
        self.current = self.store.read(published.current)
        self._queue = f"rehearsed-{new_id()}"
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client = self._run(self._start(address))

    def __enter__(self) -> "RealHouse":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.store.close()

    def settle(self) -> datetime | None:
        """Nudges every driver, waits until nothing is due, and answers what is due next."""
        deadline = time.monotonic() + SECONDS
        while self.store.read(_is_at_work):
            assert time.monotonic() < deadline, "the drivers do not come to rest"
            for cohort in self.store.read(_cohorts):
                self._run(self._nudge(cohort))
            self._wait(deadline)
        self.observe()
        return self.store.read(_next)

    def histories(self) -> list[WorkflowHistory]:
        """What Temporal keeps of every driver that was."""
        return [self._run(self._history(cohort)) for cohort in self.store.read(_cohorts)]

    async def _history(self, cohort: str) -> WorkflowHistory:
        handle = self._client.get_workflow_handle(f"{self._queue}/{cohort}")
        return await handle.fetch_history()

    def _wait(self, deadline: float) -> None:
        rest = min(deadline, time.monotonic() + 1)
        while self.store.read(_is_at_work) and time.monotonic() < rest:
            time.sleep(0.01)

    async def _nudge(self, cohort: str) -> None:
        await self._client.start_workflow(
            "drive_cohort", cohort, id=f"{self._queue}/{cohort}", task_queue=self._queue,
            start_signal="look",
        )  # fmt: skip

    async def _start(self, address: str) -> Client:
        client = await Client.connect(address)
        writer = Writer(LinkSigner([b"a key for tests, nothing else"]), "http://127.0.0.1")
        guard = ClockGuard(self.clock.steady)
        courier = Courier(self.store, writer, MemoryTransport(), guard)
        threads = self._stack.enter_context(ThreadPoolExecutor(4))
        driver = Worker(
            client, task_queue=self._queue, workflows=[DriveCohort],
            activities=Drive(self.store).activities(), activity_executor=threads,
            workflow_runner=UnsandboxedWorkflowRunner(),
        )  # fmt: skip
        await self._stack.enter_async_context(driver)
        for queue in (
            "longplay-email",
            "longplay-email-bulk",
            "longplay-email-apart",
            "longplay-email-bulk-apart",
            "longplay-notify",
            "longplay-notify-bulk",
        ):
            sender = Worker(client, task_queue=queue, activities=Deliver(courier).activities())
            await self._stack.enter_async_context(sender)
        return client

    async def _end(self) -> None:
        for cohort in self.store.read(_cohorts):
            handle = self._client.get_workflow_handle(f"{self._queue}/{cohort}")
            try:
                await handle.terminate()
            except Exception:  # it has ended by itself: nothing was open
                continue
        await self._stack.aclose()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)


def _cohorts(tx: Transaction) -> list[str]:
    return list(tx.conn.execute(sa.select(enrollments.cohort_table.c.id)).scalars())


def _next(tx: Transaction) -> datetime | None:
    run, job = enrollments.table, jobs.table
    due = sa.select(sa.func.min(run.c.wake_at)).where(enrollments.is_open)
    deferred = sa.select(sa.func.min(job.c.not_before)).where(job.c.state == "deferred")
    found = [tx.conn.execute(one).scalar() for one in (due, deferred)]
    return min((at for at in found if at is not None), default=None)


def _is_at_work(tx: Transaction) -> bool:
    due = _next(tx)
    open_ = sa.select(jobs.batch_table.c.id).where(jobs.batch_table.c.state == "open").limit(1)
    return (due is not None and due <= tx.now) or tx.conn.execute(open_).first() is not None
