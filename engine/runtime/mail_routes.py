"""By which mail account a mail leaves, and when one that is down is tried again. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

TRIES = 3
"""An account that could not be entered so many times in a row is down."""

FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Trouble:
    """An account that could not be entered: how often in a row, since when, until when it rests."""

    failures: int
    until: datetime
    since: datetime
    reason: str = ""

    @property
    def is_down(self) -> bool:
        """Whether mail goes by its fallback."""
        return self.failures >= TRIES


def failed(known: Trouble | None, reason: str, now: datetime) -> Trouble:
    """After one more try that failed; several while an account rests count once."""
    if known is not None and known.is_down and now < known.until:
        return known
    failures = (known.failures if known else 0) + 1
    rest = timedelta()
    if failures >= TRIES:
        doublings: int = 2 ** min(failures - TRIES, 8)
        rest = min(FIRST_REST * doublings, LONGEST_REST)
    return Trouble(failures, now + rest, known.since if known else now, reason)


def chain(wanted: str, fallback_of: Callable[[str], str]) -> Iterator[str]:
    """An account and whatever stands in for it, each once."""
    seen: set[str] = set()
    while wanted and wanted not in seen:
        seen.add(wanted)
        yield wanted
        wanted = fallback_of(wanted)


@dataclass(frozen=True, slots=True)
class Way:
    """The account to go by now; or, without one, when to look again and why."""

    account: str = ""
    until: datetime | None = None
    why: str = ""


def way(
    accounts: list[str], troubles: Mapping[str, Trouble], now: datetime, *, tried: set[str]
) -> Way:
    """The first account of a chain that is not down.

    Args:
        accounts: the wanted one first, then its fallbacks; at least one.
        troubles: those that could not be entered.
        now: the moment of the decision.
        tried: accounts down whose rest is over and that another mail of this window tries: one
            mail finds out, the others go by the fallback. Added to.
    """
    down = {}
    for name in accounts:
        trouble = troubles.get(name)
        if trouble is None or not trouble.is_down:
            return Way(name)
        if now >= trouble.until and name not in tried:
            tried.add(name)
            return Way(name)
        down[name] = trouble
    first = min(down, key=lambda name: down[name].until)
    if now >= down[first].until:
        return Way(first)
    return Way(until=down[first].until, why=said(first, down[first]))


def said(name: str, trouble: Trouble) -> str:
    """What is told of an account that is down."""
    return f"the mail account '{name}' is down: {trouble.reason}"[:300]
