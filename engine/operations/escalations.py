"""What people do about an escalation: acknowledge, snooze, pause, resume, done. Each is recorded.

Each is one transaction under the lead's lock, as the firing of a level is: of two in the same
instant one comes first, and the other sees what it did (runtime.md, I10). The watch is looked at
again right after, and works out anew when its next level is due.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.errors import InputError, NotFoundError
from engine.ids import new_id
from engine.operations import coming, published
from engine.operations.intake import IncomingEvent, event_id, intake_in
from engine.operations.scopes import load_deals, load_facts, run_of, scope_of
from engine.playbook.durations import parse_duration
from engine.playbook.plan import Climb, Plan
from engine.runtime import civil
from engine.runtime.calendar import BusinessCalendar
from engine.runtime.escalating import CLOCK, Clock, Ladder, Stand, clock_of, stay_of
from engine.runtime.position import ON_CLIMB
from engine.store import enrollments, escalations, leads, tasks
from engine.store.database import Store, Transaction

LONGEST_REASON = 500
WAITING = "waiting for the customer"
"""The reason of a pause that says none."""


def acknowledge(store: Store, id: str, *, actor: str = "") -> dict[str, Any]:
    """Says that somebody sees to it: no further level fires for as long as the playbook says.

    The clock goes on meanwhile. Acknowledging again begins that time again.

    Args:
        id: of the line in the inbox, or of the enrollment that watches the record.
        actor: who does it.

    Returns:
        The escalation as the inbox shows it; `until` says how long it holds.

    Raises:
        NotFoundError: there is no such escalation.
        InputError: it is over.
    """

    def act(tx: Transaction, one: "_Watch") -> "_Act":
        assert one.plan.escalation is not None
        span = parse_duration(one.plan.escalation.acknowledge)
        until = civil.add(tx.now, span, one.calendar.zone, one.calendar)
        return _Act("acknowledged", replace(one.clock, quiet_until=until), until)

    return store.write(lambda tx: _do(tx, id, actor, act))


def snooze(store: Store, id: str, until: datetime, *, actor: str = "") -> dict[str, Any]:
    """Lets the clock stand still until then; what was left of the time is left afterwards.

    Args:
        id: of the line in the inbox, or of the enrollment that watches the record.
        until: a time without a zone is on the clock of the workspace.
        actor: who does it.

    Raises:
        NotFoundError: there is no such escalation.
        InputError: it is over, or `until` is past.
    """

    def act(tx: Transaction, one: "_Watch") -> "_Act":
        then = _in_future(tx, until)
        return _Act("snoozed", one.clock.stood(Stand(tx.now, then)), then, snoozed_until=then)

    return store.write(lambda tx: _do(tx, id, actor, act))


def pause(
    store: Store, id: str, reason: str = WAITING, *, until: datetime | None = None, actor: str = ""
) -> dict[str, Any]:
    """Lets the clock stand still for a reason, until somebody resumes it or another round begins.

    Args:
        id: of the line in the inbox, or of the enrollment that watches the record.
        reason: what it waits for, in a person's words.
        until: it goes on by itself then, at the latest.
        actor: who does it.

    Raises:
        NotFoundError: there is no such escalation.
        InputError: it is over, `until` is past, or the reason is too long.
    """
    said = _reason(reason) or WAITING

    def act(tx: Transaction, one: "_Watch") -> "_Act":
        then = _in_future(tx, until) if until is not None else None
        return _Act("paused", one.clock.stood(Stand(tx.now, then, said)), then, said)

    return store.write(lambda tx: _do(tx, id, actor, act))


def resume(store: Store, id: str, *, actor: str = "") -> dict[str, Any]:
    """Lets a clock that was snoozed or paused go on now; an acknowledgement ends as well.

    Raises:
        NotFoundError: there is no such escalation.
        InputError: it is over, or nothing holds it.
    """

    def act(tx: Transaction, one: "_Watch") -> "_Act":
        quiet = one.clock.quiet_until is not None and one.clock.quiet_until > tx.now
        if one.clock.stand_at(tx.now) is None and not quiet:
            raise InputError("its clock is running", help="nothing holds it: leave it as it is")
        return _Act("resumed", replace(one.clock.resumed(tx.now), quiet_until=None))

    return store.write(lambda tx: _do(tx, id, actor, act))


def done(store: Store, id: str, *, result: str = "", actor: str = "") -> dict[str, Any]:
    """Says that what the escalation asked for has been done.

    It counts as `lead.contacted`, of a deal as `deal.activity`, which may end the watch; if it does
    not, the clock begins anew, with the first round.

    Args:
        id: of the line in the inbox, or of the enrollment that watches the record.
        result: what came of it, in a person's words.
        actor: who did it.

    Raises:
        NotFoundError: there is no such escalation.
        InputError: it is over.
    """
    said = _reason(result, 10_000)

    def act(tx: Transaction, one: "_Watch") -> "_Act":
        _tell(tx, one, said, actor)
        row = enrollments.lock_one(tx, one.row["id"])
        clock = replace(one.clock.renewed(tx.now, one.stay), round=1)
        return _Act("done", clock, reason=said, row=row)

    return store.write(lambda tx: _do(tx, id, actor, act))


@dataclass(frozen=True, slots=True)
class _Watch:
    """A watch in hand, its lead locked."""

    row: Mapping[Any, Any]
    plan: Plan
    clock: Clock
    scope: Mapping[str, object]
    calendar: BusinessCalendar

    @property
    def ladder(self) -> Ladder:
        climb = next(op for op in self.plan.ops if isinstance(op, Climb))
        return Ladder(climb.levels, self.calendar)

    @property
    def stay(self) -> Any:
        return stay_of(self.plan, self.scope)


@dataclass(frozen=True, slots=True)
class _Act:
    """What somebody does: the clock afterwards, and what is said of it."""

    name: str
    clock: Clock
    until: datetime | None = None
    reason: str = ""
    snoozed_until: datetime | None = None
    row: Mapping[Any, Any] | None = None


def _do(
    tx: Transaction, id: str, actor: str, act: Callable[[Transaction, _Watch], _Act]
) -> dict[str, Any]:
    watch = _watch(tx, id)
    task = escalations.open_task(tx, watch.row["id"])
    what = act(tx, watch)
    row = what.row or watch.row
    if row["ended_at"] is None:
        _keep(tx, row, what.clock)
    level = watch.ladder.passed(watch.clock)
    escalations.record(tx, [
        {
            "id": new_id(), "enrollment": row["id"], "playbook": row["playbook"],
            "lead": row["lead"], "deal": row["deal"], "at": tx.now, "act": what.name,
            "round": watch.clock.round, "level": level, "by": actor, "until": what.until,
            "reason": what.reason, "position": time.time_ns(),
        }
    ])  # fmt: skip
    said = _said(what, actor)
    if task is not None:
        due = watch.ladder.next_at(what.clock, tx.now)
        shown = {"text": said, "snoozed_until": what.snoozed_until, "due_at": due}
        if what.name == "done":
            escalations.close(tx, [row["id"]], result=what.reason or "done", by=actor)
        else:
            escalations.say(tx, task["id"], shown)
        task = tasks.get(tx, task["id"])
    return _shape(watch, task, what, level, said)


def _watch(tx: Transaction, id: str) -> _Watch:
    """The watch that an id of the inbox, or of an enrollment, means; its lead is locked."""
    run = id
    known = _task(tx, id)
    if known is not None:
        if known["kind"] != escalations.KIND:
            raise InputError(
                f"task '{id}' is no escalation", help="finish it with: longplay inbox done ID"
            )
        run = str(known["enrollment"])
    found = enrollments.by_id(tx, run)
    if found is None:
        raise NotFoundError(
            f"no escalation has the id '{id}'", help="list them with: longplay inbox"
        )
    leads.lock(tx, [found["lead"]])
    row = enrollments.lock_one(tx, run)
    plan = published.plan(tx, row["digest"])
    if plan.escalation is None:
        raise InputError(f"enrollment '{id}' is no escalation, but one of '{plan.playbook}'")
    clock = clock_of(row["memory"])
    if row["ended_at"] is not None:
        raise InputError(f"the escalation is over: {row['reason'] or row['outcome']}")
    if clock is None:
        raise InputError("its clock has not begun to count", help="try again in a moment")
    current = published.current(tx)
    facts = load_facts(tx, current, [row["lead"]]).get(row["lead"], {})
    deal = load_deals(tx, current, [row["deal"]]).get(row["deal"]) if row["deal"] else None
    scope = scope_of(current, facts, now=tx.now, run=run_of(row), deal=deal, record=plan.record)
    return _Watch(row, plan, clock, scope, current.calendar(plan.calendar, scope))


def _task(tx: Transaction, id: str) -> Mapping[str, Any] | None:
    try:
        return tasks.get(tx, id)
    except NotFoundError:
        return None


def _keep(tx: Transaction, row: Mapping[Any, Any], clock: Clock) -> None:
    """Writes the clock; a watch that waits for its next level looks at it at once."""
    values: dict[str, Any] = {"memory": {**row["memory"], CLOCK: clock.as_json()}}
    rests = row["blocked_on"] == ON_CLIMB and row["held_at"] is None
    if rests and row["state"] == "waiting":
        values["wake_at"] = tx.now
        tx.nudges.add(row["cohort"])
    enrollments.set_values(tx, row["id"], row["seq"], values)


def _tell(tx: Transaction, one: _Watch, result: str, actor: str) -> None:
    """The event that it is when somebody has done what was asked for."""
    deal, lead = one.row["deal"] or "", one.row["lead"]
    name = "deal.activity" if deal else "lead.contacted"
    if not deal:
        leads.touch(tx, [lead], "last_contacted_at")
        coming.touched(tx, published.current(tx), [lead], "last_contacted_at")
    properties = {"escalation": one.row["id"], "result": result, "by": actor}
    id = event_id(name, one.row["id"], tx.now.isoformat())
    intake_in(tx, [IncomingEvent(name, {"id": lead}, id=id, properties=properties, deal=deal)])


def _said(what: _Act, actor: str) -> str:
    parts = [what.name, f"by {actor}" if actor else ""]
    parts.append(f"until {what.until.isoformat(timespec='minutes')}" if what.until else "")
    said = " ".join(filter(None, parts))
    return f"{said}: {what.reason}" if what.reason else said


def _shape(
    watch: _Watch, task: Mapping[str, Any] | None, what: _Act, level: int, said: str
) -> dict[str, Any]:
    row = watch.row
    return {
        "id": task["id"] if task is not None else row["id"], "kind": escalations.KIND,
        "subject": task["subject"] if task is not None else row["playbook"],
        "owner": task["owner"] if task is not None else None, "level": level,
        "due_at": task["due_at"] if task is not None else None,
        "state": task["state"] if task is not None else "open", "text": said,
        "lead": row["lead"], "deal": row["deal"], "enrollment": row["id"],
        "round": watch.clock.round, "act": what.name, "until": what.until,
    }  # fmt: skip


def _in_future(tx: Transaction, until: datetime) -> datetime:
    then = until if until.tzinfo else until.replace(tzinfo=published.current(tx).zone)
    if then <= tx.now:
        raise InputError(f"'{then.isoformat()}' is past", help="name a time that is to come")
    return then


def _reason(text: str, most: int = LONGEST_REASON) -> str:
    said = text.replace("\x00", "").strip()
    if len(said) > most:
        raise InputError(f"the reason is longer than {most:,} characters")
    return said
