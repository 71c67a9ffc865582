"""When mail may go: the days and hours of a send window, in the lead's zone or a fixed one.

The window's own days and hours hold. A calendar only takes holidays out and puts make-up working
days (调休) in; its opening hours are not asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from engine.playbook.hours import TimeRange, parse_days, parse_hours
from engine.runtime.calendar import BusinessCalendar
from engine.runtime.civil import zone as zone_named


@dataclass(frozen=True, eq=False)
class SendWindow:
    """The days and hours in which mail may go.

    Args:
        days: the days of the week; 0 is monday.
        hours: the ranges of each of those days.
        zone: the zone they are in; None: the zone of each lead.
        calendar: whose holidays are left out and whose make-up days are put in; None: neither.
    """

    days: frozenset[int]
    hours: tuple[TimeRange, ...]
    zone: tzinfo | None = None
    calendar: BusinessCalendar | None = None
    _in_zone: dict[tzinfo, BusinessCalendar] = field(default_factory=dict, repr=False, init=False)

    def is_open(self, at: datetime, lead_zone: tzinfo) -> bool:
        """Mail may go at `at`."""
        return self._calendar(lead_zone).is_open(at)

    def next_open(self, at: datetime, lead_zone: tzinfo) -> datetime:
        """`at` itself when mail may go then, else the next instant when it may, in UTC."""
        return self._calendar(lead_zone).next_opening(at)

    def _calendar(self, lead_zone: tzinfo) -> BusinessCalendar:
        zone = self.zone or lead_zone
        found = self._in_zone.get(zone)
        if found is None:
            rules = self.calendar
            found = self._in_zone[zone] = BusinessCalendar(
                zone=zone,
                week=dict.fromkeys(self.days, self.hours),
                country=rules.country if rules else "",
                closed=rules.closed if rules else frozenset(),
                opened=rules.opened if rules else frozenset(),
            )
        return found


def send_window(
    *,
    days: str | Iterable[str] = "mon-sun",
    hours: str | Iterable[str] = "00:00-24:00",
    timezone: str = "lead",
    calendar: BusinessCalendar | None = None,
) -> SendWindow:
    """The window that a playbook describes; what it leaves out does not limit.

    Raises:
        HoursError: days or hours cannot be read.
        ZoneError: there is no such time zone.
    """
    return SendWindow(
        days=parse_days(days),
        hours=parse_hours(hours),
        zone=None if timezone == "lead" else zone_named(timezone),
        calendar=calendar,
    )
