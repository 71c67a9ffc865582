"""What Temporal's own web UI shows of a driver at rest: numbers and times, and no event for it."""

import re
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle

from tests.workflows.fakes import ASLEEP, EMPTY, Fakes, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("temporal")]

AT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    metadata: WorkflowMetadata = await handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return metadata.current_details


async def test_a_cohorts_driver_shows_batches_and_its_next_look(client: Client) -> None:
    """Open batches, then when it looks again; asking leaves no trace."""
    fakes = Fakes()
    fakes.gate.clear()
    answers = [fakes.batch("one", "two"), ASLEEP | {"wake_in": 3600.0}, EMPTY]
    fakes.progress = lambda asked: answers[min(asked, 3) - 1]
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await until(lambda: len(fakes.sent) == 2)
        assert await details(handle) == "2 open batches; looks again when it is nudged"
        await handle.signal("look")
        await until(lambda: len(fakes.asked) == 2)
        pattern = rf"2 open batches; looks again at {AT}, or when it is nudged"
        await details(handle)  # answered once the task in hand is done
        before = (await handle.describe()).history_length
        assert re.fullmatch(pattern, await details(handle))
        assert (await handle.describe()).history_length == before
        fakes.gate.set()
        await handle.result()


async def test_the_clocks_driver_shows_its_next_look(client: Client) -> None:
    """When it looks again."""
    fakes = Fakes(fired=lambda asked: {"more": False, "wake_in": 3600.0 if asked < 2 else None})
    async with fakes.serve(client):
        handle = await fakes.start(client, "drive_schedules")
        await until(lambda: len(fakes.asked) == 1)
        assert re.fullmatch(rf"looks again at {AT}, or when nudged", await details(handle))
        await handle.signal("look")
        await handle.result()
