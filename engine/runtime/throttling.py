"""Patience with a destination that throttles: how long it is left alone, and how mail goes on.

Each time it asks again it is left alone for twice as long; each calm while in which it takes mail
halves the next rest. Until all is forgotten, mail goes there slowly.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.runtime.pacing import Pace

FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(hours=1)
CALM = timedelta(seconds=30)
"""How long a destination must have been well for its level to fall by one."""

_HIGHEST = 8
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Patience:
    """How it stands with a destination: `level` 1 to 8; no mail goes there before `until`."""

    level: int
    until: datetime
    at: datetime
    reason: str = ""

    @property
    def pace(self) -> Pace:
        """How fast mail goes there from `until` on: one a second after the first time."""
        return Pace(max(2, 120 >> self.level), _MINUTE)

    @property
    def spread(self) -> timedelta:
        """Over how long mail that waits is spread behind `until`."""
        return max(_MINUTE, rest_of(self.level))


def rest_of(level: int) -> timedelta:
    """How long a destination is left alone: 30 s, doubled each time, an hour at most."""
    doublings: int = 2 ** (level - 1)
    return min(FIRST_REST * doublings, LONGEST_REST)


def throttled(known: Patience | None, reason: str, now: datetime) -> Patience:
    """After an answer that asks for patience; several during one rest count once."""
    if known is not None and now < known.until:
        return known
    level = min(_HIGHEST, (known.level if known else 0) + 1)
    return Patience(level, now + rest_of(level), now, reason)


def taken(known: Patience, now: datetime) -> Patience | None:
    """After mail was taken there; None: all is forgotten."""
    if now < known.until or now - max(known.at, known.until) < CALM:
        return known
    if known.level == 1:
        return None
    return Patience(known.level - 1, known.until, now, known.reason)
