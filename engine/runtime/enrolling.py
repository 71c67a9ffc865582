"""May this record enter that playbook now? One pure decision, with its reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from typing import TypeAlias

from engine.playbook.conditions import condition
from engine.playbook.durations import Duration
from engine.playbook.plan import Plan
from engine.runtime import civil
from engine.runtime.civil import BusinessTime
from engine.runtime.interpreter import exit_that_holds
from engine.runtime.waiting import duration


@dataclass(frozen=True, slots=True)
class Former:
    """An earlier enrollment of the same record in the same playbook; None: still open."""

    key: str
    cause: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Enter:
    """It enters, under this key."""

    key: str


@dataclass(frozen=True, slots=True)
class Decline:
    """It does not enter, and why: `reason` is a closed word, `why` a sentence."""

    reason: str
    why: str


Entry: TypeAlias = Enter | Decline


def decide_entry(
    plan: Plan,
    scope: Mapping[str, object],
    cause: str,
    former: Sequence[Former],
    *,
    suppressed: bool,
    now: datetime,
    zone: tzinfo,
    key: str | None = None,
    calendar: BusinessTime | None = None,
) -> Entry:
    """Whether the record in `scope` enters `plan` (language.md, section 4, "Rulings").

    Args:
        plan: the playbook's current plan.
        scope: the record, and the event that set the trigger off.
        cause: what set it off; the same cause enrolls a record once.
        former: its enrollments in this playbook, any key, open and ended.
        suppressed: its address must not be mailed at all.
        now: the moment of the trigger.
        zone: the record's zone, for `after 90 days`.
        key: given by hand; else the plan's expression says it.
        calendar: what `after 30 business days` is measured by.
    """
    if plan.enroll.cond and not condition(plan.enroll.cond).truth(scope):
        return Decline("condition", f"enroll.if: {condition(plan.enroll.cond).explain(scope)}")
    leaving = exit_that_holds(plan, scope)
    if leaving is not None:
        return Decline("exit-holds", leaving.why)
    if suppressed and plan.kind == "nurture" and plan.exit_on_unsubscribe:
        return Decline("suppressed", "the address is unsubscribed from all, or bounced")
    if key is None:
        key = _key(plan, scope)
    add = partial(civil.add, zone=zone, calendar=calendar)
    return _by_history(plan, key, cause, former, now, add)


def _key(plan: Plan, scope: Mapping[str, object]) -> str:
    if not plan.enroll.key:
        return ""
    value = condition(plan.enroll.key).value(scope)
    return "" if value is None else str(value)


def _by_history(
    plan: Plan,
    key: str,
    cause: str,
    former: Sequence[Former],
    now: datetime,
    add: Callable[[datetime, Duration], datetime],
) -> Entry:
    if any(one.cause == cause for one in former):
        return Decline("same-cause", "this very trigger has already enrolled it")
    same = [one for one in former if one.key == key]
    if any(one.ended_at is None for one in same):
        return Decline("already-in", "it is in the playbook already")
    if not same or plan.enroll.again == "always":
        return Enter(key)
    if plan.enroll.again == "never":
        return Decline("again-never", "it has been in the playbook, and again is never")
    last = max(one.ended_at for one in same if one.ended_at is not None)
    span = plan.enroll.again.removeprefix("after ").strip()
    free_at = add(last, duration(span))
    if now < free_at:
        return Decline("again-later", f"again is after {span}, that is {free_at.isoformat()}")
    return Enter(key)
