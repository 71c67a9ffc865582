"""Answers that are dear to work out, kept for a few seconds so that a page costs what it must.

Counting a million enrollments takes a second; ten people with the page open do not count ten times.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

SHORTEST = 1.0
"""Seconds that an answer is good for at least."""

SHARE = 20
"""An answer is kept this many times as long as it took: at most 5 % of the time is counting."""


@dataclass(slots=True)
class _Kept:
    answer: Any
    until: float


@dataclass(slots=True)
class Remembered:
    """Answers by name; each is worked out once at a time."""

    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def get(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """The answer named `name`, worked out now if the kept one is too old."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            kept = self._kept.get(name)
            started = self.clock()
            if kept is not None and started < kept.until:
                return cast(T, kept.answer)
            answer = await work()
            now = self.clock()
            self._kept[name] = _Kept(answer, now + max(SHORTEST, SHARE * (now - started)))
            return answer
