"""When a cron expression fires next, in a zone; it hides where cron libraries and clocks surprise.

croniter walks clock times without a zone, one match after another, and `walltime` names their
instants. So a job at a fixed time fires once in the hour that daylight saving repeats, and at the
end of the hour that it skips; a job at intervals (`*/30`) goes on firing in the repeated hour.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from croniter import CroniterBadDateError, croniter

from engine.playbook import walltime
from engine.playbook.cron import Cron, CronError, parse_cron

__all__ = ["Cron", "CronError", "next_fire", "parse_cron"]

_YEARS = 30  # further than any pair of leap years that share a weekday
_NEAR = timedelta(hours=3)


def next_fire(cron: Cron, after: datetime, zone: tzinfo) -> datetime | None:
    """The first instant later than `after` at which `cron` fires in `zone`, in UTC.

    None when there is none within 30 years.
    """
    after = after.astimezone(UTC)
    start = walltime.local(after, zone)
    found = next(
        (
            at
            for at in (walltime.instant(each, zone) for each in _matches(cron, start))
            if at > after
        ),
        None,
    )
    if cron.is_fixed or not _is_turned_back_near(after, zone):
        return found
    repeated = _next_repeated(cron, after, zone)
    return min((at for at in (found, repeated) if at is not None), default=None)


def _matches(cron: Cron, start: datetime) -> Iterator[datetime]:
    """The clock times after `start` at which `cron` fires."""
    walk = croniter(
        cron.plain, start, ret_type=datetime, day_or=True, max_years_between_matches=_YEARS
    )
    while True:
        try:
            yield walk.get_next(datetime)
        except CroniterBadDateError:
            return


def _is_turned_back_near(after: datetime, zone: tzinfo) -> bool:
    """Clocks are set back about now: a clock time may still come, or come again."""
    before, later = ((after + way * _NEAR).astimezone(zone) for way in (-1, 1))
    return (later.utcoffset() or timedelta(0)) < (before.utcoffset() or timedelta(0))


def _next_repeated(cron: Cron, after: datetime, zone: tzinfo) -> datetime | None:
    """The first match after `after` in the repeated hour, the second time it comes."""
    start = walltime.local(after, zone) - _NEAR
    for match in _matches(cron, start):
        if match > start + 3 * _NEAR:
            return None
        again = match.replace(tzinfo=zone, fold=1).astimezone(UTC)
        if again > after and walltime.local(again, zone) == match:
            return again
    return None
