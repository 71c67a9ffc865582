"""Moments fire on time on a real server, with the real driver and a real store."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities._temporal import Drive
from engine.ids import new_id
from engine.operations import coming
from engine.store.database import Store
from tests.runtime.clockwork import ALWAYS, FIELDS, put
from tests.runtime.stage import Stage
from workflows.schedules import DriveSchedules

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("temporal")]


async def entered(stage: Stage, count: int, seconds: float = 15) -> float:
    """Waits until so many runs began; answers how long that took."""
    began = time.monotonic()
    while len(stage.runs()) < count:
        assert time.monotonic() - began < seconds, "it never began"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_a_moment_that_is_set_while_the_driver_rests_fires_on_time(
    client: Client, sqlite_store: Store
) -> None:
    """The change of the record wakes the driver; so does one that comes earlier still."""
    stage, queue, name = Stage(sqlite_store), f"queue-{new_id()}", f"schedules-{new_id()}"
    stage.publish(FIELDS, soon=ALWAYS)
    loop = asyncio.get_running_loop()

    def nudge(ids: frozenset[str]) -> None:
        if coming.SCHEDULES in ids:
            asyncio.run_coroutine_threadsafe(handle.signal("look"), loop)

    with ThreadPoolExecutor(2) as threads:
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[DriveSchedules],
            activities=Drive(sqlite_store).activities(),
            activity_executor=threads,
        )
        async with worker:
            handle = await client.start_workflow("drive_schedules", name, id=name, task_queue=queue)
            sqlite_store.on_commit(nudge)
            ends = datetime.now(UTC) + timedelta(days=2)
            await asyncio.to_thread(put, stage, "ann", trial_ends_at=ends + timedelta(seconds=60))
            await asyncio.to_thread(put, stage, "bob", trial_ends_at=ends + timedelta(seconds=3))
            assert await entered(stage, 1) >= 2
            late = stage.run()["entered_at"] - (ends + timedelta(seconds=3) - timedelta(days=2))
            assert timedelta(0) <= late < timedelta(seconds=2)
            await handle.terminate()
