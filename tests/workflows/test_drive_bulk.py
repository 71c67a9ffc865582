"""The driver of a bulk enrollment: slice after slice, and an end."""

import pytest
from temporalio.client import Client

from engine.ids import bulk_driver_id, new_id
from tests.workflows.fakes import Fakes, until
from workflows.dispatcher import nudge
from workflows.names import BULK_PREFIX

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("temporal")]


async def test_it_asks_for_slices_until_there_are_no_more(client: Client) -> None:
    """Without a rest between them, and then it ends."""
    fakes = Fakes(slices=7)
    async with fakes.serve(client):
        await (await fakes.start(client, "drive_bulk")).result()
    assert len(fakes.asked) == 7


async def test_a_nudge_at_the_end_is_not_lost(client: Client) -> None:
    """Who resumes while the last slice is looked at has it looked at again."""
    fakes = Fakes()
    fakes.looking.clear()
    async with fakes.serve(client):
        handle = await fakes.start(client, "drive_bulk")
        await until(lambda: len(fakes.asked) == 1)
        await handle.signal("look")
        fakes.looking.set()
        await handle.result()
    assert len(fakes.asked) == 2


async def test_the_dispatcher_starts_it_by_the_id_of_the_row(client: Client) -> None:
    """A nudge of a bulk enrollment starts this driver, not a cohort's."""
    id = bulk_driver_id(new_id())
    assert id.startswith(BULK_PREFIX)
    await nudge(client, id)
    handle = client.get_workflow_handle(id)
    assert (await handle.describe()).workflow_type == "drive_bulk"
    await handle.terminate()
