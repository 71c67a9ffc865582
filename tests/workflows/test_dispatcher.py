"""The dispatcher: few nudges however many are asked for, and never a lost one for long."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType, IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

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


async def test_drivers_are_found_by_playbook_version_and_lane(client: Client) -> None:
    """Temporal's own page answers which drivers a playbook has."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes=dict.fromkeys(
                ("Playbook", "PlaybookVersion", "Lane"), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
            ),
        )
    )
    playbook = f"tour-{new_id()}"
    await _nudged_soon(client, f"{playbook}@3f2a91/bulk/0")
    query = f"Playbook = '{playbook}' AND PlaybookVersion = '3f2a91' AND Lane = 'bulk'"
    for _ in range(100):
        if found := [each.id async for each in client.list_workflows(query)]:
            break
        await asyncio.sleep(0.1)
    assert found == [f"{playbook}@3f2a91/bulk/0"]


async def _nudged_soon(client: Client, cohort: str) -> None:
    """The server takes a moment to know new attributes; a fresh client has no opinion of it."""
    for _ in range(50):
        fresh = await Client.connect(client.service_client.config.target_host)
        await nudge(fresh, cohort)
        described = await fresh.get_workflow_handle(cohort).describe()
        if described.typed_search_attributes.search_attributes:
            return
        await fresh.get_workflow_handle(cohort).terminate()
        await asyncio.sleep(0.2)


async def test_a_namespace_without_our_attributes_is_served_all_the_same() -> None:
    """A cluster that nobody prepared refuses them once, and drives without."""
    binary = Path(sys.executable).with_name("temporal")
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary), dev_server_log_level="error"
    ) as bare:
        cohort = a_cohort()
        await nudge(bare.client, cohort)
        await nudge(bare.client, cohort)
        assert await nudges_of(bare.client, cohort) == 2


async def test_a_server_that_is_away_does_not_silence_a_cohort() -> None:
    """A nudge that failed, for whatever reason, leaves the cohort free to be nudged again."""
    nowhere = await Client.connect("127.0.0.1:1", lazy=True)
    dispatcher = Dispatcher(nowhere, asyncio.get_running_loop())
    dispatcher.nudge(["tour@1/live/0"])
    await dispatcher.drain()
    assert dispatcher._resting == set()
