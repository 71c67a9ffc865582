"""How long destinations take for a mail, as one process sees it: who is slow among them.

Kept in memory. What others must know of it, `engine.operations.slowness` writes down.
"""

import itertools
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

SLOW = 1.0
"""Seconds a mail from which on a destination is slow, unless others are about as slow."""

_TIMES_OTHERS = 3.0
_WELL = 0.5
"""A slow one must come below this share of what made it slow."""

_LAST = 9
"""Mails whose time is remembered of each destination: what most of them take is what counts.

A mean would not do: where one mail in ten takes two seconds, be it the mail server's doing, half of
a hundred destinations have had a mean of a second for a moment, and all their mail goes apart.
"""

_PROOF = 4
"""Mails without which nobody is slow: one or two are chance."""

_KEPT = 500
_LOOK = 0.25
"""Seconds for which it is remembered what is usual."""

_PAST = 600.0
"""Seconds after which it matters no more what was told."""

TELL_AGAIN = 60.0
"""Seconds after which it is said once more that a destination is slow."""


@dataclass(slots=True)
class _Destination:
    last: deque[float] = field(default_factory=lambda: deque(maxlen=_LAST))
    """Seconds that the newest mails took that have ended."""
    is_slow: bool = False
    told_at: float | None = None
    """When it was last written down that it is slow; None: it is not written down."""
    going: dict[int, float] = field(default_factory=dict)
    """When each mail that is under way was begun."""


@dataclass(slots=True)
class Speeds:
    """The speeds of destinations.

    A mail under way counts with the time that it has taken until now, so that a destination that
    hangs is known as slow before it has answered once.

    Args:
        slow: seconds a mail from which on a destination may be slow.
        clock: seconds that only ever grow.
    """

    slow: float = SLOW
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[str, _Destination] = field(default_factory=OrderedDict)
    _tickets: "itertools.count[int]" = field(default_factory=itertools.count)
    _usual: tuple[float, float] = (float("-inf"), 0.0)

    def begin(self, name: str) -> int:
        """A mail to a destination is begun; the answer is for `end`."""
        one = self._known.get(name)
        if one is None:
            one = self._known[name] = _Destination()
            self._forget_some()
        self._known.move_to_end(name)
        ticket = next(self._tickets)
        one.going[ticket] = self.clock()
        return ticket

    def end(self, name: str, ticket: int) -> None:
        """That mail has ended, in whatever way."""
        one = self._known.get(name)
        if one is None or (began := one.going.pop(ticket, None)) is None:
            return
        one.last.append(self.clock() - began)

    def is_slow(self, name: str) -> bool:
        """Whether a destination takes so long that others should not wait behind it."""
        one = self._known.get(name)
        if one is None:
            return False
        takes = self._takes(one)
        line = self.slow * (_WELL if one.is_slow else 1.0)
        if takes is None or takes < line:
            one.is_slow = False
        elif not one.is_slow:
            one.is_slow = takes > _TIMES_OTHERS * self._usually()
        return one.is_slow

    def news(self, names: Iterable[str]) -> dict[str, float | None]:
        """What should be written down of these: the seconds of a slow one, None: slow no more."""
        found: dict[str, float | None] = {}
        for name in names:
            one = self._known.get(name)
            if one is None:
                continue
            if self.is_slow(name):
                if one.told_at is None or self.clock() - one.told_at > TELL_AGAIN:
                    found[name] = self._takes(one)
            elif one.told_at is not None:
                found[name] = None
        return found

    def told(self, news: Mapping[str, float | None]) -> None:
        """The news are written down."""
        for name, seconds in news.items():
            if (one := self._known.get(name)) is not None:
                one.told_at = None if seconds is None else self.clock()

    def _takes(self, one: _Destination) -> float | None:
        """Seconds that most mails take, those under way that have taken long already included.

        None: too few to tell.
        """
        now, took = self.clock(), list(one.last)
        for began in itertools.islice(one.going.values(), _LAST):  # the oldest first
            if now - began < self.slow:
                break
            took.append(now - began)
        return _middle(took) if len(took) >= _PROOF else None

    def _usually(self) -> float:
        """What a mail takes at the fastest quarter of destinations; alone, one has no excuse."""
        at, usual = self._usual
        if self.clock() - at > _LOOK:
            middles = sorted(_middle(one.last) for one in self._known.values() if one.last)
            usual = middles[(len(middles) - 1) // 4] if len(middles) > 1 else 0.0
            self._usual = (self.clock(), usual)
        return usual

    def _forget_some(self) -> None:
        """The one that was asked longest ago goes, if nothing is under way to it or written."""
        if len(self._known) > _KEPT:
            for name, one in self._known.items():
                told = one.told_at
                if not one.going and (told is None or self.clock() - told > _PAST):
                    del self._known[name]
                    return


def _middle(seconds: Iterable[float]) -> float:
    """The median; in doubt, of two in the middle, the lesser."""
    inorder = sorted(seconds)
    return inorder[(len(inorder) - 1) // 2]
