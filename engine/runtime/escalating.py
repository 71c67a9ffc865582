"""The clock of an escalation: since when it counts, when it stands still, which level is due. Pure.

A watch is an enrollment, and its clock lies in the memory of that enrollment. Nothing here is asked
of a timer: every look works out anew when each level is due, so that a calendar that has changed,
an acknowledgement or an activity needs no timer to be moved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from engine.playbook.conditions import condition
from engine.playbook.durations import Duration, parse_duration
from engine.playbook.escalation_plan import Escalation
from engine.playbook.plan import Plan
from engine.playbook.values import Value
from engine.runtime import civil
from engine.runtime.calendar import BusinessCalendar

CLOCK = "clock"
"""Where the clock lies in a run's memory."""

SINCE = "since"
"""In the memory of a run that has not begun: what its first round counts from, where that is not
what the record says."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A time for which the clock stands still; without an end, until somebody lets it go on."""

    begins_at: datetime
    ends_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """What a round belongs to: a stay in a stage, and where it matters an owner.

    Attributes:
        entry: names the stay, not the stage (runtime.md, I10).
        entered_at: when that stay began.
        activity_at: when something happened last, where the clock follows that.
    """

    entry: str
    entered_at: datetime
    created_at: datetime
    owner: str = ""
    activity_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a watch stands.

    Attributes:
        start_at: what the levels of this round count from.
        round: how many rounds there were in which a level fired, this one included.
        passed: the levels of this round that fired or were passed over, by their `after`.
        stands: when it stood still, in order.
        quiet_until: somebody acknowledged: no level fires before.
        hurried: a person wants the next level now.
    """

    entry: str
    owner: str
    start_at: datetime
    round: int = 1
    passed: tuple[str, ...] = ()
    stands: tuple[Stand, ...] = ()
    quiet_until: datetime | None = None
    hurried: bool = False

    def stand_at(self, now: datetime) -> Stand | None:
        """The time for which it stands still now."""
        for one in self.stands:
            if one.begins_at <= now and (one.ends_at is None or one.ends_at > now):
                return one
        return None

    def stood(self, one: Stand) -> "Clock":
        """The same clock, standing still from then on; another stop before its end replaces it."""
        return replace(self, stands=(*self.resumed(one.begins_at).stands, one))

    def resumed(self, now: datetime) -> "Clock":
        """The same clock, going on."""
        kept = []
        for one in self.stands:
            if one.begins_at > now or (one.ends_at is not None and one.ends_at <= now):
                kept.append(one)
            elif one.begins_at < now:
                kept.append(replace(one, ends_at=now))
        return replace(self, stands=tuple(kept))

    def held(self, begins_at: datetime, ends_at: datetime) -> "Clock":
        """The same clock, whose run was held for that time; other stops go on as they were."""
        return replace(self, stands=(*self.stands, Stand(begins_at, ends_at)))

    def renewed(self, at: datetime, stay: Stay) -> "Clock":
        """The next round: every level is armed again.

        A round in which nothing fired is not counted. A snooze outlives it, a pause does not: what
        it waited for has happened.
        """
        still = tuple(one for one in self.stands if one.ends_at is not None and one.ends_at > at)
        return Clock(
            stay.entry, stay.owner, at, self.round + (1 if self.passed else 0), stands=still
        )

    def as_json(self) -> dict[str, Value]:
        """What is kept in the memory of the run."""
        kept: dict[str, Value] = {
            "entry": self.entry, "owner": self.owner, "start": self.start_at.isoformat(),
            "round": self.round,
        }  # fmt: skip
        if self.passed:
            kept["passed"] = list(self.passed)
        if self.stands:
            kept["stands"] = [
                [one.begins_at.isoformat(), one.ends_at and one.ends_at.isoformat(), one.why]
                for one in self.stands
            ]
        if self.quiet_until is not None:
            kept["quiet"] = self.quiet_until.isoformat()
        if self.hurried:
            kept["hurried"] = True
        return kept


def clock_of(memory: Mapping[str, Value]) -> Clock | None:
    """The clock that lies in a run's memory; None: it has not begun to count."""
    kept = memory.get(CLOCK)
    if not isinstance(kept, Mapping):
        return None
    quiet = kept.get("quiet")
    return Clock(
        str(kept["entry"]),
        str(kept["owner"]),
        _at(kept["start"]),
        int(cast("int", kept["round"])),
        tuple(str(one) for one in _listed(kept.get("passed"))),
        tuple(_stand(one) for one in _listed(kept.get("stands"))),
        _at(quiet) if quiet else None,
        bool(kept.get("hurried")),
    )


def _stand(kept: Value) -> Stand:
    begins, ends, why = cast("Sequence[Value]", kept)
    return Stand(_at(begins), _at(ends) if ends else None, str(why))


def _listed(value: Value) -> Sequence[Value]:
    return value if isinstance(value, list | tuple) else ()


def _at(value: Value) -> datetime:
    return datetime.fromisoformat(str(value))


def watches(plan: Plan, scope: Mapping[str, object]) -> bool:
    """Whether the record in `scope` is one that the playbook watches."""
    return not unwatched(plan, scope)


def unwatched(plan: Plan, scope: Mapping[str, object]) -> str:
    """Why the record is not watched; empty: it is."""
    escalation = plan.escalation
    assert escalation is not None
    watch, record = escalation.watch, _mapping(scope.get(plan.record))
    stage, pipeline = str(record.get("stage") or ""), str(record.get("pipeline") or "")
    if watch.pipeline and pipeline != watch.pipeline:
        return f"it is in the pipeline '{pipeline}'"
    if watch.stages and stage not in watch.stages:
        return f"its stage is '{stage}'"
    if not watch.stages and record.get("closed"):
        return f"it is {record['closed']}"
    if watch.cond and not condition(watch.cond).truth(scope):
        return condition(watch.cond).explain(scope)
    return ""


def stay_of(plan: Plan, scope: Mapping[str, object]) -> Stay:
    """The stay of the record in `scope`, as the playbook's clock sees it."""
    assert plan.escalation is not None
    starts, record = plan.escalation.starts, _mapping(scope.get(plan.record))
    entered, created = (_instant(record, name) for name in ("stage_entered_at", "created_at"))
    entry = str(record.get("entry_ref") or f"{record.get('stage')} {entered.isoformat()}")
    activity = record.get("last_activity_at")
    return Stay(
        entry,
        entered,
        created,
        owner=str(record.get("owner") or "") if starts == "assigned" else "",
        activity_at=activity
        if starts == "last_activity" and isinstance(activity, datetime)
        else None,
    )


def _instant(record: Mapping[str, object], name: str) -> datetime:
    value = record.get(name)
    if not isinstance(value, datetime):
        raise ValueError(f"the record has no '{name}'")
    return value


def begun(escalation: Escalation, stay: Stay, entered_at: datetime, since: str) -> Clock:
    """The first round of a watch.

    Args:
        entered_at: when the watch began.
        since: what it counts from where that is not what the record says; else empty.
    """
    if since:
        return Clock(stay.entry, stay.owner, _at(since))
    match escalation.starts:
        case "assigned":
            start = entered_at
        case "created":
            start = stay.created_at
        case "last_activity":
            start = max(stay.entered_at, stay.activity_at or stay.entered_at)
        case _:
            start = stay.entered_at
    return Clock(stay.entry, stay.owner, start)


def renewal(
    clock: Clock, stay: Stay, changed_at: datetime, now: datetime
) -> tuple[datetime, str] | None:
    """Since when another round is to count, and why; None: it is the same round.

    Args:
        changed_at: when the record changed, as far as that is known.
    """
    if stay.entry != clock.entry:
        # A step of its own has moved it within this very walk: when it came is written later.
        since = stay.entered_at if stay.entered_at > clock.start_at else now
        return since, "it entered a stage"
    if stay.owner != clock.owner:
        return max(changed_at, clock.start_at), f"{stay.owner or 'nobody'} owns it now"
    if stay.activity_at is not None and stay.activity_at > clock.start_at:
        return stay.activity_at, "something happened"
    return None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The levels of a version, on a clock.

    Args:
        levels: how long after the start each is due, as written.
        calendar: what business time is measured by, and whose zone days are in.
    """

    levels: Sequence[str]
    calendar: BusinessCalendar
    _durations: dict[str, Duration] = field(default_factory=dict)

    def passed(self, clock: Clock) -> int:
        """How many levels have fired or been passed over in this round.

        A level of another version is the same one when it is due after the same time; where none
        is, when it has the same number.
        """
        same = [at + 1 for at, after in enumerate(self.levels) if after in clock.passed]
        return max(same, default=min(len(clock.passed), len(self.levels)))

    def due_at(self, clock: Clock, level: int) -> datetime | None:
        """When a level (1 is the first) is due; None: not before the clock goes on."""
        after = parse_duration(self.levels[level - 1])
        at = civil.add(clock.start_at, after, self.calendar.zone, self.calendar)
        counted_to = clock.start_at
        for one in sorted(clock.stands, key=lambda each: each.begins_at):
            begins = max(one.begins_at, counted_to)  # two stops at once are one
            if begins >= at:
                continue
            if one.ends_at is None:
                return None
            if one.ends_at > begins:
                at = self._later(begins, at, one.ends_at, after)
                counted_to = one.ends_at
        return at

    def due(self, clock: Clock, now: datetime) -> int:
        """The highest level that is due and has not been passed; 0: none."""
        found = 0
        for level in range(self.passed(clock) + 1, len(self.levels) + 1):
            at = self.due_at(clock, level)
            if at is None or at > now:
                break
            found = level
        return found

    def next_at(self, clock: Clock, now: datetime) -> datetime | None:
        """When to look again: a level will be due, or may fire; None: not before it is told so."""
        level = self.passed(clock) + 1
        if level > len(self.levels):
            return None
        stand = clock.stand_at(now)
        if stand is not None and stand.ends_at is None:
            return None
        times = [self.due_at(clock, level), clock.quiet_until, stand.ends_at if stand else None]
        return max((one for one in times if one is not None), default=None)

    def _later(self, begins: datetime, at: datetime, ends: datetime, after: Duration) -> datetime:
        """What was left of the time when the clock stopped is left when it goes on."""
        if not after.is_business:
            return ends + (at - begins)
        left = self.calendar.business_between(begins, at)
        return self.calendar.add_business(ends, Duration(business=left)) if left else ends


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
