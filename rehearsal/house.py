"""A whole runtime in memory: the operations of production over a store that is thrown away.

It holds no rules of its own. In the place of the drivers stands a loop that asks, delivers and
asks again; in the place of the mail server a transport that takes everything; in the place of the
wall clock a moment that the rehearsal moves. There is no other clock here.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol

from activities._advance import Progress, advance
from activities._send import Courier
from engine.errors import NeverWorksError
from engine.mail.links import LinkSigner
from engine.mail.transports.memory import MemoryTransport
from engine.operations import publish, published, score_sweep
from engine.operations.calls import are_calls
from engine.operations.clock_guard import ClockGuard
from engine.operations.editions import Edition, Folder, edition_with
from engine.operations.letters import Writer
from engine.operations.published import Current
from engine.playbook.plan import Plan
from engine.playbook.validate import Checked
from engine.store import enrollments
from engine.store.database import Store, Transaction
from engine.store.memory import MemoryStore
from rehearsal.calling import Calling

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_ROUNDS = 1000
_KEY = b"rehearsals sign nothing that anybody follows"


class RunClock:
    """The moment of a rehearsal, and a second clock that always agrees with it."""

    def __init__(self) -> None:
        self.now = _EPOCH

    def __call__(self) -> datetime:
        """The moment."""
        return self.now

    def steady(self) -> float:
        """Seconds of the clock that nobody sets."""
        return (self.now - _EPOCH).total_seconds()


def edition_of(folder: Folder, checked: Checked, playbooks: Mapping[str, Plan]) -> Edition:
    """An edition of these playbooks alone, whatever is wrong with the others."""
    return edition_with(folder, playbooks)


@dataclass(frozen=True, slots=True)
class Kept:
    """A house as it was: its store and its moment."""

    store: sqlite3.Connection
    now: datetime


class Runtime(Protocol):
    """What can be played on: a store, its moment, and something that does what is due."""

    clock: RunClock
    store: Store
    current: Current
    calls: Calling
    observe: Callable[[], None]

    def settle(self) -> datetime | None:
        """Does everything that is due now; answers when something is due next."""
        ...


class House:
    """The runtime in memory, for one edition.

    Args:
        edition: what is published in it.
        observe: called after every transaction of the loop, to see what it did.
    """

    def __init__(self, edition: Edition, observe: Callable[[], None] = lambda: None) -> None:
        self.clock = RunClock()
        self.memory = MemoryStore(self.clock)
        self.store: Store = self.memory
        self.observe = observe
        writer = Writer(LinkSigner([_KEY]), "http://127.0.0.1")
        guard = ClockGuard(self.clock.steady)
        self.courier = Courier(self.store, writer, MemoryTransport(), guard)
        self.calls = Calling(self.memory, guard)
        self.deliver: Callable[[str, str], None] = self._by_courier
        """Who carries a batch, on its queue."""
        self.nudged: set[str] = set()
        """Cohorts that something has happened to since they were last looked at."""
        self.store.on_commit(self.nudged.update)
        self._loop = asyncio.Runner()
        publish.publish(self.store, edition)
        self.current: Current = self.store.read(published.current)

    def __enter__(self) -> "House":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.close()
        self.store.close()

    def keep(self) -> Kept:
        """The house as it is now, for `take_up`."""
        return Kept(self.memory.keep(), self.clock.now)

    def take_up(self, kept: Kept) -> None:
        """Goes back to what was kept."""
        self.memory.take_up(kept.store)
        self.clock.now = kept.now

    def settle(self) -> datetime | None:
        """Does everything that is due now; answers when something is due next.

        Raises:
            NeverWorksError: it does not come to rest.
        """
        for _ in range(_MOST_ROUNDS):
            self.nudged.clear()
            answers = [self._advance(cohort) for cohort in self._cohorts()]
            batches = [batch for one in answers for batch in one.batches]
            for batch, queue in batches:
                self.deliver(batch, queue)
                self.observe()
            swept = score_sweep.sweep(self.store)
            times = [one.wake_at for one in answers if one.wake_at]
            falls = self.store.read(score_sweep.soonest)
            next_at = min(times + ([falls] if falls is not None else []), default=None)
            if swept.noticed:
                self.observe()
                continue
            if not batches and (next_at is None or next_at > self.clock.now):
                return next_at
        raise NeverWorksError("the playbook does not come to rest in one moment")

    def _by_courier(self, batch: str, queue: str) -> None:
        if are_calls(queue):
            self.calls.deliver(batch)
        else:
            self._loop.run(self.courier.deliver(batch))

    def _cohorts(self) -> list[str]:
        return self.store.read(_cohort_ids)

    def _advance(self, cohort: str) -> Progress:
        progress = advance(self.store, cohort)
        self.observe()
        # What is due within a moment counts as more, and a clock that stands never gets there.
        while progress.more and (progress.wake_at or self.clock.now) <= self.clock.now:
            progress = advance(self.store, cohort)
            self.observe()
        return progress


def _cohort_ids(tx: Transaction) -> list[str]:
    table = enrollments.cohort_table
    return [row[0] for row in tx.conn.execute(table.select().order_by(table.c.id))]
