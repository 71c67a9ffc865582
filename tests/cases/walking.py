"""Walks a plan from its first op to its end by what a story says happens, and writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.playbook.plan import Ask, Await, Do, Plan, Send, Split
from engine.playbook.values import Scope
from engine.runtime.calendar import BusinessCalendar, business_calendar
from engine.runtime.interpreter import Acted, walk
from engine.runtime.position import (
    ON_ANSWER,
    ON_EVENT,
    ON_JOB,
    Answer,
    Awaited,
    JobEnd,
    Member,
    Rise,
)
from engine.runtime.splitting import Drawn, Evidence, Later, Standing, draw

BEGIN = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Monday, noon in Shanghai."""

_PATIENCE = 60
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_CALENDAR = business_calendar(timezone=_SHANGHAI, country="CN")


@dataclass
class Walker:
    """Does what the interpreter decides, by writing it down.

    Attributes:
        story: `lead` and `deal` (fields), `events` (what comes, in order), `answers` (of people),
            `sampled` (how many a split had drawn before), `ends` (states of jobs, by step).
    """

    story: Mapping[str, Any]
    now: datetime = BEGIN
    lines: list[str] = field(default_factory=list)

    def act(self, _member: Member, op: Do) -> Acted:
        self.lines.append(f"  {op.action} {dict(sorted(op.params.items()))}")
        return Acted("done")

    def emit(self, _member: Member, op: Send) -> None:
        self.lines.append(f"  {op.action} {dict(sorted(op.params.items()))}")

    def draw(self, member: Member, op: Split) -> Drawn | Later:
        known = {arm.name: Evidence(1000, 10 * n) for n, arm in enumerate(op.arms)}
        standing = Standing(self.story.get("sampled", 0), BEGIN, known)
        return draw(op, (member.record, op.name), (member.id, member.seq), standing, self.now)

    def ask(self, _member: Member, op: Ask, _until_at: datetime) -> None:
        self.lines.append(f"  asks {', '.join(op.by)}: {op.text}")

    def rise(self, _member: Member, rise: Rise) -> None:
        self.lines.append(f"  level {rise.level} fires: {rise.why}")


def _read(name: str, value: object) -> object:
    """A value of a story; the times that the store sets itself are times."""
    is_time = name in {"stage_entered_at", "created_at"}
    return datetime.fromisoformat(str(value)) if is_time else value


def walked(plan: Plan, story: Mapping[str, Any]) -> list[str]:
    """What an enrollment does, a line for each op that it passes and each effect that it has."""
    walker = Walker(story)
    scope: dict[str, object] = {
        "lead": dict(story.get("lead", {})),
        "deal": {name: _read(name, one) for name, one in story.get("deal", {}).items()},
        "event": dict(story.get("event", {})),
        "run": {"saved": {}},
        "now": BEGIN,
    }
    member = Member("run", "ann", plan, 0, 0, "", None, BEGIN, 0, {}, scope, _SHANGHAI)
    events = list(story.get("events", []))
    answers = list(story.get("answers", []))
    for _ in range(_PATIENCE):
        seen = len(member.log)
        walk(member, walker, _calendar, walker.now)
        when = walker.now.isoformat(timespec="minutes")
        walker.lines += [f"{when} {one.op} {one.step}: {one.outcome}" for one in member.log[seen:]]
        if member.ended is not None:
            return walker.lines
        if not _go_on(member, walker, events, answers):
            return [*walker.lines, f"{when} waits for ever"]
        scope["now"] = walker.now
    return [*walker.lines, "and so on"]


def _go_on(
    member: Member, walker: Walker, events: list[dict[str, Any]], answers: list[bool]
) -> bool:
    """Brings about what the member waits for; without that, lets the time come."""
    op = member.plan.ops[member.pc]
    member.job, member.answer, member.awaited = None, None, ()
    if member.blocked_on == ON_JOB:
        walker.now += timedelta(minutes=1)
        member.job = JobEnd(walker.story.get("ends", {}).get(op.step, "sent"), "", walker.now)
        return True
    if member.blocked_on == ON_ANSWER and answers:
        walker.now += timedelta(hours=1)
        member.answer = Answer(answers.pop(0), "li.wei", walker.now)
        return True
    if member.blocked_on == ON_EVENT and events and isinstance(op, Await):
        walker.now += timedelta(hours=1)
        came = events.pop(0)
        member.awaited = [
            Awaited("e1", came["name"], came.get("source", ""), came.get("properties", {}),
                    walker.now, member.seq, 1)
        ]  # fmt: skip
        return True
    if member.look_at is None:
        return False
    walker.now = max(walker.now, member.look_at)
    return True


def _calendar(_name: str, _scope: Scope) -> BusinessCalendar:
    return _CALENDAR
