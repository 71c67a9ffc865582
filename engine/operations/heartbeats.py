"""Signs of life: processes that say they are there and how busy, so that people can tell."""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from engine import metrics
from engine.store.database import Store, Transaction
from engine.store.inserting import upsert
from engine.store.tables import Heartbeat

MINUTE = 60.0
FORGOTTEN = timedelta(days=1)
"""How long a process is remembered that is silent."""

_MAIL = ("email", "accepted")

table: sa.Table = Heartbeat.__table__  # type: ignore[attr-defined]


def beat(store: Store, process: str, kind: str, detail: str = "") -> None:
    """Says that `process` (a host and a pid) lives; `detail`: what it tells of itself."""

    def work(tx: Transaction) -> None:
        row = {"process": process, "kind": kind, "at": tx.now, "detail": detail}
        upsert(tx, table, [row], keys=["process"], update=["at", "detail"])
        gone = sa.and_(table.c.kind == kind, table.c.at < tx.now - FORGOTTEN)
        tx.conn.execute(sa.delete(table).where(gone))

    store.write(work)


@dataclass(slots=True)
class Vitals:
    """What a process tells of itself: its build, and what it did within the last minute.

    Args:
        build: the build that it runs.
        clock: seconds that never go back.
    """

    build: str
    clock: Callable[[], float] = time.monotonic
    _seen: deque[tuple[float, float, float]] = field(default_factory=deque)

    def detail(self) -> str:
        """The text that goes with a sign of life."""
        steps = sum(metrics.STEPS.totals.values())
        mails = metrics.MESSAGES.totals.get(_MAIL, 0.0)
        now = self.clock()
        self._seen.append((now, steps, mails))
        while len(self._seen) > 1 and self._seen[1][0] <= now - MINUTE:
            self._seen.popleft()
        _, steps_then, mails_then = self._seen[0]
        told = {"build": self.build, "steps": steps - steps_then, "mails": mails - mails_then}
        return json.dumps(told)
