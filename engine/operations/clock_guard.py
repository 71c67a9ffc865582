"""Whether the clock can be trusted; while it cannot, mail waits (runtime.md, I18).

Waits, send windows, caps and leases all go by the store's one clock. Set a day forward, it would
end a day of waits at once and let every lease run out; set back, it would forget what was sent.
So a leap against a clock that nobody sets, or a time before what was committed, stops the mail
until the clock is right again or a person, who has looked, starts the worker anew.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.store import quick
from engine.store.database import Transaction
from engine.store.inserting import insert_new
from engine.store.tables import Heartbeat

LEAP = timedelta(minutes=5)
"""More than anything but a person, or a broken time server, moves a clock by."""

BEHIND = timedelta(seconds=30)
"""How far two machines' clocks may differ without anybody minding."""

LOOK = timedelta(minutes=1)
"""How soon waiting mail is looked at again, and how often the mark is moved on."""

MARK = "mail"

table: sa.Table = Heartbeat.__table__  # type: ignore[attr-defined]

_mark = sa.select(table).where(table.c.process == MARK)


def _steady() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(slots=True)
class ClockGuard:
    """One process's memory of how the two clocks went.

    Args:
        steady: seconds of a clock that nobody sets.
        stride: by how much time has moved at once to come to this moment: in a rehearsal only.
    """

    steady: Callable[[], float] = _steady
    stride: timedelta = timedelta()
    _seen: tuple[datetime, float] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, tx: Transaction) -> str:
        """Why mail must wait now; empty when it may go. Kept for `doctor` to say."""
        row = next(iter(quick.fetch(tx, _mark)), None)
        why = self._leapt(tx.now)
        if not why and row is not None and tx.now < row["at"] - BEHIND:
            why = f"the clock stands {_span(row['at'] - tx.now)} before the newest mail"
        _keep(tx, row, why)
        return why

    def _leapt(self, now: datetime) -> str:
        with self._lock:
            steady = self.steady()
            if self._seen is None:
                self._seen = (now, steady)
            then, steady_then = self._seen
            leap = (now - then) - timedelta(seconds=steady - steady_then)
            if abs(leap) <= LEAP:
                # From look to look, so that a slow drift never adds up to a leap.
                self._seen = (now, steady)
                return ""
        way = "forward" if leap > timedelta() else "back"
        return f"the clock leapt {way} by {_span(abs(leap))}"


def said(tx: Transaction) -> str:
    """Why mail waits because of the clock, as the sender last said; empty when it does not."""
    found = tx.conn.execute(sa.select(table.c.detail).where(table.c.process == MARK)).scalar()
    return found or ""


def _keep(tx: Transaction, row: quick.Row | None, why: str) -> None:
    if row is None:
        first = {"process": MARK, "kind": "clock", "at": tx.now, "detail": why}
        insert_new(tx, table, [first], key="process")
        return
    # The mark only moves forward, and only by a clock that is trusted: at most once a minute.
    moved = not why and tx.now - row["at"] >= LOOK
    if moved or why != row["detail"]:
        values = {"detail": why, "at": tx.now if moved else row["at"]}
        tx.conn.execute(sa.update(table).where(table.c.process == MARK).values(values))


def _span(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{max(minutes, 1)} min"
