"""The sender's rate and warm-up over all workers: rows say when the next mail may leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.calls.channels import ADAPTERS
from engine.operations.published import Current
from engine.playbook.durations import parse_duration
from engine.playbook.workspace import WarmUp
from engine.runtime.pacing import Pace, next_slot
from engine.runtime.sending import Defer, Go
from engine.store.database import Transaction
from engine.store.inserting import upsert
from engine.store.tables import Pace as PaceRow

table: sa.Table = PaceRow.__table__  # type: ignore[attr-defined]

HAS_SLOT = "waits for its turn under the sender's rate"
"""The reason of a deferred mail that has been given its slot, and needs no second one."""

HAS_PLACE = "waits for its turn: the room takes so many messages a minute"
"""The same, of a notice to a chat room."""

_WARM = 5_000_000
"""Mails a day from which on a warm-up limits nothing any more."""


@dataclass(slots=True)
class Pacer:
    """Gives out slots within one transaction; the rows are locked until it ends.

    Args:
        tx: the open transaction.
        paces: what limits the sender now, by name; empty: nothing does.
        current: what is published.
    """

    tx: Transaction
    paces: Mapping[str, Pace]
    current: Current
    _next_at: dict[str, datetime] = field(default_factory=dict)
    _turned_away: dict[str, int] = field(default_factory=dict)
    _moved: bool = False

    @classmethod
    def load(cls, tx: Transaction, current: Current) -> "Pacer":
        """The sender's paces as they stand; where nothing limits, nothing is read."""
        paces = paces_of(current, tx.now)
        if not paces:
            return cls(tx, paces, current)
        query = sa.select(table.c.scope, table.c.next_at).where(table.c.scope.in_(list(paces)))
        if tx.is_postgres:
            query = query.order_by(table.c.scope).with_for_update()
        known = {row.scope: row.next_at for row in tx.conn.execute(query)}
        return cls(tx, paces, current, known)

    def slot(self, reason: str) -> Go | Defer:
        """Whether a mail that may otherwise go leaves now, or when.

        Args:
            reason: of the job as it stands: a mail that waited for its slot goes.
        """
        if not self.paces or reason == HAS_SLOT:
            return Go()
        latest = self.tx.now
        for scope, pace in self.paces.items():
            slot, self._next_at[scope] = next_slot(pace, self._next_at.get(scope), self.tx.now)
            latest = max(latest, slot)
        self._moved = True
        return Go() if latest <= self.tx.now else Defer(latest, HAS_SLOT)

    def room(self, channel: str, reason: str) -> Go | Defer:
        """Whether a notice leaves now, or when, under the limit of the room that it goes to.

        A notice gets its place in the queue once. At the door it is looked at again, because after
        a standstill many places have come at the same time.
        """
        place = self.current.workspace.channels.get(channel)
        adapter = ADAPTERS.get(place.type) if place else None
        if adapter is None:
            return Go()
        pace, queue, door = Pace(adapter.most, adapter.per), f"queue {channel}", f"door {channel}"
        if reason != HAS_PLACE:
            slot, self._next_at[queue] = next_slot(pace, self._known(queue), self.tx.now)
            self._moved = True
            if slot > self.tx.now:
                return Defer(slot, HAS_PLACE)
        slot, following = next_slot(pace, self._known(door), self.tx.now)
        if slot > self.tx.now:
            # Nothing is reserved here, or whoever comes back would stand behind its own place.
            self._turned_away[door] = turned = self._turned_away.get(door, -1) + 1
            return Defer(slot + pace.interval * turned, HAS_PLACE)
        self._next_at[door] = following
        self._moved = True
        return Go()

    def _known(self, scope: str) -> datetime | None:
        """Where a pace stands, locked until the transaction ends."""
        if scope not in self._next_at:
            query = sa.select(table.c.scope, table.c.next_at).where(table.c.scope == scope)
            if self.tx.is_postgres:
                query = query.with_for_update()
            self._next_at |= {row.scope: row.next_at for row in self.tx.conn.execute(query)}
        return self._next_at.get(scope)

    def flush(self) -> None:
        """Writes where the paces stand now."""
        if self._moved:
            rows = [{"scope": scope, "next_at": at} for scope, at in sorted(self._next_at.items())]
            upsert(self.tx, table, rows, keys=["scope"], update=["next_at"])


def paces_of(current: Current, now: datetime) -> dict[str, Pace]:
    """What limits the sender at `now`: its rate, and its warm-up's volume of the day."""
    sender = current.workspace.sender
    found = {}
    if sender.rate is not None:
        found["rate"] = Pace(sender.rate.count, parse_duration(sender.rate.per).rough)
    if sender.warm_up is not None:
        count = daily_volume(sender.warm_up, now.astimezone(current.zone))
        if count is not None:
            found["warm-up"] = Pace(count, timedelta(days=1))
    return found


def daily_volume(plan: WarmUp, local_now: datetime) -> int | None:
    """Mails that a warm-up allows on this day; None: it has not begun, or limits nothing more."""
    days = (local_now.date() - plan.from_).days
    if days < 0:
        return None
    volume: float = plan.start
    for _ in range(days):
        volume *= plan.grow
        if volume >= _WARM:
            return None
    return max(1, int(volume))
