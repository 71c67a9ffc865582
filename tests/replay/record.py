"""Records the histories that replays are tested with: `python -m tests.replay.record [NAME…]`.

Run it only when a driver's commands change on purpose; old files stay as long as a run that was
begun by the code of their time may be open.
"""

import asyncio
import gzip
import json
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.workflows.fakes import ASLEEP, EMPTY, Fakes, until
from workflows.cohort import LONG_HISTORY
from workflows.deployment import versioned
from workflows.replaying import DRIVERS

MANY = 350
"""Looks of six events each: more than one run holds."""

LARGE = 200_000
"""Characters beyond which a history is kept compressed."""

_POLLER = re.compile(r"\d+@")
"""A process and its host, which the queues of one worker are named by."""

HISTORIES = Path(__file__).with_name("histories")

Handle = WorkflowHandle[Any, Any]


async def simple(client: Client) -> Handle:
    """Two looks with a rest between them, and a nudge."""
    fakes = Fakes(progress=lambda asked: [ASLEEP | {"wake_in": 1.0}, ASLEEP, EMPTY][asked - 1])
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await until(lambda: len(fakes.asked) == 2)
        await handle.signal("look")
        await handle.result()
    return handle


async def batches(client: Client) -> Handle:
    """More than one slice, two batches at a time, one of them looked at again."""
    fakes = Fakes(look_in=1.0)

    def progress(asked: int) -> dict[str, Any]:
        if asked < 3:
            return fakes.batch("one") | {"more": True}
        return fakes.batch("one", "two") if len(fakes.sent) < 4 else EMPTY

    fakes.progress = progress
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await handle.result()
    return handle


async def failed_batch(client: Client) -> Handle:
    """A batch whose activity fails for good, and is started again after a rest."""
    fakes = Fakes(failing=1)
    fakes.progress = lambda asked: fakes.batch("one") if len(fakes.sent) < 2 else EMPTY
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await handle.result()
    return handle


async def continued(client: Client) -> Handle:
    """A run that gets too long, drains, and continues as new."""
    fakes = Fakes()
    fakes.gate.clear()
    fakes.progress = lambda asked: fakes.batch("one") if len(fakes.sent) < 2 else EMPTY
    async with fakes.serve(client):
        handle = await fakes.start(client)
        run = (await handle.describe()).run_id
        while (await handle.describe()).history_length <= LONG_HISTORY:
            await asyncio.gather(*(handle.signal("look") for _ in range(300)))
        fakes.gate.set()
        await client.get_workflow_handle(handle.id).result()
    return client.get_workflow_handle(handle.id, run_id=run)


async def schedules(client: Client) -> Handle:
    """A page, another, a sleep, a nudge, and no clock left."""
    answers: list[dict[str, Any]] = [
        {"more": True, "wake_in": 0.0},
        {"more": False, "wake_in": 1.0},
        {"more": False, "wake_in": 86_400.0},
        {"more": False, "wake_in": None},
    ]
    fakes = Fakes(fired=lambda asked: answers[asked - 1])
    async with fakes.serve(client):
        handle = await fakes.start(client, "drive_schedules")
        await until(lambda: len(fakes.asked) == 3)
        await handle.signal("look")
        await handle.result()
    return handle


async def bulk(client: Client) -> Handle:
    """Slices of a bulk enrollment, and a nudge while the last one is looked at."""
    fakes = Fakes(slices=3)
    async with fakes.serve(client):
        handle = await fakes.start(client, "drive_bulk")
        await until(lambda: len(fakes.asked) == 2)
        await handle.signal("look")
        await handle.result()
    return handle


async def schedules_continued(client: Client) -> Handle:
    """Pages without end: the run gets too long between two of them, and continues as new."""
    fakes = Fakes(fired=lambda asked: {"more": asked < MANY, "wake_in": None})
    return await handed_over(client, fakes, "drive_schedules")


async def bulk_continued(client: Client) -> Handle:
    """So many slices that the run continues as new."""
    return await handed_over(client, Fakes(slices=MANY), "drive_bulk")


async def handed_over(client: Client, fakes: Fakes, drives: str) -> Handle:
    """The first run of a driver that had more to do than one run holds."""
    async with fakes.serve(client):
        handle = await fakes.start(client, drives)
        await client.get_workflow_handle(handle.id).result()
    return client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)


async def versioned_build(client: Client) -> Handle:
    """A driver that begins without worker versioning, and goes on under a named build."""
    fakes = Fakes(progress=lambda asked: ASLEEP if asked < 3 else EMPTY)
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await until(lambda: len(fakes.asked) == 1)
    async with Worker(
        client, task_queue=fakes.queue, workflows=DRIVERS, activities=fakes.activities(),
        deployment_config=await versioned(client, "recorded"),
    ):  # fmt: skip
        while len(fakes.asked) < 3:
            await handle.signal("look")
            await asyncio.sleep(0.3)
        await handle.result()
    return handle


RECORDED: dict[str, Callable[[Client], Awaitable[Handle]]] = {
    "cohort-simple": simple,
    "cohort-batches": batches,
    "cohort-failed-batch": failed_batch,
    "cohort-continued": continued,
    "schedules": schedules,
    "bulk": bulk,
    "schedules-continued": schedules_continued,
    "bulk-continued": bulk_continued,
    "cohort-versioned": versioned_build,
}


async def main() -> None:
    """Records the histories that are named, or all of them, anew."""
    wanted = sys.argv[1:] or list(RECORDED)
    binary = str(Path(sys.executable).with_name("temporal"))
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary, dev_server_log_level="error"
    ) as environment:
        for name in wanted:
            handle = await RECORDED[name](environment.client)
            history = clean(json.loads((await handle.fetch_history()).to_json()))
            text = json.dumps(history, indent=1, sort_keys=True) + "\n"
            if len(text) > LARGE:
                (HISTORIES / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
            else:
                (HISTORIES / f"{name}.json").write_text(text)
            print(name, handle.id)


def clean(tree: Any) -> Any:
    """The history without what tells of the machine: who polled, and where a fault was raised."""
    if isinstance(tree, dict):
        private = {"identity": "recorder", "stackTrace": "", "buildId": "recorded"}
        return {key: private.get(key, clean(value)) for key, value in tree.items()}
    if isinstance(tree, str) and _POLLER.match(tree):
        return "recorder"
    return [clean(one) for one in tree] if isinstance(tree, list) else tree


if __name__ == "__main__":
    asyncio.run(main())
