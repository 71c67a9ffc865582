"""When a trigger that goes by the clock fires: for a record, for a zone. Pure.

A trigger is named by what it says (`date 14 days before lead.trial_ends_at`), never by its place:
what has been armed under a name stays armed when a new version of the playbook still says it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TypeAlias

from engine.playbook import walltime
from engine.playbook.cron import parse_cron
from engine.playbook.moments import FieldMoment, parse_moment
from engine.playbook.plan import Plan, Trigger
from engine.playbook.values import Value
from engine.runtime import civil
from engine.runtime.civil import BusinessTime, FieldReader
from engine.runtime.cron import next_fire

TriggerName: TypeAlias = str
_TIMED = ("cron", "at", "date")


def timed_triggers(plan: Plan) -> Mapping[TriggerName, int]:
    """The triggers of a plan that go by the clock: name → place in `enroll.triggers`.

    Two that say the same (with another `if`) are told apart by a number.
    """
    found: dict[TriggerName, int] = {}
    for position, trigger in enumerate(plan.enroll.triggers):
        if trigger.kind not in _TIMED:
            continue
        name = _said(trigger)
        same = sum(known == name or known.startswith(f"{name} #") for known in found)
        found[f"{name} #{same + 1}" if same else name] = position
    return found


def _said(trigger: Trigger) -> str:
    parts = [trigger.kind, trigger.cron or trigger.moment]
    if trigger.every:
        parts.append(f"every {trigger.every}")
    if trigger.timezone:
        parts.append(f"in {trigger.timezone}")
    return " ".join(parts)


def field_of_date(trigger: Trigger) -> FieldMoment | None:
    """The field that a `date` trigger follows; None of other triggers."""
    moment = parse_moment(trigger.moment) if trigger.kind == "date" else None
    return moment if isinstance(moment, FieldMoment) else None


def next_of_clock(trigger: Trigger, after: datetime, zone: tzinfo) -> datetime | None:
    """When a `cron` or `at` trigger fires next, later than `after`."""
    if trigger.kind == "cron":
        return next_fire(parse_cron(trigger.cron), after, zone)
    at = civil.next_moment(parse_moment(trigger.moment), after, zone, lambda _name: None)
    return at if at is not None and at > after else None


def moment_of(
    trigger: Trigger,
    after: datetime,
    zone: tzinfo,
    field: FieldReader,
    calendar: BusinessTime | None,
) -> datetime | None:
    """The moment of one record for a `date` trigger; None when its field holds no time.

    It may lie in the past. With `every: year` it is the first one later than `after`: the date's
    own day, or an anniversary (of the 29th of February: the 28th, where there is no 29th).
    """
    moment = field_of_date(trigger)
    if moment is None:
        return None
    try:
        if trigger.every:
            return _anniversary(moment, after, zone, field(moment.field), calendar)
        return civil.next_moment(moment, after, zone, field, calendar)
    except (OverflowError, ValueError):
        # A date at the ends of time, or a calendar that never opens: there is no such moment.
        return None


def _anniversary(
    moment: FieldMoment, after: datetime, zone: tzinfo, value: Value, calendar: BusinessTime | None
) -> datetime | None:
    first = civil.as_instant(value, zone)
    if first is None:
        return None
    day = walltime.local(first, zone)
    reach = 0
    if moment.offset is not None and moment.side == "after":
        reach = moment.offset.rough // timedelta(days=365) + 1
    year = max(0, after.year - day.year - 1 - reach)
    while True:
        # From the first day on, never from year to year, so that a 29th comes back in its year.
        shown = walltime.instant(walltime.plus_months(day, 12 * year), zone)
        found = civil.next_moment(moment, after, zone, {moment.field: shown}.get, calendar)
        if found is not None and found > after:
            return found
        year += 1


def shown_in(at: datetime, zone: tzinfo) -> str:
    """The clock time that a firing is known by: the same one in another zone is no other firing."""
    return walltime.local(at, zone).isoformat()
