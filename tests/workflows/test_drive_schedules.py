"""The driver of the clocks: it asks, sleeps, asks again, and ends when no clock is left."""

import pytest
from temporalio.client import Client

from tests.workflows.fakes import Fakes, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("temporal")]

DONE = {"more": False, "wake_in": None}


async def test_it_works_off_what_is_due_and_ends_when_no_clock_is_left(client: Client) -> None:
    """Page after page without a rest, then the end."""
    fakes = Fakes(fired=lambda asked: {"more": True, "wake_in": 0.0} if asked < 10 else DONE)
    async with fakes.serve(client):
        handle = await fakes.start(client, "drive_schedules")
        await handle.result()
    assert len(fakes.asked) == 10


async def test_it_sleeps_until_the_next_clock_and_at_least_a_second(client: Client) -> None:
    """A clock that is due in no time does not make it spin."""
    fakes = Fakes(fired=lambda asked: {"more": False, "wake_in": 0.01} if asked < 3 else DONE)
    async with fakes.serve(client):
        handle = await fakes.start(client, "drive_schedules")
        await handle.result()
    assert fakes.asked[1] - fakes.asked[0] > 0.9


async def test_a_nudge_wakes_it_before_its_time(client: Client) -> None:
    """A playbook that was just applied has its clock looked at now, not in a year."""
    year = {"more": False, "wake_in": 31_000_000.0}
    fakes = Fakes(fired=lambda asked: year if asked < 2 else DONE)
    async with fakes.serve(client):
        handle = await fakes.start(client, "drive_schedules")
        await until(lambda: len(fakes.asked) == 1)
        await handle.signal("look")
        await handle.result()
    assert len(fakes.asked) == 2
