"""Clock time in a zone and the instants it names; it never makes a time that does not exist.

A clock time that daylight saving skips is the first instant after the gap; one that it repeats is
the first of the two. Python's own arithmetic on zoned datetimes does neither.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo


def instant(local: datetime, zone: tzinfo) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show `local` (a naive datetime)."""
    at = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None, fold=0) == local:
        return at
    return _gap_end(local, zone)


def local(at: datetime, zone: tzinfo) -> datetime:
    """What clocks in `zone` show at `at`: a naive datetime."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def shift(
    at: datetime, zone: tzinfo, *, months: int = 0, days: int = 0, exact: timedelta = timedelta(0)
) -> datetime:
    """`at` moved by months and days on the calendar of `zone`, then by an exact length.

    The 31st becomes the last day of a shorter month. Negative parts move back.
    """
    moved = at.astimezone(UTC)
    if months or days:
        moved = instant(plus_months(local(moved, zone), months) + timedelta(days=days), zone)
    return moved + exact


def plus_months(moment: datetime, months: int) -> datetime:
    """`moment` so many months on: the same day, or the month's last."""
    if not months:
        return moment
    year, index = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(
        year=year, month=index + 1, day=min(moment.day, monthrange(year, index + 1)[1])
    )


def _gap_end(skipped: datetime, zone: tzinfo) -> datetime:
    """The instant at which the clock jumps over `skipped`."""
    # fold=1 reads with the offset after the jump, fold=0 with the one before: they enclose it.
    before = skipped.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = skipped.replace(tzinfo=zone, fold=0).astimezone(UTC)
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        middle = middle.replace(microsecond=0)
        if middle <= before:
            break
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
