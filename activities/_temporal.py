"""The activities as Temporal sees them: names, heartbeats, answers without anything personal."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from temporalio import activity

from activities._advance import SLICE, Progress, advance
from activities._nameless import nameless
from activities._send import Delivered
from engine.ids import BULK, lane_of
from engine.operations.bulk import Driver
from engine.operations.firing import fire_due
from engine.store.database import Store

BEAT = 1.5
"""Seconds between heartbeats; the server misses them after five."""

SLICES_IN_A_ROW = 4

BRIEF = 0.08
"""Seconds that a slice of the bulk lane may keep the store from others."""

_FEWEST = 25

FIRING = 2.0
"""Seconds of pages in one look at the clocks: few enough for a stop, many for a short history."""

SLICING = 5.0
"""Seconds of slices of a bulk enrollment in one activity."""


@dataclass(slots=True)
class Steps:
    """How large a slice is: in the bulk lane so small that a lone lead hardly waits behind it.

    There a slice is walked in about `BRIEF`, and others get at the store before the next one.
    """

    size: int = SLICE // 4

    def slice(self, store: Store, cohort: str, *, rests: bool) -> Progress:
        """Walks one slice of a cohort; with `rests`, waits a little when there is more."""
        if lane_of(cohort) != "bulk":
            return advance(store, cohort)
        began, size = time.monotonic(), self.size
        progress = advance(store, cohort, limit=size)
        spent = time.monotonic() - began
        if spent > BRIEF:
            self.size = max(_FEWEST, size // 2)
        elif progress.more and spent < BRIEF / 3:
            self.size = min(SLICE, size * 2)
        if rests and progress.more:
            time.sleep(min(spent / 4, BRIEF / 2))
        return progress


@dataclass(frozen=True, slots=True)
class Drive:
    """What drivers have done for them on the control queue."""

    store: Store
    steps: Steps = field(default_factory=Steps)

    def activities(self) -> list[Callable[..., Any]]:
        """`advance`, `fire_schedules` and `enroll_in_bulk`, to be run in threads."""

        @activity.defn(name="advance", no_thread_cancel_exception=True)
        def _advance(cohort: str) -> dict[str, Any]:
            slices = 1 if activity.info().is_local else SLICES_IN_A_ROW
            with nameless("advance"):
                for left in reversed(range(slices)):
                    progress = self.steps.slice(self.store, cohort, rests=left > 0)
                    if not progress.more:
                        break
            wake_in = None
            if progress.wake_at is not None:
                wake_in = max(0.0, (progress.wake_at - progress.now).total_seconds())
            return {
                "batches": progress.batches,
                "wake_in": wake_in,
                "more": progress.more,
                "is_empty": progress.is_empty,
            }

        @activity.defn(name="fire_schedules", no_thread_cancel_exception=True)
        def _fire_schedules() -> dict[str, Any]:
            until = time.monotonic() + FIRING
            with nameless("fire_schedules"):
                fired = fire_due(self.store)
                while fired.more and time.monotonic() < until:
                    fired = fire_due(self.store)
            return {"more": fired.more, "wake_in": fired.wake_in}

        @activity.defn(name="enroll_in_bulk", no_thread_cancel_exception=True)
        def _enroll_in_bulk(name: str) -> dict[str, Any]:
            driver = Driver(self.store, name.removeprefix(BULK))
            until, more = time.monotonic() + SLICING, True
            with nameless("enroll_in_bulk"):
                while more and time.monotonic() < until:
                    more = driver.step()
            return {"more": more}

        return [_advance, _fire_schedules, _enroll_in_bulk]


class Carrier(Protocol):
    """Who carries a batch of jobs out of the house, bounded in time."""

    async def deliver(self, batch: str, *, may_go_on: Callable[[], bool]) -> Delivered:
        """Delivers what it can; between its transactions it asks whether to go on."""
        ...


@dataclass(frozen=True, slots=True)
class Deliver:
    """What carries jobs out of the house, on the queues of mail, of notices and of calls."""

    courier: Carrier

    def activities(self) -> list[Callable[..., Any]]:
        """`send`, run in the event loop."""

        @activity.defn(name="send")
        async def _send(batch: str) -> dict[str, Any]:
            beating = asyncio.create_task(_beat())
            try:
                with nameless("send"):
                    done = await self._whole_windows(batch)
            finally:
                beating.cancel()
                with suppress(asyncio.CancelledError):
                    await beating
            look_in = None
            if done.look_in is not None:
                look_in = max(1.0, done.look_in.total_seconds())
            return {"taken": done.taken, "look_in": look_in}

        return [_send]

    async def _whole_windows(self, batch: str) -> Delivered:
        """Delivers; told to stop, it ends the window in hand and records it first.

        A server that is lost, or asks us to stop, is no reason to leave messages in doubt.
        """
        stopped = asyncio.Event()
        delivering = asyncio.create_task(
            self.courier.deliver(batch, may_go_on=lambda: not stopped.is_set())
        )
        try:
            return await asyncio.shield(delivering)
        except asyncio.CancelledError:
            stopped.set()
            await asyncio.wait([delivering])
            raise


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(BEAT)
