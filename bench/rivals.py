"""What benchmarks compare with: hand-written workflows, started and weighed; and nudging ours."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from temporalio.client import Client

from bench.arena import Arena, wait_for_port
from engine.store.database import Store
from workflows.dispatcher import Dispatcher, nudge

QUEUE = "baseline"
_AT_ONCE = 50


@dataclass(frozen=True)
class Weight:
    """All histories of one workflow type."""

    events: int
    size: int
    runs: int


async def connect(arena: Arena) -> Client:
    return await Client.connect(f"127.0.0.1:{arena.temporal_port}")


def start_by_hand(arena: Arena) -> None:
    """Starts the baseline's worker, and waits until it works."""
    arena.start("baseline", [sys.executable, "-P", "-m", "bench.by_hand"])
    wait_for_port(arena.web_port)


def run_by_hand(arena: Arena, leads: int, shape: str, *, ends: bool = True) -> float:
    """Seconds in which a hand-written workflow per lead is through (or only started)."""
    began = time.monotonic()
    asyncio.run(_start_all(arena, leads, shape, ends))
    return time.monotonic() - began


async def _start_all(arena: Arena, leads: int, shape: str, ends: bool) -> None:
    client = await connect(arena)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            handle = await client.start_workflow(
                "hand_written", args=[f"base{number}@example.com", shape],
                id=f"{shape}-{number}", task_queue=QUEUE,
            )  # fmt: skip
        if ends:
            await handle.result()

    await asyncio.gather(*(one(number) for number in range(leads)))


def weigh(arena: Arena, kind: str) -> Weight:
    """Events and bytes of every history of this type, continued runs included."""
    return asyncio.run(_weigh(arena, kind))


async def _weigh(arena: Arena, kind: str) -> Weight:
    client = await connect(arena)
    events = size = runs = 0
    await asyncio.sleep(2)  # the list is behind the truth for a moment
    async for found in client.list_workflows(f"WorkflowType = '{kind}'"):
        handle = client.get_workflow_handle(found.id, run_id=found.run_id)
        history = await handle.fetch_history()
        events += len(history.events)
        size += sum(event.ByteSize() for event in history.events)
        runs += 1
    return Weight(events, size, runs)


def nudge_all(arena: Arena, cohorts: Iterable[str]) -> None:
    """Tells the drivers of these cohorts to look."""
    asyncio.run(tell(arena, cohorts))


async def tell(arena: Arena, cohorts: Iterable[str]) -> None:
    """`nudge_all`, for who has a loop already."""
    client = await connect(arena)
    for one in cohorts:
        await nudge(client, one)


class Nudging:
    """Nudges after each commit of a store in this process, as the web server does."""

    def __init__(self, arena: Arena, store: Store) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        client = asyncio.run_coroutine_threadsafe(connect(arena), self._loop).result(30)
        store.on_commit(Dispatcher(client, self._loop).nudge)
