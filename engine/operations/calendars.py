"""Calendars of the workspace as the runtime's business calendars."""

from datetime import date, timedelta, tzinfo

from engine.playbook.hours import parse_week
from engine.playbook.workspace import Calendar
from engine.playbook.workspace_values import Period
from engine.runtime import civil
from engine.runtime.calendar import BusinessCalendar

_DEFAULT = Calendar()


def calendar_of(declared: Calendar | None, zone: tzinfo) -> BusinessCalendar:
    """The declared calendar; none: Monday to Friday, 09:00 to 18:00, no holidays.

    Args:
        declared: a section of `calendars:`, or None.
        zone: the workspace's, for a calendar that names none.
    """
    one = declared or _DEFAULT
    return BusinessCalendar(
        zone=civil.zone(one.timezone) if one.timezone else zone,
        week=parse_week(one.hours),
        country=one.country,
        closed=_days(one.closed),
        opened=_days(one.open),
    )


def _days(periods: tuple[Period, ...]) -> frozenset[date]:
    return frozenset(
        period.first + timedelta(days=n)
        for period in periods
        for n in range((period.last - period.first).days + 1)
    )
