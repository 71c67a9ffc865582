"""The interpreter: what an enrollment does next. Pure; the same under Temporal and in memory.

`decide` looks at one op and answers with a value; `walk` takes one enrollment through all cheap
ops until it blocks or ends, and lets `Hands` do what an op asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never

from engine.errors import LongplayError
from engine.playbook.conditions import condition
from engine.playbook.plan import (
    Ask,
    Await,
    Branch,
    Climb,
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
from engine.runtime.climbing import decide_climb
from engine.runtime.escalating import unwatched
from engine.runtime.position import (
    ON_ANSWER,
    ON_JOB,
    ON_SPLIT,
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
    Rise,
    Sleep,
    Stop,
)
from engine.runtime.splitting import Drawn, Later, arm_kept
from engine.runtime.waiting import decide_ask, decide_await, decide_wait

MOST_OPS = 200
"""Ops that one walk passes at most; whoever has more to do is due again at once."""


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

    def emit(self, member: Member, op: Send) -> Acted | None:
        """Queues the job of (enrollment, seq); or says what it did instead, and nobody waits.

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

    def rise(self, member: Member, rise: Rise) -> None:
        """Shows the level that fires in the inbox, and keeps it in the record of escalations."""
        ...


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
    """The first exit without an event whose condition holds, as the end it means.

    An escalation ends when its record is not watched any more.
    """
    if plan.escalation is not None and (why := unwatched(plan, scope)):
        return Finish("exited", f"it is not watched any more: {why}")
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
        case Rise():
            hands.rise(member, decision)
            way = decision.op.ways[decision.level - 1]
            _pass(member, Pass(way, f"level {decision.level}", decision.why, anchor_at=now))
            return True
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
        done = hands.emit(member, op)
    except LongplayError as error:
        return _failed(member, op, member.pc + 1, error)
    if done is not None:
        _pass(member, Pass(member.pc + 1, done.outcome, done.why))
        return True
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
            return decide_wait(member, op, calendars, now)
        case Await():
            return decide_await(member, op, calendars, now)
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
            return decide_ask(member, op, calendars, now)
        case Climb():
            return decide_climb(member, op, calendars, now)
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
    return Pass(member.pc + 1, job.state, job.reason, anchor_at=job.at, save=_answered(member, op))


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


def _mapping(value: object) -> Mapping[str, Value]:
    return value if isinstance(value, Mapping) else {}
