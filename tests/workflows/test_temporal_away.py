"""Temporal away, and dispatchers beside each other: time is lost, and nothing else."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from bench.arena import free_port
from engine.ids import new_id
from workflows import dispatcher as dispatching
from workflows.dispatcher import Dispatcher

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("temporal")]

COHORTS = [f"tour@{number:012d}/live/0" for number in range(40)]


async def test_nudges_of_a_long_outage_pile_up_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an hour of commits and sweeps asks for is one try a cohort, and then it goes on."""
    monkeypatch.setattr(dispatching, "BREATH", 0.001)
    port = free_port()
    away = await Client.connect(f"127.0.0.1:{port}", lazy=True)
    dispatcher = Dispatcher(away, asyncio.get_running_loop())
    until = time.monotonic() + 3
    while time.monotonic() < until:
        dispatcher.nudge(COHORTS)
        await asyncio.sleep(0.001)
        assert len(dispatcher._tasks) <= len(COHORTS)
        assert len(dispatcher._waiting) + len(dispatcher._resting) <= 2 * len(COHORTS)
    environment = await WorkflowEnvironment.start_local(
        port=port,
        dev_server_existing_path=str(Path(sys.executable).with_name("temporal")),
        dev_server_log_level="error",
    )
    try:
        dispatcher.nudge(COHORTS)
        await asyncio.wait_for(dispatcher.drain(), 60)
        described = [
            await environment.client.get_workflow_handle(cohort).describe() for cohort in COHORTS
        ]
        assert {one.id for one in described} == set(COHORTS)
        assert not dispatcher._tasks | dispatcher._waiting | dispatcher._resting
    finally:
        await environment.shutdown()


async def test_two_dispatchers_nudge_one_driver(client: Client) -> None:
    """Two processes that commit for one cohort at the same moment: one run, hints for both."""
    loop = asyncio.get_running_loop()
    first, second = Dispatcher(client, loop), Dispatcher(client, loop)
    cohort = f"tour@{new_id()}/live/0"
    for one in (first, second):
        one.nudge([cohort])
    await asyncio.gather(first.drain(), second.drain())
    history = await client.get_workflow_handle(cohort).fetch_history()
    kinds = [event.event_type for event in history.events]
    assert kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED) == 1
    assert kinds.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 2
    runs = [run async for run in client.list_workflows(f"WorkflowId = '{cohort}'")]
    assert len(runs) <= 1
