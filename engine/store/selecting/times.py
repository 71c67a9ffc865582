"""Times in SQL: boundaries that depend on a record's zone, and how long ago something was.

No database is asked what a clock showed anywhere: Python works the boundaries out, one for each
zone that records have, and SQL compares instants.
"""

import math
from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

import sqlalchemy as sa

from engine.playbook import walltime
from engine.store.columns import Instant
from engine.store.selecting.asking import Asking
from engine.store.selecting.values import Day, Elapsed, Length, Moment, NotInSql, Sql, Truth, Whole

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_INSTANT = Instant()


def zoned(asking: Asking, of: Callable[[tzinfo], Any], kind: Any) -> Sql:
    """A constant that depends on the record's zone, as an expression.

    Raises:
        NotInSql: there is no such time in one of the zones.
    """
    try:
        usual = of(asking.zone)
        others: dict[Any, list[str]] = {}
        for name, zone in asking.known_zones:
            here = of(zone)
            if here != usual:
                others.setdefault(here, []).append(name)
    except (OverflowError, ValueError):
        raise NotInSql("a time at the calendar's end") from None
    constant = sa.literal(usual, kind)
    column = asking.zone_column
    if not others or column is None:
        return constant
    return sa.case(
        *((column.in_(names), sa.literal(value, kind)) for value, names in others.items()),
        else_=constant,
    )


def begin_of(day: date) -> Callable[[tzinfo], datetime]:
    """The instant at which a date begins, by the zone.

    Raises:
        NotInSql: clocks showed that midnight twice.
    """

    def begin(zone: tzinfo) -> datetime:
        midnight = datetime(day.year, day.month, day.day)
        at = walltime.instant(midnight, zone)
        late = midnight.replace(tzinfo=zone, fold=1)
        if (
            walltime.local(at, zone) == midnight
            and late.utcoffset() != at.astimezone(zone).utcoffset()
        ):
            raise NotInSql(f"a midnight of {day} that clocks showed twice")
        return at

    return begin


def moment_beside_date(asking: Asking, order: str, moment: Moment, day: date) -> Truth:
    """`moment order day`: the moment's date on the record's calendar is compared."""
    try:
        following = day + _DAY
    except OverflowError:
        raise NotInSql("a time at the calendar's end") from None
    starts = zoned(asking, begin_of(day), _INSTANT)
    ends = zoned(asking, begin_of(following), _INSTANT)
    at = moment.sql
    match order:
        case "==":
            return Truth(sa.and_(at >= starts, at < ends))
        case "!=":
            return Truth(sa.or_(at < starts, at >= ends))
        case "<":
            return Truth(at < starts)
        case "<=":
            return Truth(at < ends)
        case ">":
            return Truth(at >= ends)
        case _:
            return Truth(at >= starts)


def literal_moment(asking: Asking, at: datetime) -> Sql:
    """A moment that is written down; without an offset it is on the clock of the record's zone."""
    if at.tzinfo is not None:
        return sa.literal(at, _INSTANT)
    return zoned(asking, lambda zone: walltime.instant(at, zone), _INSTANT)


def today(asking: Asking) -> Sql:
    """The date of now, on the record's calendar."""
    return zoned(asking, lambda zone: walltime.local(asking.now, zone).date().isoformat(), sa.Text)


def date_of(asking: Asking, at: datetime) -> Sql:
    """The date of a written moment, on the record's calendar."""
    if at.tzinfo is None:
        return sa.literal(at.date().isoformat(), sa.Text)
    return zoned(asking, lambda zone: walltime.local(at, zone).date().isoformat(), sa.Text)


def within(asking: Asking, days: int, exact: timedelta) -> Sql:
    """The instant that long before now, on the record's calendar."""
    return zoned(
        asking,
        lambda zone: walltime.shift(asking.now, zone, days=-days, exact=-exact),
        _INSTANT,
    )


def elapsed_beside(asking: Asking, elapsed: Elapsed, order: str, number: float) -> Truth:
    """`elapsed order number`, turned into a comparison of the time itself."""
    if not math.isfinite(number) or abs(number) > 1e9:
        raise NotInSql(f"a time of {number} units")
    least, above = math.ceil(number), math.floor(number) + 1
    match order:
        case ">=":
            return Truth(_at_least(asking, elapsed, least))
        case ">":
            return Truth(_at_least(asking, elapsed, above))
        case "<":
            return Truth(sa.not_(_at_least(asking, elapsed, least)))
        case "<=":
            return Truth(sa.not_(_at_least(asking, elapsed, above)))
    if least == above:  # no whole number of units is a fraction
        known = elapsed.subject.sql.is_not(None)
        return Truth(known if order == "!=" else sa.false(), may_be_null=False)
    equal = sa.and_(_at_least(asking, elapsed, least), sa.not_(_at_least(asking, elapsed, above)))
    return Truth(equal if order == "==" else sa.not_(equal))


def _at_least(asking: Asking, elapsed: Elapsed, units: int) -> Sql:
    """Whether at least so many units have passed (or are still to come)."""
    subject, sign = elapsed.subject, elapsed.sign
    try:
        if isinstance(subject, Moment):
            edge: Sql = sa.literal(asking.now - sign * units * elapsed.unit, _INSTANT)
            return subject.sql <= edge if sign > 0 else subject.sql >= edge
        days = -(-units // (_DAY // elapsed.unit))  # rounded up
        by = timedelta(days=-sign * days)
        edge = zoned(
            asking,
            lambda zone: (walltime.local(asking.now, zone).date() + by).isoformat(),
            sa.Text,
        )
        return subject.sql <= edge if sign > 0 else subject.sql >= edge
    except OverflowError:
        raise NotInSql(f"a time of {units} units") from None


def counted(asking: Asking, elapsed: Elapsed) -> Whole:
    """The elapsed units as a number, rounded down."""
    subject, sign = elapsed.subject, elapsed.sign
    if isinstance(subject, Day):
        days = asking.speech.days_between(today(asking), subject.sql)
        return Whole(days * sa.literal(sign * (_DAY // elapsed.unit), sa.BigInteger), 2**30)
    now = asking.speech.micros(sa.literal(asking.now, _INSTANT))
    past = (now - asking.speech.micros(subject.sql)) * sa.literal(sign, sa.BigInteger)
    unit = sa.literal(elapsed.unit // _MICROSECOND, sa.BigInteger)
    rest = (past % unit + unit) % unit  # both databases round towards zero
    return Whole(sa.type_coerce((past - rest).op("/", precedence=8)(unit), sa.BigInteger), 2**40)


def difference(asking: Asking, one: Moment | Day, other: Moment | Day) -> Length:
    """How long it is from `other` to `one`.

    Raises:
        NotInSql: one is a date and the other a moment.
    """
    micros = asking.speech.micros
    if isinstance(one, Moment) and isinstance(other, Moment):
        return Length(micros(one.sql) - micros(other.sql))
    if isinstance(one, Day) and isinstance(other, Day):
        day = sa.literal(_DAY // _MICROSECOND, sa.BigInteger)
        return Length(asking.speech.days_between(one.sql, other.sql) * day)
    raise NotInSql("arithmetic with a date and a moment")


def length_literal(length: timedelta) -> Sql:
    """A length of time as a parameter."""
    return sa.literal(length // _MICROSECOND, sa.BigInteger)
