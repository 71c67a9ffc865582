"""The ladder of an escalation in a walk: which level fires now, or until when none does. Pure."""

from datetime import datetime

from engine.playbook.conditions import condition
from engine.playbook.plan import Climb
from engine.playbook.values import Value
from engine.runtime.escalating import (
    CLOCK,
    SINCE,
    Clock,
    Ladder,
    Stay,
    begun,
    clock_of,
    renewal,
    stay_of,
)
from engine.runtime.position import (
    ON_CLIMB,
    Awaited,
    Calendars,
    Decision,
    Member,
    Pass,
    Rise,
    Sleep,
)
from engine.runtime.waiting import TIME_LOOK


def decide_climb(member: Member, op: Climb, calendars: Calendars, now: datetime) -> Decision:
    """Whether another round begins, a level fires, or how long neither does.

    The record is as it stands under its lock, in the level's own transaction (runtime.md, I10).
    """
    escalation = member.plan.escalation
    assert escalation is not None
    stay, clock = stay_of(member.plan, member.scope), clock_of(member.memory)
    if clock is None:
        since = str(member.memory.pop(SINCE, ""))
        clock = _kept(member, begun(escalation, stay, member.anchor_at, since))
    again = _again(member, op, clock, stay, now)
    if again is not None:
        return again
    if escalation.starts == "assigned" and not stay.owner:
        return Sleep(ON_CLIMB, None, None)
    ladder = Ladder(op.levels, calendars(member.plan.calendar, member.scope))
    rise = _rise(member, op, clock, ladder, now)
    if rise is not None:
        return rise
    at = ladder.next_at(clock, now)
    look = at
    if escalation.watch.cond and condition(escalation.watch.cond).reads_time:
        look = min(filter(None, (at, now + TIME_LOOK)))
    return Sleep(ON_CLIMB, at, look)


def _again(member: Member, op: Climb, clock: Clock, stay: Stay, now: datetime) -> Pass | None:
    """The step into another round, when something has begun one."""
    escalation = member.plan.escalation
    assert escalation is not None
    event = _reset(member)
    found = renewal(clock, stay, min(member.due_at or now, now), now)
    if event is not None:
        since, why = max(event.at, clock.start_at), event.name
    elif found is not None:
        since, why = found
    else:
        return None
    renewed = clock.renewed(since, stay)
    consumed = event.event if event is not None else None
    most = escalation.rounds
    if most and renewed.round > most:
        why = f"{why}, and {most} round{'s are' if most > 1 else ' is'} over"
        return Pass(op.exit_to, "rounds over", why, anchor_at=now, consumed=consumed)
    _kept(member, renewed)
    return Pass(member.pc, f"round {renewed.round}", why, consumed=consumed, waited=True)


def _reset(member: Member) -> Awaited | None:
    """The first event that begins another round and has not done so yet."""
    assert member.plan.escalation is not None
    resets = member.plan.escalation.resets_on
    return next((one for one in member.awaited if one.name in resets), None)


def _rise(member: Member, op: Climb, clock: Clock, ladder: Ladder, now: datetime) -> Rise | None:
    before = ladder.passed(clock)
    if clock.hurried:
        level = min(before + 1, len(op.levels))
        due_at = now
    elif clock.stand_at(now) or (clock.quiet_until is not None and clock.quiet_until > now):
        return None
    else:
        level = ladder.due(clock, now)
        due_at = (ladder.due_at(clock, level) if level else None) or now
    if level <= before:
        return None
    passed = tuple(range(before + 1, level))
    fired = _kept(member, _fired(clock, op, level))
    above = ladder.due_at(fired, level + 1) if level < len(op.levels) else None
    return Rise(op, level, passed, clock.round, due_at, above)


def _fired(clock: Clock, op: Climb, level: int) -> Clock:
    return Clock(
        clock.entry, clock.owner, clock.start_at, clock.round, tuple(op.levels[:level]),
        clock.stands,
    )  # fmt: skip


def _kept(member: Member, clock: Clock) -> Clock:
    kept: Value = clock.as_json()
    member.memory[CLOCK] = kept
    return clock
