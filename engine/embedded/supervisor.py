"""Runs the children of `longplay up`: starts them in order, revives them, ends them in reverse.

It knows processes, not Longplay: what the children are is `engine.embedded.house`.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType

from engine.embedded.child import Child, ChildSpec
from engine.embedded.guard import Guard
from engine.embedded.lock import hold
from engine.embedded.patience import delay_after
from engine.embedded.roll import Roll
from engine.embedded.voice import Voice

DRAIN = timedelta(seconds=20)
"""What ending everything may take altogether."""

_PAUSE = 0.1
_INSISTENCE = 2


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP, counted: one asks to stop, a second insists, a third breaks off.

    Broken off, the guard ends what is left.
    """

    def __init__(self) -> None:
        self._count = 0

    @property
    def stopping(self) -> bool:
        """Whether somebody wants the end."""
        return self._count > 0

    @property
    def insisting(self) -> bool:
        """Whether somebody wants the end now."""
        return self._count > 1

    @contextmanager
    def heeded(self) -> Iterator["StopSignals"]:
        """Counts the signals meanwhile, instead of dying of them."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._heed) for number in numbers}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heed(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count > _INSISTENCE:
            raise KeyboardInterrupt


@dataclass
class _Post:
    """A place that a child fills, and its past."""

    spec: ChildSpec
    child: Child | None
    deaths: list[float] = field(default_factory=list)
    revive_at: float = 0.0


class Supervisor:
    """Starts, revives and ends children.

    Args:
        voice: where to say what happens.
        guard: ends the children should this process be killed.
        roll: remembers the children should the guard be killed as well.
        signals: what asks for the end.
    """

    def __init__(self, voice: Voice, guard: Guard, roll: Roll, signals: StopSignals) -> None:
        self._voice = voice
        self._guard = guard
        self._roll = roll
        self._signals = signals
        self._posts: list[_Post] = []

    @property
    def stopping(self) -> bool:
        """Whether somebody wants the end."""
        return self._signals.stopping

    def start(self, spec: ChildSpec) -> None:
        """Starts a child, and does not wait for it."""
        post = _Post(spec, None)
        self._posts.append(post)
        self._fill(post)

    def wait_until_ready(self) -> None:
        """Returns once every child can be used, or as soon as somebody wants the end.

        Raises:
            EnvironmentFault: one of them ended, or took too long.
        """
        for post in self._posts:
            if post.child is not None:
                post.child.wait_until_ready(lambda: self.stopping)

    def run(self) -> None:
        """Keeps the children alive until somebody wants the end.

        Raises:
            EnvironmentFault: one of them cannot be kept alive.
        """
        while not self.stopping:
            for post in self._posts:
                self._look_after(post, time.monotonic())
            time.sleep(_PAUSE)

    def stop(self) -> None:
        """Ends the children, the last one started first, and each before the next."""
        deadline = time.monotonic() + DRAIN.total_seconds()
        while self._posts:
            post = self._posts.pop()
            if post.child is not None:
                self._end(post.child, deadline)

    def _fill(self, post: _Post) -> None:
        post.child = Child(post.spec, self._voice)
        self._guard.watch(post.child.pid)
        self._roll.note(post.child.pid, post.spec.argv)

    def _look_after(self, post: _Post, now: float) -> None:
        if post.child is None:
            if now >= post.revive_at:
                self._fill(post)
            return
        if post.child.status is None:
            return
        name, ended = post.spec.name, post.child.how_it_ended()
        self._bury(post.child)
        post.deaths.append(now)
        delay = delay_after(post.deaths)
        if post.child.status in post.spec.hopeless:
            raise post.child.fault(f"'{name}' cannot work here ({ended})")
        if delay is None:
            raise post.child.fault(f"'{name}' keeps ending, the last time with {ended}")
        self._voice.say(f"'{name}' ended ({ended}); starting it again in {delay:g} s")
        post.child, post.revive_at = None, now + delay

    def _end(self, child: Child, deadline: float) -> None:
        child.ask_to_end()
        last = min(time.monotonic() + child.spec.drain.total_seconds(), deadline)
        while child.status is None and time.monotonic() < last and not self._signals.insisting:
            time.sleep(_PAUSE / 2)
        if child.status is None:
            self._voice.say(f"'{child.spec.name}' did not end in time; killing it")
        self._bury(child)
        child.join_output()

    def _bury(self, child: Child) -> None:
        """Ends what is left of a child, its own children included, and forgets it."""
        child.kill()
        self._guard.forget(child.pid)
        self._roll.strike(child.pid)


def run_until_stopped(home: Path, voice: Voice, start: Callable[[Supervisor], None]) -> None:
    """Runs what `start` starts until SIGINT, SIGTERM or SIGHUP, then ends it in order.

    Args:
        home: the folder that only one may run in.
        voice: where to say what happens.
        start: starts the children, and returns when they can be used.

    Raises:
        EnvironmentFault: another one runs in `home`, or a child cannot be kept alive.
    """
    with StopSignals().heeded() as signals, hold(home / "up.lock") as lock:
        roll = Roll(home / "children.json")
        if left := roll.end_remnants():
            voice.say(f"ended {left} servers that a killed run had left behind")
        guard = Guard(lock)
        supervisor = Supervisor(voice, guard, roll, signals)
        try:
            start(supervisor)
            supervisor.run()
            voice.say("stopping: what runs now is finished first (Ctrl-C again: at once)")
        finally:
            supervisor.stop()
            guard.dismiss()
        voice.say("stopped; nothing is lost")
