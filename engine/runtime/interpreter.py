"""The interpreter: what an enrollment does next. Pure; the same under Temporal and in memory.

`decide` looks at one op and answers with a value; `walk` takes one enrollment through all cheap
ops until it blocks or ends, and lets `Hands` do what an op asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache, partial
from typing import Protocol, assert_never

from engine.errors import LongplayError
from engine.playbook.conditions import condition
from engine.playbook.durations import Duration, parse_duration
from engine.playbook.moments import parse_moment
from engine.playbook.plan import (
    Ask,
    Await,
    Branch,
    Do,
    End,
    Exit,
    Jump,
    Plan,
    Repeat,
    Send,
    Split,
    Wait,
)
from engine.playbook.values import Value
from engine.runtime import civil
from engine.runtime.position import (
    ON_ANSWER,
    ON_EVENT,
    ON_JOB,
    ON_SPLIT,
    ON_WAIT,
    Awaited,
    Calendars,
    Decision,
    Draw,
    Emit,
    Finish,
    Logged,
    Member,
    Pass,
    Perform,
    Request,
    Sleep,
    Stop,
)
from engine.runtime.splitting import Drawn, Later, arm_kept

MOST_OPS = 200
"""Ops that one walk passes at most; whoever has more to do is due again at once."""

TIME_LOOK = timedelta(hours=1)
"""How often a condition that time alone can change is looked at (language.md, section 2)."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What an inline action did, for the record, and whether it ended the enrollment."""

    outcome: str
    why: str = ""
    ended: Finish | None = None


class Hands(Protocol):
    """Does what the interpreter decides."""

    def act(self, member: Member, op: Do) -> Acted:
        """Performs an inline action; `member.scope` shows its effect afterwards.

        Raises:
            LongplayError: it cannot be done; nothing of it was.
        """
        ...

    def emit(self, member: Member, op: Send) -> None:
        """Queues the job of (enrollment, seq).

        Raises:
            LongplayError: it cannot be done; nothing was queued.
        """
        ...

    def draw(self, member: Member, op: Split) -> Drawn | Later:
        """Draws an arm, and keeps count of it; or says when an arm can be drawn."""
        ...

    def ask(self, member: Member, op: Ask, until_at: datetime) -> None:
        """Puts the question into the inbox of the person it is for.

        Raises:
            LongplayError: it cannot be asked.
        """
        ...


@lru_cache(maxsize=4096)
def duration(text: str) -> Duration:
    """A duration that validate has already accepted."""
    return parse_duration(text)


def walk(member: Member, hands: Hands, calendars: Calendars, now: datetime) -> None:
    """Takes `member` as far as it comes at `now`; everything it did is in the member."""
    for _ in range(MOST_OPS):
        leaving = exit_that_holds(member.plan, member.scope)
        if leaving is not None:
            end(member, leaving)
            return
        if not _step(member, hands, calendars, now):
            return
    member.look_at = now


def exit_that_holds(plan: Plan, scope: Mapping[str, object]) -> Finish | None:
    """The first exit without an event whose condition holds, as the end it means."""
    for item in plan.exits:
        if not item.event and condition(item.cond).truth(scope):
            return leave_by(item, scope)
    return None


def leave_by(item: Exit, scope: Mapping[str, object]) -> Finish:
    """The end that an exit means: a goal with its value, or plainly `exited`."""
    why = f"exit: {item.event or condition(item.cond).explain(scope)}"
    value = condition(item.value).value(scope) if item.value else None
    worth = float(value) if isinstance(value, int | float) else None
    return Finish(item.goal or "exited", why, goal=bool(item.goal), value=worth)


def _step(member: Member, hands: Hands, calendars: Calendars, now: datetime) -> bool:
    decision = decide(member, calendars, now)
    match decision:
        case Perform():
            return _perform(member, hands, decision.op)
        case Emit():
            return _emit(member, hands, decision.op)
        case Draw():
            return _draw(member, hands, decision.op, now)
        case Request():
            return _request(member, hands, decision)
        case Sleep():
            _sleep(member, decision)
            return False
        case Pass():
            _pass(member, decision)
            return True
        case Finish() | Stop():
            end(member, decision)
            return False
        case _:
            assert_never(decision)


def _perform(member: Member, hands: Hands, op: Do) -> bool:
    try:
        acted = hands.act(member, op)
    except LongplayError as error:
        return _failed(member, op, member.pc + 1, error)
    _pass(member, Pass(member.pc + 1, acted.outcome, acted.why))
    if acted.ended is not None:
        end(member, acted.ended)
        return False
    return True


def _emit(member: Member, hands: Hands, op: Send) -> bool:
    try:
        hands.emit(member, op)
    except LongplayError as error:
        return _failed(member, op, member.pc + 1, error)
    _sleep(member, Sleep(ON_JOB, None, None))
    return False


def _request(member: Member, hands: Hands, request: Request) -> bool:
    try:
        hands.ask(member, request.op, request.until_at)
    except LongplayError as error:
        return _failed(member, request.op, request.op.else_to, error)
    _sleep(member, Sleep(ON_ANSWER, request.until_at, request.until_at))
    return False


def _failed(member: Member, op: Do | Send | Ask, there: int, error: LongplayError) -> bool:
    """A step that cannot be done: a person decides, or the enrollment goes on without it."""
    if op.on_error == "stop":
        end(member, Stop(error.message))
        return False
    _pass(member, Pass(there, "failed", error.message))
    return True


def _draw(member: Member, hands: Hands, op: Split, now: datetime) -> bool:
    drawn = hands.draw(member, op)
    if isinstance(drawn, Later):
        _sleep(member, Sleep(ON_SPLIT, drawn.at, drawn.at))
        return False
    # Who waited for the winner has been at this step until now, and the next wait counts from here.
    anchor = now if member.blocked_on == ON_SPLIT else None
    _pass(member, _into(op, drawn.arm, drawn.why, anchor))
    return True


def _into(op: Split, arm: str, why: str, anchor_at: datetime | None = None) -> Pass:
    way = next(way for one, way in zip(op.arms, op.ways, strict=True) if one.name == arm)
    return Pass(way, arm, why, anchor_at=anchor_at, arm=(op.name, arm))


def _sleep(member: Member, decision: Sleep) -> None:
    member.blocked_on, member.until_at = decision.blocked_on, decision.until_at
    member.look_at = decision.look_at


def _pass(member: Member, step: Pass) -> None:
    _log(member, step.outcome, step.why)
    if step.consumed is not None:
        member.consumed.append((step.consumed, member.seq))
        member.awaited = [row for row in member.awaited if row.event != step.consumed]
    if step.save is not None:
        saved = dict(_mapping(member.memory.get("saved")))
        saved[step.save[0]] = step.save[1]
        member.memory["saved"] = saved
        run = dict(_mapping(member.scope.get("run")))
        member.scope["run"] = {**run, "saved": saved}
    if step.count is not None:
        counts = dict(_mapping(member.memory.get("counts")))
        counts[step.count[0]] = step.count[1]
        member.memory["counts"] = counts
    if step.arm is not None:
        arms = dict(_mapping(member.memory.get("arms")))
        arms[step.arm[0]] = step.arm[1]
        member.memory["arms"] = arms
    if not step.waited:
        member.listen_seq = member.seq
    if step.anchor_at is not None:
        member.anchor_at = step.anchor_at
    member.seq += 1
    member.pc = step.pc
    member.blocked_on, member.until_at, member.job = "", None, None


def end(member: Member, how: Finish | Stop) -> None:
    """Ends the walk of a member, in the record too."""
    outcome, why = ("stopped", how.reason) if isinstance(how, Stop) else (how.outcome, how.why)
    _log(member, outcome, why)
    member.seq += 1
    member.ended = how
    member.look_at = member.until_at = None


def _log(member: Member, outcome: str, why: str) -> None:
    op = member.plan.ops[member.pc]
    member.log.append(Logged(member.seq, op.op, op.step, outcome, why))


def decide(  # noqa: PLR0912 - one arm an op
    member: Member, calendars: Calendars, now: datetime
) -> Decision:
    """What the op at the member's place means now. Jumps cost nothing and are followed."""
    ops = member.plan.ops
    for _ in range(len(ops)):
        op = ops[member.pc]
        if not isinstance(op, Jump):
            break
        member.pc = op.to
    match op:
        case Do():
            return Perform(op)
        case Send():
            return _decide_job(member, op)
        case Wait():
            return _decide_wait(member, op, calendars, now)
        case Await():
            return _decide_await(member, op, calendars, now)
        case Branch():
            check = condition(op.cond)
            holds = check.truth(member.scope)
            there = member.pc + 1 if holds else op.else_to
            why = check.explain(member.scope)
            return Pass(there, "yes" if holds else "no", why, waited=_is_guard(member, op))
        case Repeat():
            return _decide_repeat(member, op)
        case Split():
            kept = arm_kept(op, member.memory)
            return Draw(op) if kept is None else _into(op, kept, "the arm it drew before")
        case Ask():
            return _decide_ask(member, op, calendars, now)
        case End():
            return Finish(op.outcome)
        case Jump():
            return Stop("the plan jumps in a circle")
        case _:
            assert_never(op)


def _is_guard(member: Member, op: Branch) -> bool:
    """Whether the branch is the `if` of a step: then it belongs to the step that follows."""
    return member.plan.ops[member.pc + 1].step == op.step


def _decide_job(member: Member, op: Send) -> Decision:
    if member.blocked_on != ON_JOB:
        return Emit(op)
    job = member.job
    if job is None:
        return Sleep(ON_JOB, None, None)
    if job.hard_bounce and member.plan.exit_on_unsubscribe:
        return Finish("bounced", job.reason)
    if job.state == "rejected" and op.on_error == "stop":
        return Stop(job.reason)
    return Pass(
        member.pc + 1, job.state, job.reason, anchor_at=job.at, save=_answered(member, op)
    )


def _answered(member: Member, op: Send) -> tuple[str, Value] | None:
    """What a call was answered, when the step keeps it: the report left it in the memory."""
    kept = _mapping(member.memory.pop("answer", None))
    name = op.params.get("save")
    if not isinstance(name, str) or not name or kept.get("seq") != member.seq:
        return None
    return name, kept.get("value")


def _decide_repeat(member: Member, op: Repeat) -> Decision:
    counts = _mapping(member.memory.get("counts"))
    done = counts.get(op.step, 0)
    done = done if isinstance(done, int) else 0
    if done < op.times:
        why = f"round {done + 1} of {op.times}"
        return Pass(member.pc + 1, "again", why, count=(op.step, done + 1), waited=True)
    return Pass(op.exit_to, "done", f"{op.times} rounds", count=(op.step, 0), waited=True)


def _decide_wait(member: Member, op: Wait, calendars: Calendars, now: datetime) -> Decision:
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


def _decide_await(member: Member, op: Await, calendars: Calendars, now: datetime) -> Decision:
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


def _decide_ask(member: Member, op: Ask, calendars: Calendars, now: datetime) -> Decision:
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
