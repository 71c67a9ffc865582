"""When our own people are told: notices gathered into one, and nobody woken in quiet hours. Pure.

A gathered notice goes at a moment of the clock on the wall, such as the next full hour, so that all
notices of that time fall together; it is never the moment at which the step was reached.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from engine.playbook import walltime
from engine.playbook.durations import parse_duration
from engine.playbook.hours import TimeRange

MORNING = "morning"
NINE = 9 * 60
"""Minutes since midnight: when the morning is where no calendar says when people begin."""

_FARTHEST = 400
"""Days in which a morning is looked for."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one person, or one room, may be told.

    Attributes:
        zone: where they are.
        quiet: from and to, in minutes since midnight, perhaps past midnight; None: at any time.
        opens: the next moment of their hours at or after one; None: nobody wrote hours down.
        off_hours: nothing is told outside these hours either.
    """

    zone: tzinfo
    quiet: TimeRange | None = None
    opens: Callable[[datetime], datetime] | None = None
    off_hours: bool = False


def told_at(now: datetime, every: str, manner: Manner) -> datetime:
    """When a notice of `now` is told.

    Args:
        now: when the step was reached.
        every: a length, `morning`, or a time of day; empty: at once.
        manner: of whoever is told.

    Returns:
        `now` itself where nothing speaks against it; with `every` always a later moment.
    """
    return _awake(_gathered(now, every, manner) if every else now, manner)


def minutes_of(clock: str) -> int:
    """The minutes since midnight of `08:30`."""
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


def is_time_of_day(every: str) -> bool:
    """Whether notices are gathered until a time of day, such as `08:30`."""
    return ":" in every


def _gathered(now: datetime, every: str, manner: Manner) -> datetime:
    if every == MORNING:
        return _morning(now, 1, manner)
    if is_time_of_day(every):
        return _at_clock(now, minutes_of(every), manner.zone)
    length = parse_duration(every)
    days = length.days + length.exact // timedelta(days=1)
    if days:
        return _morning(now, days, manner)
    return _aligned(now, length.exact, manner.zone)


def _aligned(now: datetime, length: timedelta, zone: tzinfo) -> datetime:
    """The next moment that lies a number of lengths after midnight; midnight is always one."""
    here = walltime.local(now, zone)
    midnight = _midnight(here)
    wanted = midnight + ((here - midnight) // length + 1) * length
    return _after(now, min(wanted, midnight + timedelta(days=1)), zone) or now + length


def _at_clock(now: datetime, minutes: int, zone: tzinfo) -> datetime:
    today = _midnight(walltime.local(now, zone))
    for day in range(3):
        found = _after(now, today + timedelta(days=day, minutes=minutes), zone)
        if found is not None:
            return found
    return now + timedelta(days=1)


def _morning(now: datetime, days: int, manner: Manner) -> datetime:
    """The next morning of a working day; of every so many days, counted from a Monday."""
    today = _midnight(walltime.local(now, manner.zone))
    for ahead in range(_FARTHEST):
        midnight = today + timedelta(days=ahead)
        if (midnight.toordinal() - 1) % days:
            continue
        found = _begins(midnight, manner)
        if found > now:
            return found
    return now + timedelta(days=days)


def _begins(midnight: datetime, manner: Manner) -> datetime:
    """When people begin on that day, or on the next one that they work."""
    if manner.opens is not None:
        return manner.opens(walltime.instant(midnight, manner.zone)).astimezone(UTC)
    return walltime.instant(midnight + timedelta(minutes=NINE), manner.zone).astimezone(UTC)


def _midnight(local: datetime) -> datetime:
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _after(now: datetime, local: datetime, zone: tzinfo) -> datetime | None:
    """The instant of a wall time that comes after `now`; of a doubled one the first that does."""
    found = walltime.instant(local, zone).astimezone(UTC)
    if found <= now:
        found = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return found if found > now else None


def _awake(at: datetime, manner: Manner) -> datetime:
    """`at`, or the end of the quiet hours that it falls into."""
    if manner.off_hours and manner.opens is not None:
        return max(at, manner.opens(at).astimezone(UTC))
    if manner.quiet is None:
        return at
    begins, ends = manner.quiet
    here = walltime.local(at, manner.zone)
    minute = here.hour * 60 + here.minute
    is_quiet = begins <= minute < ends if begins < ends else not ends <= minute < begins
    if not is_quiet:
        return at
    midnight = _midnight(here)
    day = midnight + timedelta(days=1) if minute >= ends else midnight
    return _after(at, day + timedelta(minutes=ends), manner.zone) or at
