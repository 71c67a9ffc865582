"""The driver of a cohort, on a real server and sandboxed: it loses nothing and never spins."""

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from tests.workflows.fakes import ASLEEP, EMPTY, Fakes, until
from tests.workflows.histories_read import told_by
from workflows.cohort import LONG_HISTORY

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("temporal")]


async def is_running(handle: WorkflowHandle[Any, Any]) -> bool:
    return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def nudged(handle: WorkflowHandle[Any, Any], fakes: Fakes, *, times: int) -> None:
    """Nudges, and waits each time until the driver has looked."""
    for _ in range(times):
        before = len(fakes.asked)
        await handle.signal("look")
        await until(lambda before=before: len(fakes.asked) > before)  # type: ignore[misc]


async def test_it_ends_only_when_the_cohort_is_empty(client: Client) -> None:
    """No next time is no end: it waits for a nudge, looks again, and ends when all is empty."""
    fakes = Fakes(progress=lambda asked: ASLEEP if asked < 3 else EMPTY)
    async with fakes.serve(client):
        handle = await fakes.start(client)
        for asked in (1, 2):
            await until(lambda asked=asked: len(fakes.asked) == asked)  # type: ignore[misc]
            assert await is_running(handle)
            await handle.signal("look")
        await handle.result()
    assert len(fakes.asked) == 3


async def test_what_is_due_is_asked_for_again_at_once(client: Client) -> None:
    """While more is due it rests not at all."""
    fakes = Fakes(progress=lambda asked: ASLEEP | {"more": True} if asked < 20 else EMPTY)
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await handle.result()
    assert len(fakes.asked) == 20


async def test_a_wake_up_in_the_past_does_not_spin(client: Client) -> None:
    """The workflow's time is not the store's: it rests a second at least."""
    fakes = Fakes(progress=lambda asked: ASLEEP | {"wake_in": 0.0} if asked < 3 else EMPTY)
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await handle.result()
    gaps = [later - earlier for earlier, later in zip(fakes.asked, fakes.asked[1:], strict=False)]
    assert min(gaps) > 0.9


async def test_a_batch_that_is_being_sent_is_not_started_twice(client: Client) -> None:
    """Reported as open again and again, a batch has one activity at a time."""
    fakes = Fakes()
    fakes.progress = lambda asked: EMPTY if fakes.gate.is_set() else fakes.batch("one", "two")
    fakes.gate.clear()
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await until(lambda: len(fakes.sent) == 2)
        await nudged(handle, fakes, times=3)
        fakes.gate.set()
        await handle.result()
    assert sorted(fakes.sent) == ["one", "two"]


async def test_a_batch_that_is_still_open_when_its_activity_ended_is_started_again(
    client: Client,
) -> None:
    """What one bounded attempt left is taken by the next."""
    fakes = Fakes()
    fakes.progress = lambda asked: fakes.batch("one") if len(fakes.sent) < 3 else EMPTY
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await handle.result()
    assert fakes.sent == ["one"] * 3


async def test_a_batch_that_asks_for_a_later_look_gets_it_then(client: Client) -> None:
    """Messages of another attempt are left alone until their leases are over, nudges or not."""
    fakes = Fakes(look_in=1.5)
    fakes.progress = lambda asked: fakes.batch("one") if len(fakes.sent) < 2 else EMPTY
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await until(lambda: len(fakes.sent) == 1)
        await nudged(handle, fakes, times=2)
        assert len(fakes.sent) == 1
        await handle.result()
    assert fakes.sent == ["one"] * 2


async def test_a_failed_batch_is_tried_again_after_a_rest(client: Client) -> None:
    """An activity that failed for good ends nothing: the batch is open, and gets another."""
    fakes = Fakes(failing=1)
    fakes.progress = lambda asked: fakes.batch("one") if len(fakes.sent) < 2 else EMPTY
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await handle.result()
    assert fakes.sent == ["one"] * 2


async def test_under_two_hundred_nudges_a_second_it_goes_over_to_a_new_run(
    client: Client,
) -> None:
    """With a long history it starts nothing, drains, and continues as new; no nudge stops it."""
    fakes = Fakes()
    fakes.gate.clear()
    fakes.progress = lambda asked: fakes.batch("one") if len(fakes.sent) < 2 else EMPTY
    async with fakes.serve(client):
        handle = await fakes.start(client)
        first = (await handle.describe()).run_id
        await until(lambda: len(fakes.sent) == 1)
        described = await handle.describe()
        while described.history_length <= LONG_HISTORY:
            await asyncio.gather(*(handle.signal("look") for _ in range(100)))
            described = await handle.describe()
        for _ in range(3):  # it drains: the batch is still being sent, by the first run
            await asyncio.gather(*(handle.signal("look") for _ in range(20)))
            assert (await handle.describe()).run_id == first
        fakes.gate.set()
        await client.get_workflow_handle(handle.id).result()
        last = await client.get_workflow_handle(handle.id).describe()
    assert last.run_id != first
    assert fakes.sent == ["one", "one"]
    history = await client.get_workflow_handle(handle.id, run_id=first).fetch_history()
    final = history.events[-1]
    assert final.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
    handed_on = final.workflow_execution_continued_as_new_event_attributes.input.payloads
    assert [payload.data for payload in handed_on] == [f'"{handle.id}"'.encode()]


async def test_a_nudge_at_the_very_end_is_answered_by_another_look(client: Client) -> None:
    """A member that comes while the last look is under way is not left behind."""
    fakes = Fakes()
    fakes.looking.clear()
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await until(lambda: len(fakes.asked) == 1)
        await handle.signal("look")
        fakes.looking.set()
        await handle.result()
    assert len(fakes.asked) >= 2


async def test_its_history_holds_nothing_personal(client: Client) -> None:
    """Counts, times, batch ids and queues: no address, no lead."""
    fakes = Fakes()
    fakes.progress = lambda asked: fakes.batch("one") if not fakes.sent else EMPTY
    async with fakes.serve(client):
        handle = await fakes.start(client)
        await handle.result()
    history = await handle.fetch_history()
    told = told_by(history)
    assert "@example.com" not in told
    assert "one" in told  # payloads are read, too: the batch is in one
