"""Watching the memory of processes while others kill and restart them."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.arena import children, resident

EVERY = 2.0
"""Seconds between two looks."""

WARM_UP = 30.0
"""Seconds of a process's life in which its caches fill."""


@dataclass
class Watch:
    """Samples the processes that `of` names, and their children, until it is closed.

    Attributes:
        lives: (name, pid) → [(seconds, megabytes)].
    """

    of: Callable[[], Mapping[str, int]]
    lives: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Looks no more."""
        self._stop.set()
        self._thread.join()

    def most(self) -> dict[str, float]:
        """The most that any process of a name held, in megabytes."""
        found: dict[str, float] = {}
        for (name, _), samples in self.lives.items():
            found[name] = max(found.get(name, 0.0), *(size for _, size in samples))
        return {name: round(size, 1) for name, size in sorted(found.items())}

    def slopes(self) -> dict[str, tuple[float, float]]:
        """By name, of the longest life: megabytes a minute, and over how many minutes.

        The warm-up is left out; a life that was not longer says nothing.
        """
        longest: dict[str, list[tuple[float, float]]] = {}
        for (name, _), samples in self.lives.items():
            warm = [one for one in samples if one[0] - samples[0][0] > WARM_UP]
            if len(warm) > max(4, len(longest.get(name, ()))):
                longest[name] = warm
        return {
            name: (round(60 * _slope(warm), 2), round((warm[-1][0] - warm[0][0]) / 60, 2))
            for name, warm in sorted(longest.items())
        }

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            for name, pid in dict(self.of()).items():
                self._look(name, pid)

    def _look(self, name: str, pid: int) -> None:
        try:
            self._note(name, pid)
            for child in children(pid):
                self._note(f"{name}'s child", child)
        except OSError:  # it was killed meanwhile
            return

    def _note(self, name: str, pid: int) -> None:
        size = resident(pid)
        if size:
            self.lives.setdefault((name, pid), []).append((time.monotonic(), size))


def _slope(samples: list[tuple[float, float]]) -> float:
    """The rise of the least squares' line, in megabytes a second."""
    at = sum(one for one, _ in samples) / len(samples)
    mean = sum(size for _, size in samples) / len(samples)
    spread = sum((one - at) ** 2 for one, _ in samples)
    return sum((one - at) * (size - mean) for one, size in samples) / spread if spread else 0.0
