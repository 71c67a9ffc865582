"""`advance`: takes the due members of a cohort through all their cheap steps, in one transaction.

It is level-triggered: repeated after its commit it changes nothing and reports the same open
batches (runtime.md, I2). A member that fails is stopped alone; a database error halves the slice
until the culprit stands alone (I6).
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue
from sqlalchemy.exc import SQLAlchemyError

from activities._action import Outgoing
from activities._desk import Desk
from activities._registry import inline, outgoing
from engine import metrics, tracing
from engine.errors import LongplayError, NeverWorksError, TryAgainError
from engine.ids import derived_id
from engine.log_context import About
from engine.operations import published
from engine.operations.published import Current
from engine.operations.scopes import (
    load_deals,
    load_facts,
    load_histories,
    run_of,
    scope_of,
)
from engine.playbook.plan import Ask, Do, Plan, Send, Split
from engine.playbook.values import Value
from engine.runtime.interpreter import Acted, end, walk
from engine.runtime.position import ON_ANSWER, ON_JOB, Answer, Finish, Member, Rise, Stop
from engine.runtime.splitting import Drawn, Later
from engine.store import awaited_events, deals, enrollments, escalations, jobs, leads, tasks
from engine.store.database import Store, Transaction, is_away

SLICE = 500
"""Members in one transaction; with it a slice stays well under the 10 s of a workflow task."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a cohort's driver has to know: nothing personal, nothing of any member.

    Attributes:
        batches: open batches of jobs, (id, queue).
        wake_at: when the next member or deferred job is due; None: when something nudges.
        more: whether more is due now.
        is_empty: no open member, no open batch, no deferred job: counted in the transaction.
        passed: ops passed in this call.
        now: the store's own clock, which `wake_at` is to be compared with.
    """

    batches: list[tuple[str, str]]
    wake_at: datetime | None
    more: bool
    is_empty: bool
    passed: int
    now: datetime


def advance(store: Store, cohort: str, *, limit: int = SLICE) -> Progress:
    """Walks up to `limit` due members of `cohort` and reports what is open.

    Raises:
        TryAgainError: the database is not to be had now.
    """
    ids, deferred = store.read(lambda tx: _due(tx, cohort, limit))
    began = time.monotonic()
    # Where nothing is due there is nothing to write: nobody waits at the gate for that.
    passed = _advance_slice(store, cohort, ids) if ids or deferred else 0
    if ids:
        metrics.SLICE_SECONDS.observe(time.monotonic() - began)
        metrics.SLICE_MEMBERS.observe(len(ids))
    if passed:
        metrics.STEPS.count(cohort.partition("@")[0], by=passed)
    return store.read(lambda tx: _progress(tx, cohort, passed))


def _due(tx: Transaction, cohort: str, limit: int) -> tuple[Sequence[str], bool]:
    """The members that are due, and whether a deferred job is."""
    at = jobs.next_deferred(tx, cohort)
    return enrollments.due(tx, cohort, limit), at is not None and at <= tx.now


def _advance_slice(store: Store, cohort: str, ids: Sequence[str]) -> int:
    try:
        return store.write(lambda tx: _walk_slice(tx, cohort, ids), alone=True)
    except (SQLAlchemyError, RuntimeError) as error:
        if isinstance(error, SQLAlchemyError) and is_away(error):
            raise TryAgainError(f"the database is not to be had: {_fault(error)}") from error
        if len(ids) <= 1:
            reason = f"the database refused it: {_fault(error)}"
            with About(enrollment=ids[0] if ids else "", playbook=cohort.partition("@")[0]):
                _log.warning("the database refused an enrollment: %s", type(error).__name__)
            store.write(lambda tx: _stop(tx, ids, reason))
            return 0
    half = len(ids) // 2
    return _advance_slice(store, cohort, ids[:half]) + _advance_slice(store, cohort, ids[half:])


def _fault(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0][:200]


def _walk_slice(tx: Transaction, cohort: str, ids: Sequence[str]) -> int:
    current = published.current(tx)
    rows = _take(tx, ids)
    if rows:
        longest_due = min(row["wake_at"] for row in rows)
        metrics.LATENESS.observe((tx.now - longest_due).total_seconds())
    facts = load_facts(tx, current, sorted({row["lead"] for row in rows}))
    desk = Desk(tx, current, cohort, facts, deals=_deals(tx, current, rows))
    members = _members(tx, current, rows, desk)
    entered = {row["id"]: row["entered_at"] for row in rows}
    for member in members:
        about = {"enrollment": member.id, "playbook": member.plan.playbook}
        trace = str(member.memory.get("trace") or "")
        joined = tracing.Span("advance", trace, since=entered[member.id], now=tx.now, ids=about)
        with About(**about), joined as span:
            _walk_one(member, desk, current, span.traceparent)
            if isinstance(member.ended, Stop):
                _log.warning("stopped at %s", member.plan.ops[member.pc].step)
                span.fail("stopped")
    _close_asked(tx, {row["id"]: row for row in rows}, members)
    escalations.close(tx, [one.id for one in members if _is_over(one)], result="over")
    desk.flush()
    enrollments.log(tx, [(one.id, line) for one in members for line in one.log])
    awaited_events.consume(tx, [(one.id, *used) for one in members for used in one.consumed])
    by_id = {row["id"]: row for row in rows}
    enrollments.advance(tx, [_step(by_id[one.id], one, tx.now) for one in members])
    tasks.insert(tx, [_stopped_task(one, tx.now) for one in members if _is_stopped(one)])
    desk.react()
    return sum(len(one.log) for one in members)


def _close_asked(
    tx: Transaction, rows: Mapping[str, Mapping[Any, Any]], members: Sequence[Member]
) -> None:
    """Closes the approvals that nobody waits for any more; an answered one is closed already."""
    gone = [
        one.id
        for one in members
        if rows[one.id]["blocked_on"] == ON_ANSWER and one.seq != rows[one.id]["seq"]
    ]
    if gone:
        tasks.close_of(tx, gone, result="no answer in time")


def _is_over(member: Member) -> bool:
    """Whether nobody need answer what the inbox shows of an escalation any more."""
    if member.plan.escalation is None:
        return False
    rounds = (line.op == "climb" and line.outcome.startswith("round") for line in member.log)
    return isinstance(member.ended, Finish) or any(rounds)


def _deals(
    tx: Transaction, current: Current, rows: Sequence[Mapping[Any, Any]]
) -> dict[str, dict[str, Value]]:
    """The deals that the members know, locked after the leads."""
    ids = sorted({row["deal"] for row in rows if row["deal"]})
    deals.lock(tx, ids)
    return load_deals(tx, current, ids)


def _take(tx: Transaction, ids: Sequence[str]) -> Sequence[Mapping[Any, Any]]:
    """The rows of `ids` that are still due: leads locked first, in id order (I7)."""
    if not ids:
        return []
    if not tx.is_postgres:
        return enrollments.lock(tx, ids)
    locked = enrollments.leads_of(tx, ids)
    leads.lock(tx, locked)
    # A deal may have been given another primary contact in between: that one comes next time.
    return [row for row in enrollments.lock(tx, ids) if row["lead"] in locked]


def _members(
    tx: Transaction, current: Current, rows: Sequence[Mapping[Any, Any]], desk: Desk
) -> list[Member]:
    plans = {digest: published.plan(tx, digest) for digest in {row["digest"] for row in rows}}
    listening = [row["id"] for row in rows if plans[row["digest"]].listens]
    kept = awaited_events.kept(tx, listening) if listening else {}
    asked = {
        row["id"]: str(row["memory"].get("asked")) for row in rows if row["blocked_on"] == ON_ANSWER
    }
    answers = tasks.answers_of(tx, list(asked.values()))
    out = {row["id"]: row["seq"] for row in rows if row["blocked_on"] == ON_JOB}
    ends = jobs.ends_of(tx, out) if out else {}
    names = sorted({name for plan in plans.values() for name in plan.history})
    if names:
        desk.histories = load_histories(tx, sorted(desk.facts), names)
    return [
        _member(
            row, plans[row["digest"]], current, desk, kept.get(row["id"], ()), ends,
            answers.get(asked.get(row["id"], "")),
        )
        for row in rows
    ]  # fmt: skip


def _member(
    row: Mapping[Any, Any], plan: Plan, current: Current, desk: Desk, kept: Any, ends: Any,
    answer: Answer | None,
) -> Member:  # fmt: skip
    lead = desk.facts.get(row["lead"], {})
    history = desk.histories.get(row["lead"])
    deal = desk.deals.get(row["deal"]) if row["deal"] else None
    return Member(
        id=row["id"],
        record=row["record"],
        plan=plan,
        pc=row["pc"],
        seq=row["seq"],
        blocked_on=row["blocked_on"],
        until_at=row["until_at"],
        anchor_at=row["anchor_at"],
        listen_seq=row["listen_seq"],
        memory=dict(row["memory"]),
        scope=scope_of(
            current, lead, now=desk.now, history=history, run=run_of(row), deal=deal,
            record=plan.record,
        ),
        zone=current.zone_of(lead),
        awaited=kept,
        job=ends.get(row["id"]),
        answer=answer,
        due_at=row["wake_at"],
        lead=row["lead"],
        deal=row["deal"],
    )  # fmt: skip


def _walk_one(member: Member, desk: Desk, current: Current, trace: str = "") -> None:
    if member.lead not in desk.facts:
        end(member, Finish("deleted", "the lead is gone"))
        return
    if member.plan.record == "deal" and member.record not in desk.deals:
        end(member, Finish("deleted", "the deal is gone"))
        return
    try:
        walk(member, _Hands(desk, trace), current.calendar, desk.now)
    except SQLAlchemyError:
        raise
    except Exception as error:  # one member's fault must not stop the others (I6)
        _log.exception("an enrollment failed")
        desk.forget(member)
        end(member, Stop(_reason(error)))


def _reason(error: Exception) -> str:
    return (str(error).splitlines()[0] if str(error) else type(error).__name__)[:300]


@dataclass(frozen=True, slots=True)
class _Hands:
    """Carries out what the interpreter decides, at the desk of the slice."""

    desk: Desk
    trace: str = ""

    def act(self, member: Member, op: Do) -> Acted:
        action = inline(op.action)
        if action is None:
            raise NeverWorksError(f"no action is named '{op.action}' in this release")
        try:
            return action.run(op.params, member, self.desk)
        except (LongplayError, SQLAlchemyError):
            raise
        except Exception as error:  # nobody foresaw it; the step's `on_error` is for this, too
            _log.exception("an enrollment failed at %s", op.step)
            raise NeverWorksError(_reason(error)) from error

    def emit(self, member: Member, op: Send) -> Acted | None:
        action = outgoing(op.action)
        if action is None:
            raise NeverWorksError(f"no action is named '{op.action}' in this release")
        params = action.describe(op.params, member, self.desk)
        done = action.later(op.params, params, member, self.desk) if action.later else None
        if done is None:
            self._queue(member, op, action, params)
        return done

    def draw(self, member: Member, op: Split) -> Drawn | Later:
        return self.desk.splits.draw(member, op)

    def ask(self, member: Member, op: Ask, until_at: datetime) -> None:
        self.desk.ask(member, op, until_at)

    def rise(self, member: Member, rise: Rise) -> None:
        self.desk.rise(member, rise)

    def _queue(
        self, member: Member, op: Send, action: Outgoing, params: dict[str, JsonValue]
    ) -> None:
        if member.due_at is not None:
            params = params | {"since": member.due_at.isoformat()}
        if self.trace:
            params = params | {"trace": self.trace}
        self.desk.queue(
            member,
            op,
            queue=str(params.get("queue") or action.queue),
            marketing=action.marketing(op.params),
            params=params,
        )


def _is_stopped(member: Member) -> bool:
    return isinstance(member.ended, Stop)


def _step(row: Mapping[Any, Any], member: Member, now: datetime) -> enrollments.Step:
    values: dict[str, Any] = {
        "seq": member.seq, "pc": member.pc, "state": "waiting" if member.blocked_on else "active",
        "blocked_on": member.blocked_on, "wake_at": member.look_at, "until_at": member.until_at,
        "anchor_at": member.anchor_at, "listen_seq": member.listen_seq, "memory": member.memory,
    }  # fmt: skip
    if member.deal != row["deal"]:
        values["deal"] = member.deal
    match member.ended:
        case Finish() as how:
            values |= {
                "state": "finished", "ended_at": now, "outcome": how.outcome, "goal": how.goal,
                "goal_value": how.value, "reason": how.why, "wake_at": None, "blocked_on": "",
            }  # fmt: skip
        case Stop(reason):
            values |= {"state": "stopped", "reason": reason, "wake_at": None, "blocked_on": ""}
        case None:
            pass
    return enrollments.Step(row["id"], row["seq"], values)


def _stopped_task(member: Member, now: datetime) -> dict[str, Any]:
    step = member.plan.ops[member.pc].step
    reason = member.ended.reason if isinstance(member.ended, Stop) else ""
    return {
        # Not the key of (enrollment, seq): at that seq the step is tried again, and may add a task.
        "id": derived_id("stopped", member.id, member.seq), "kind": "stopped", "owner": None,
        "lead": member.lead, "deal": member.deal, "enrollment": member.id, "state": "open",
        "created_at": now,
        "subject": f"{member.plan.playbook} stopped at {step}", "text": reason, "priority": "",
        "result": "", "due_at": None, "snoozed_until": None, "ended_at": None,
    }  # fmt: skip


def _stop(tx: Transaction, ids: Sequence[str], reason: str) -> None:
    """Stops one enrollment whose effects the database refuses."""
    for row in _take(tx, ids):
        plan = published.plan(tx, row["digest"])
        member = Member(
            row["id"], row["record"], plan, row["pc"], row["seq"], "", None,
            row["anchor_at"], row["listen_seq"], dict(row["memory"]), {}, tx.now.tzinfo,  # type: ignore[arg-type]
            lead=row["lead"], deal=row["deal"],
        )  # fmt: skip
        end(member, Stop(reason))
        enrollments.log(tx, [(member.id, line) for line in member.log])
        enrollments.advance(tx, [_step(row, member, tx.now)])
        tasks.insert(tx, [_stopped_task(member, tx.now)])


def _progress(tx: Transaction, cohort: str, passed: int) -> Progress:
    batches = jobs.batches_of(tx, cohort)
    next_wake, deferred = enrollments.next_wake(tx, cohort), jobs.next_deferred(tx, cohort)
    wake_at = min(filter(None, (next_wake, deferred)), default=None)
    is_empty = not (batches or next_wake or deferred or enrollments.has_open(tx, cohort))
    more = wake_at is not None and wake_at <= tx.now + timedelta(milliseconds=1)
    return Progress(batches, wake_at, more, is_empty, passed, tx.now)
