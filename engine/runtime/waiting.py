"""Waiting: until when a wait, an awaited event or a question holds an enrollment, and what ends it.

Pure, as all of the interpreter: what it knows of time is `now`, the calendars and the record.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache, partial

from engine.playbook.conditions import condition
from engine.playbook.durations import Duration, parse_duration
from engine.playbook.moments import parse_moment
from engine.playbook.plan import Ask, Await, Wait
from engine.playbook.values import Value
from engine.runtime import civil
from engine.runtime.position import (
    ON_ANSWER,
    ON_EVENT,
    ON_WAIT,
    Awaited,
    Calendars,
    Decision,
    Finish,
    Member,
    Pass,
    Request,
    Sleep,
)

TIME_LOOK = timedelta(hours=1)
"""How often a condition that time alone can change is looked at (language.md, section 2)."""


@lru_cache(maxsize=4096)
def duration(text: str) -> Duration:
    """A duration that validate has already accepted."""
    return parse_duration(text)


def decide_wait(member: Member, op: Wait, calendars: Calendars, now: datetime) -> Decision:
    """Whether a wait is over now, or until when it lasts."""
    calendar = calendars(op.calendar or member.plan.calendar, member.scope)
    if op.span:
        until = member.until_at
        if member.blocked_on != ON_WAIT or until is None:
            until = civil.add(member.anchor_at, duration(op.span), _zone(member, op), calendar)
        if until > now:
            return Sleep(ON_WAIT, until, until)
        return Pass(member.pc + 1, "waited", op.span, anchor_at=until, waited=True)
    return _decide_until(member, op, calendars, now)


def _decide_until(member: Member, op: Wait, calendars: Calendars, now: datetime) -> Decision:
    zone = _zone(member, op)
    calendar = calendars(op.calendar or member.plan.calendar, member.scope)
    arrived = member.blocked_on != ON_WAIT
    # It counts from the end of the step before, however late that is looked at: `next monday` is
    # the same monday at every look, and one that came while nobody was there has come.
    if arrived:
        member.memory["waiting_since"] = member.anchor_at.isoformat()
    since = datetime.fromisoformat(str(member.memory.get("waiting_since", now.isoformat())))
    reader = partial(field_of, member.scope, record=member.plan.record)
    until = civil.next_moment(parse_moment(op.until), since, zone, reader, calendar)
    known_at = since if arrived else member.due_at or now
    if until is None:
        why = f"'{op.until}' is missing"
        return _by_policy(op, member, op.on_missing, "date-missing", why, known_at)
    if until > now:
        return Sleep(ON_WAIT, until, until)
    if until < known_at and (arrived or until != member.until_at):
        why = f"'{op.until}' has passed"
        return _by_policy(op, member, op.on_past, "date-passed", why, known_at)
    return Pass(member.pc + 1, "waited", op.until, anchor_at=until, waited=True)


def _by_policy(
    op: Wait, member: Member, policy: str, outcome: str, why: str, known_at: datetime
) -> Decision:
    """What a missing or past moment means; the next wait counts from when that was known."""
    if policy == "end":
        return Finish(outcome, why)
    there = op.skip_to if policy == "skip" else member.pc + 1
    return Pass(there, policy, why, anchor_at=known_at, waited=True)


def _zone(member: Member, op: Wait) -> tzinfo:
    """The zone of a wait: the one it names, else the record's."""
    return member.zone if op.timezone in {"", "lead"} else civil.zone(op.timezone)


def decide_await(member: Member, op: Await, calendars: Calendars, now: datetime) -> Decision:
    """Whether what is waited for has happened, its time is over, or neither yet."""
    found = next((row for row in member.awaited if _satisfies(member, op, row)), None)
    if found is not None:
        save = (op.save, dict(found.properties)) if op.save else None
        return Pass(
            member.pc + 1, "happened", found.name, consumed=found.event, save=save, waited=True,
            # It may have come during an earlier wait; the step ends no sooner than it began.
            anchor_at=max(found.at, member.anchor_at),
        )  # fmt: skip
    if op.cond and condition(op.cond).truth(member.scope):
        why = condition(op.cond).explain(member.scope)
        return Pass(member.pc + 1, "happened", why, anchor_at=now, waited=True)
    until = member.until_at
    if member.blocked_on != ON_EVENT and op.up_to != "forever":
        calendar = calendars(op.calendar or member.plan.calendar, member.scope)
        until = civil.add(member.anchor_at, duration(op.up_to), member.zone, calendar)
    if until is not None and until <= now:
        return Pass(op.else_to, "timed out", op.up_to, anchor_at=until, waited=True)
    look = until
    if op.cond and condition(op.cond).reads_time:
        look = min(filter(None, (until, now + TIME_LOOK)))
    return Sleep(ON_EVENT, until, look)


def decide_ask(member: Member, op: Ask, calendars: Calendars, now: datetime) -> Decision:
    """Whether a person has answered, the time for it is over, or neither yet."""
    if member.blocked_on != ON_ANSWER:
        calendar = calendars(op.calendar or member.plan.calendar, member.scope)
        # From now, not from the step before: a person gets the whole time, whoever was late.
        return Request(op, civil.add(now, duration(op.up_to), member.zone, calendar))
    answer = member.answer
    if answer is not None:
        there = member.pc + 1 if answer.yes else op.else_to
        outcome = "approved" if answer.yes else "rejected"
        return Pass(there, outcome, f"by {answer.by or 'a person'}", anchor_at=answer.at)
    until = member.until_at
    if until is None or until <= now:
        return Pass(op.else_to, "no answer", f"within {op.up_to}", anchor_at=until)
    return Sleep(ON_ANSWER, until, until)


def _satisfies(member: Member, op: Await, row: Awaited) -> bool:
    if row.name not in op.events:
        return False
    if op.sources:
        if row.source not in op.sources:
            return False
    elif row.at_seq < member.listen_seq:
        return False
    if not op.where:
        return True
    return condition(op.where).truth({**member.scope, "event": row.properties})


def field_of(scope: Mapping[str, object], name: str, record: str = "lead") -> Value:
    """What a dotted name holds; a bare name is a field of the playbook's own record."""
    root, _, rest = name.rpartition(".")
    found: Value = _mapping(scope.get(root or record)).get(rest)
    return found


def _mapping(value: object) -> Mapping[str, Value]:
    return value if isinstance(value, Mapping) else {}
