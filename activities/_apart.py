"""Who carries batches of one destination each: few of the same at a time, the slow ones in turn.

So the senders' places are never all taken by one provider, whatever it does.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from activities._send import Courier, Delivered
from engine.store import jobs

AT_A_TIME = 2
"""Batches of one destination that a process serves; of a slow one, one."""

SLICE = 15.0
"""Seconds after which a slow destination begins no window: then it is another one's turn."""

_BUSY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Apart:
    """Carries batches by way of a courier, not too many to one destination side by side."""

    courier: Courier
    _serving: Counter[str] = field(default_factory=Counter)

    async def deliver(
        self, batch: str, *, may_go_on: Callable[[], bool] = lambda: True
    ) -> Delivered:
        """Delivers as a courier does, or answers at once that it is to be asked again."""
        read = partial(jobs.destination_of_batch, batch=batch)
        name = await asyncio.to_thread(self.courier.store.read, read)
        is_slow = self.courier.speeds.is_slow
        if name and self._serving[name] >= (1 if is_slow(name) else AT_A_TIME):
            return Delivered(0, _BUSY)
        began = time.monotonic()
        self._serving[name] += 1
        try:
            return await self.courier.deliver(
                batch,
                may_go_on=lambda: (
                    may_go_on() and not (is_slow(name) and time.monotonic() - began > SLICE)
                ),
            )
        finally:
            self._serving[name] -= 1
