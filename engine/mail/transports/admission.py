"""Who gets the next connection: destinations in turn, and the slow ones never all there are."""

import asyncio
from collections import Counter, OrderedDict, deque

from engine.mail.transports.speeds import Speeds


class Admission:
    """Places on the connections of one server.

    One destination may have `places` of them. A few spare ones are there for others, so that a
    destination that takes its time never holds all: those that are slow share `places` among them.
    Whoever waits is let in by destinations in turn, not in the order of coming.

    Args:
        places: connections for one destination.
        spare: connections besides, for all others.
        speeds: who is slow.
    """

    def __init__(self, places: int, spare: int, speeds: Speeds) -> None:
        self._places = places
        self._all = places + spare
        self._speeds = speeds
        self._inside: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[bool]]] = OrderedDict()

    async def enter(self, name: str) -> None:
        """Waits for a place; whoever is cancelled meanwhile has none."""
        place = asyncio.get_running_loop().create_future()
        if self.ask(name, place):
            return
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave(name)
            else:
                self._drop(name, place)
            raise

    def ask(self, name: str, place: "asyncio.Future[bool]") -> bool:
        """Whether there is a place now; else `place` comes true once there is, unless it is done.

        Whoever does not want it any more has `place` done before, and never leaves.
        """
        if name not in self._waiting and self._may(name):
            self._inside[name] += 1
            return True
        self._waiting.setdefault(name, deque()).append(place)
        return False

    def follower(self, name: str) -> "tuple[str, asyncio.Future[bool]] | None":
        """Who would get in if one of `name` left now: its destination and its `place`."""
        self._inside[name] -= 1
        found = next((one for one in [*self._waiting] if self._may(one) and self._wait(one)), None)
        self._inside[name] += 1
        return None if found is None else (found, self._waiting[found][0])

    def hand_over(self, name: str, follower: str) -> None:
        """Gives a place of `name` to whom `follower` told of, whose own `place` is left alone."""
        self._inside[name] -= 1
        self._take(follower)

    def leave(self, name: str) -> None:
        """Gives a place back; whose turn it is gets in."""
        self._inside[name] -= 1
        if self._inside[name] <= 0:
            del self._inside[name]
        self._let_in()

    def _may(self, name: str) -> bool:
        if self._inside.total() >= self._all or self._inside[name] >= self._places:
            return False
        if not self._speeds.is_slow(name):
            return True
        slow = sum(many for one, many in self._inside.items() if self._speeds.is_slow(one))
        return slow < self._places

    def _let_in(self) -> None:
        """Those whose turn it is, until no more may."""
        let_in = True
        while let_in:
            let_in = False
            for name in list(self._waiting):
                if self._may(name) and self._wait(name):
                    self._take(name).set_result(True)
                    let_in = True

    def _wait(self, name: str) -> bool:
        """Whether anybody still waits for a place of that name."""
        waiting = self._waiting[name]
        while waiting and waiting[0].done():
            waiting.popleft()  # it was cancelled, and has not heard of it yet
        if not waiting:
            del self._waiting[name]
        return bool(waiting)

    def _take(self, name: str) -> "asyncio.Future[bool]":
        """Lets in who came first of a name; others come before its next one."""
        waiting = self._waiting.pop(name)
        place = waiting.popleft()
        self._inside[name] += 1
        if waiting:
            self._waiting[name] = waiting
        return place

    def _drop(self, name: str, place: "asyncio.Future[bool]") -> None:
        waiting = self._waiting.get(name)
        if waiting is not None and place in waiting:
            waiting.remove(place)
            if not waiting:
                del self._waiting[name]
