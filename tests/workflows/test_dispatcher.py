"""The dispatcher: few nudges however many are asked for, and never a lost one for long."""

import asyncio
import time

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from engine.ids import new_id
from workflows.dispatcher import BREATH, Dispatcher, nudge

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("temporal")]


def a_cohort() -> str:
    return f"tour@{new_id()}/live/0"


async def nudges_of(client: Client, cohort: str) -> int:
    history = await client.get_workflow_handle(cohort).fetch_history()
    signaled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return sum(event.event_type == signaled for event in history.events)


async def test_many_nudges_of_one_cohort_become_one_a_tenth_of_a_second(client: Client) -> None:
    """A flood of commits costs ten signals a second for a cohort, not one each."""
    dispatcher = Dispatcher(client, asyncio.get_running_loop())
    cohort = a_cohort()
    began = time.monotonic()
    while time.monotonic() - began < 0.45:
        dispatcher.nudge([cohort])
        await asyncio.sleep(0.002)
    await dispatcher.drain()
    took = time.monotonic() - began
    assert 2 <= await nudges_of(client, cohort) <= took / BREATH + 1


async def test_the_last_nudge_is_never_left_out(client: Client) -> None:
    """One that comes while its cohort rests is given when the rest is over."""
    dispatcher = Dispatcher(client, asyncio.get_running_loop())
    cohort = a_cohort()
    dispatcher.nudge([cohort])
    await asyncio.sleep(0.03)
    dispatcher.nudge([cohort])
    await dispatcher.drain()
    assert await nudges_of(client, cohort) == 2


async def test_cohorts_do_not_wait_for_each_other(client: Client) -> None:
    """Each cohort is nudged by itself."""
    dispatcher = Dispatcher(client, asyncio.get_running_loop())
    cohorts = [a_cohort() for _ in range(5)]
    await asyncio.to_thread(dispatcher.nudge, cohorts)  # from a thread, as commits do
    await dispatcher.drain()
    assert [await nudges_of(client, cohort) for cohort in cohorts] == [1] * 5


async def test_a_nudge_of_a_driver_that_ended_starts_it_again(client: Client) -> None:
    """Ended, failed or killed: the next nudge begins a new run under the same id."""
    cohort = a_cohort()
    await nudge(client, cohort)
    first = await client.get_workflow_handle(cohort).describe()
    await nudge(client, cohort)
    assert (await client.get_workflow_handle(cohort).describe()).run_id == first.run_id
    await client.get_workflow_handle(cohort).terminate()
    await nudge(client, cohort)
    assert (await client.get_workflow_handle(cohort).describe()).run_id != first.run_id


async def test_the_schedules_have_a_driver_of_their_own(client: Client) -> None:
    """Their id is nudged like a cohort's, and starts the driver of the clocks."""
    await nudge(client, "longplay-schedules")
    described = await client.get_workflow_handle("longplay-schedules").describe()
    assert described.workflow_type == "drive_schedules"
    await client.get_workflow_handle("longplay-schedules").terminate()


async def test_a_server_that_is_away_does_not_silence_a_cohort() -> None:
    """A nudge that failed, for whatever reason, leaves the cohort free to be nudged again."""
    nowhere = await Client.connect("127.0.0.1:1", lazy=True)
    dispatcher = Dispatcher(nowhere, asyncio.get_running_loop())
    dispatcher.nudge(["tour@1/live/0"])
    await dispatcher.drain()
    assert dispatcher._resting == set()
