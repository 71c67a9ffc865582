"""The sender's rate, its warm-up and the rates of destinations, over all workers.

Rows say when the next mail may leave. A mail has a place in the queue of its lane, so that nobody
looks at it before; when its place has come it is looked at again, at the door that all lanes share.
A bulk always leaves a part of the burst at the door to lone leads, who are waited for by nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from engine.calls.channels import ADAPTERS
from engine.operations import slowness, throttles
from engine.operations.published import Current
from engine.playbook.durations import parse_duration
from engine.playbook.providers import destination_of
from engine.playbook.workspace import WarmUp
from engine.playbook.workspace_values import EVERY_OTHER, Rate
from engine.runtime.pacing import Pace, next_slot
from engine.runtime.sending import Defer, Go
from engine.runtime.throttling import Patience
from engine.store.database import Transaction
from engine.store.inserting import upsert
from engine.store.sending_tables import Pace as PaceRow

table: sa.Table = PaceRow.__table__  # type: ignore[attr-defined]

_TURN = "waits for its turn"
"""How the reason of a mail begins that has a place: when it comes back, it goes to the door."""

HAS_SLOT = f"{_TURN} under the sender's rate"
"""The reason of a mail that waits for the sender's own rate or warm-up."""

GOES_APART = "goes apart: mail takes long there"
"""The reason of a mail that is taken out of a batch, to be put into one for its destination."""

HAS_PLACE = f"{_TURN}: the room takes so many messages a minute"
"""The same, of a notice to a chat room."""

FARTHEST = timedelta(days=1)
"""No place under a rate is given out beyond: rates change, and a warm-up grows, meanwhile."""

_WARM = 5_000_000
"""Mails a day from which on a warm-up limits nothing any more."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A pace that a mail must keep, and what is said of a mail that waits for it.

    No place is given out beyond `farthest`.
    """

    pace: Pace
    reason: str
    farthest: timedelta = FARTHEST


@dataclass(slots=True)
class Pacer:
    """Gives out slots within one transaction; the rows are locked until it ends.

    Args:
        tx: the open transaction.
        limits: what limits every mail now, by scope; empty: nothing does.
        current: what is published.
        throttled: the destinations that asked for patience.
        slow: the destinations to which mail goes in batches of its own only.
        stride: by how much time has moved at once, in a rehearsal (`next_slot`).
    """

    tx: Transaction
    limits: Mapping[str, Limit]
    current: Current
    throttled: Mapping[str, Patience] = field(default_factory=dict)
    slow: frozenset[str] = frozenset()
    stride: timedelta = timedelta()
    _next_at: dict[str, datetime] = field(default_factory=dict)
    _turned_away: dict[str, int] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)

    @classmethod
    def load(
        cls,
        tx: Transaction,
        current: Current,
        addresses: Iterable[str] = (),
        *,
        apart: bool = True,
    ) -> "Pacer":
        """The paces as they stand; where nothing limits, nothing is read.

        `apart`: mail that goes apart already, or none; other mail does not go to slow destinations.
        """
        slow = frozenset[str]() if apart else slowness.standing(tx)
        pacer = cls(tx, limits_of(current, tx.now), current, throttles.standing(tx), slow)
        scopes = {scope for one in set(addresses) for scope in pacer._limits_for(one)}
        for account in current.workspace.sender.accounts:
            scopes |= _of(current, account).keys()
        pacer._read({f"{scope}{queue}" for scope in scopes for queue in _QUEUES})
        return pacer

    def slot(
        self, reason: str, address: str = "", *, lane: str = "live", via: str = ""
    ) -> Go | Defer:
        """Whether a mail that may otherwise go leaves now, or when.

        Args:
            reason: of the job as it stands: one that has a place in the queue goes to the door.
            address: where it goes to.
            lane: `live`, or `bulk`, which leaves lone leads their part of the burst.
            via: the mail account that it goes by, or empty.
        """
        rest = self.rest(address)
        if rest is not None:
            return rest
        if self.slow and destination_of(address) in self.slow:
            # Whoever has a place in the queue keeps it.
            return Defer(self.tx.now, reason if reason.startswith(_TURN) else GOES_APART)
        limits = self._limits_for(address)
        if via:
            limits |= _of(self.current, via)
        if not limits:
            return Go()
        if not reason.startswith(_TURN):
            places = {scope: self._place(f"{scope} {lane}", one) for scope, one in limits.items()}
            last = max(places, key=lambda scope: places[scope])
            if places[last] > self.tx.now:
                return Defer(places[last], limits[last].reason)
        return self._door(limits, lane)

    def _door(self, limits: Mapping[str, Limit], lane: str) -> Go | Defer:
        """All doors are open, or the mail gets a place before those that are not."""
        after, shut = {}, {}
        for scope, limit in limits.items():
            spare = limit.pace.spare if lane == "bulk" else 0
            opens, after[scope] = self._slot(limit.pace, self._next_at.get(scope), spare)
            if opens > self.tx.now:
                shut[scope] = self._place(f"{scope} {lane} again", limit, not_before=opens)
        if not shut:
            self._next_at |= after
            self._moved |= after.keys()
            return Go()
        last = max(shut, key=lambda scope: shut[scope])
        return Defer(shut[last], limits[last].reason)

    def _place(self, queue: str, limit: Limit, *, not_before: datetime | None = None) -> datetime:
        """The next place in a queue; beyond the farthest it begins at its front again."""
        known = self._next_at.get(queue)
        if not_before is not None:
            known = max(known, not_before) if known is not None else not_before
        place, following = self._slot(limit.pace, known)
        if place > self.tx.now + limit.farthest:
            place, following = place - limit.farthest, following - limit.farthest
        self._next_at[queue] = following
        self._moved.add(queue)
        return max(place, not_before or place)

    def _slot(
        self, pace: Pace, next_at: datetime | None, spare: int = 0
    ) -> tuple[datetime, datetime]:
        return next_slot(pace, next_at, self.tx.now, spare=spare, stride=self.stride)

    def rest(self, address: str) -> Defer | None:
        """Until where this mail goes has had its rest, and then spread, not all in one moment.

        None: mail may go there.
        """
        name = destination_of(address)
        patience = self.throttled.get(name)
        if patience is None or self.tx.now >= patience.until:
            return None
        queue = f"rest {name}"
        self._known(queue)
        place = max(self._next_at.get(queue, patience.until), patience.until)
        if place > patience.until + patience.spread:
            place = patience.until
        self._next_at[queue] = place + patience.pace.interval
        self._moved.add(queue)
        return Defer(place, resting(name, patience))

    def _limits_for(self, address: str) -> dict[str, Limit]:
        """The sender's own limits, and those of where this mail goes."""
        limits = dict(self.limits)
        name = destination_of(address)
        rate = rate_to(self.current, name) if address else None
        if rate is not None:
            reason = f"{_TURN}: {name} gets {rate.count} mails per {rate.per.removeprefix('1 ')}"
            limits[f"to {name}"] = Limit(_pace(rate), reason)
        patience = self.throttled.get(name)
        if patience is not None:
            reason = f"{_TURN}: {name} throttled, so mail goes there slowly"
            limits[f"calm {name}"] = Limit(patience.pace, reason, patience.spread)
        return limits

    def _read(self, scopes: Iterable[str]) -> None:
        """Where these paces stand, locked in one order until the transaction ends."""
        wanted = sorted(set(scopes))
        if not wanted:
            return
        query = sa.select(table.c.scope, table.c.next_at).where(table.c.scope.in_(wanted))
        if self.tx.is_postgres:
            query = query.order_by(table.c.scope).with_for_update()
        self._next_at |= {row.scope: row.next_at for row in self.tx.conn.execute(query)}

    def room(self, channel: str, reason: str, *, lane: str = "live") -> Go | Defer:
        """Whether a notice leaves now, or when, under the limit of the room that it goes to.

        A notice gets its place in the queue of its lane once. At the door it is looked at again,
        because after a standstill many places have come at the same time, and because of the other
        lane.
        """
        place = self.current.workspace.channels.get(channel)
        adapter = ADAPTERS.get(place.type) if place else None
        if adapter is None:
            return Go()
        pace, door = Pace(adapter.most, adapter.per), f"door {channel}"
        queue = f"queue {channel} {lane}"
        if reason != HAS_PLACE:
            slot, self._next_at[queue] = self._slot(pace, self._known(queue))
            self._moved.add(queue)
            if slot > self.tx.now:
                return Defer(slot, HAS_PLACE)
        spare = pace.spare if lane == "bulk" else 0
        slot, following = self._slot(pace, self._known(door), spare)
        if slot > self.tx.now:
            # Nothing is reserved here, or whoever comes back would stand behind its own place.
            self._turned_away[door] = turned = self._turned_away.get(door, -1) + 1
            return Defer(slot + pace.interval * turned, HAS_PLACE)
        self._next_at[door] = following
        self._moved.add(door)
        return Go()

    def _known(self, scope: str) -> datetime | None:
        """Where a pace stands, locked until the transaction ends."""
        if scope not in self._next_at:
            self._read([scope])
        return self._next_at.get(scope)

    def flush(self) -> None:
        """Writes where the paces stand now."""
        if self._moved:
            rows = [{"scope": one, "next_at": self._next_at[one]} for one in sorted(self._moved)]
            upsert(self.tx, table, rows, keys=["scope"], update=["next_at"])


_QUEUES = ("", " live", " live again", " bulk", " bulk again")


def limits_of(current: Current, now: datetime) -> dict[str, Limit]:
    """What limits the sender at `now`: its rate, and its warm-up's volume of the day."""
    sender = current.workspace.sender
    found = {}
    if sender.rate is not None:
        found["rate"] = Limit(_pace(sender.rate), HAS_SLOT)
    if sender.warm_up is not None:
        count = daily_volume(sender.warm_up, now.astimezone(current.zone))
        if count is not None:
            found["warm-up"] = Limit(Pace(count, timedelta(days=1)), HAS_SLOT)
    return found


def _of(current: Current, account: str) -> dict[str, Limit]:
    """The limit of a mail account's own."""
    known = current.workspace.sender.accounts.get(account)
    if known is None or known.rate is None:
        return {}
    rate = known.rate
    reason = f"{_TURN}: '{account}' takes {rate.count} mails per {rate.per.removeprefix('1 ')}"
    return {f"via {account}": Limit(_pace(rate), reason)}


def rate_to(current: Current, destination: str) -> Rate | None:
    """The rate of mail to a destination: its own, else that of every other one."""
    rates = current.workspace.sender.destinations
    own = (rate for domain, rate in rates.items() if destination_of(domain) == destination)
    return next(own, rates.get(EVERY_OTHER))


def resting(name: str, patience: Patience) -> str:
    """What is said of mail to a destination that is left alone."""
    return f"{name} throttles and is left alone for a while: it answered '{patience.reason}'"[:300]


def _pace(rate: Rate) -> Pace:
    return Pace(rate.count, parse_duration(rate.per).rough)


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
