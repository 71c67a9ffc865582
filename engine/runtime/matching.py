"""Which triggers and exits an event or a change of a record sets off. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from engine.playbook.conditions import condition
from engine.playbook.plan import Exit, Plan, Trigger
from engine.playbook.values import Record, Scope, Value
from engine.runtime.escalating import watches
from engine.runtime.position import Finish

Was: TypeAlias = Callable[[datetime | None], Scope]
"""The scope of a record before a change, as of a moment."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as triggers, exits and waits look at it.

    Attributes:
        enrollment: set when the event is on a message of that enrollment: nobody else's.
        source: the step whose message the event is on.
        deal: the deal that the event names; empty: it counts for all open deals of the lead.
        of_lead: false for the primary contact of the deal when somebody else caused the event.
        trace: the traceparent of its coming in; empty: it is not traced.
    """

    id: str
    name: str
    properties: Mapping[str, Value]
    enrollment: str = ""
    source: str = ""
    deal: str = ""
    of_lead: bool = True
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A change of a record: what it was (None: it did not exist), what it is, and its own id.

    Attributes:
        record: `lead` or `deal`, as scopes call it.
        contact: of a deal: its primary contact as it was, when that changed.
    """

    before: Record | None
    after: Record
    id: str
    record: str = "lead"
    contact: Record | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger that fired: its place in `enroll.when` and the cause, unique per record."""

    position: int
    kind: str
    cause: str


def fired_by_event(plan: Plan, happened: Happened, scope: Scope) -> Fired | None:
    """The first item of `when` that the event sets off. `scope["event"]` is the event."""
    for position, trigger in enumerate(plan.enroll.triggers):
        if trigger.kind == "event" and trigger.event == happened.name and _holds(trigger, scope):
            return Fired(position, "event", f"event:{happened.id}")
    return None


def fired_by_change(
    plan: Plan, edge: Edge, scope: Scope, was: Was, looked_at: Mapping[str, datetime]
) -> Fired | None:
    """The first item of `when` that the change sets off: on the edge, never on the level.

    Args:
        plan: the playbook's current plan.
        edge: the change.
        scope: the record as it is.
        was: the scope of the record before the change, at a moment; None: now.
        looked_at: when records were last looked at, by the condition of a segment that time alone
            can change: who came in since then has not been told yet.
    """
    if plan.escalation is not None:
        return Fired(0, "watch", f"watch:{edge.id}") if _comes(plan, edge, scope, was) else None
    for position, trigger in enumerate(plan.enroll.triggers):
        if _crosses(trigger, edge, scope, was, looked_at) and (
            trigger.kind == "segment" or _holds(trigger, scope)
        ):
            return Fired(position, trigger.kind, f"{trigger.kind}:{position}:{edge.id}")
    return None


def held_back(plan: Plan, happened: Happened) -> Trigger | None:
    """The first item of `when` that looks for the event, where none fired: its `if` was false."""
    waiting = (one for one in plan.enroll.triggers if one.event == happened.name and one.cond)
    return next(waiting, None)


def held_back_by_change(plan: Plan, edge: Edge, scope: Scope) -> Trigger | None:
    """The first stage or score that the change crossed, which did not fire: its `if` was false."""
    for trigger in plan.enroll.triggers:
        is_edge = bool(trigger.cond) and trigger.kind in ("stage", "score")
        if is_edge and _crosses(trigger, edge, scope, lambda _at: {}, {}):
            return trigger
    return None


def exit_by_event(plan: Plan, happened: Happened, scope: Scope) -> Exit | None:
    """The first exit that the event means. `scope["event"]` is the event."""
    for item in plan.exits:
        if item.event == happened.name and (not item.cond or condition(item.cond).truth(scope)):
            return item
    return None


def implied_exit(plan: Plan, happened: Happened) -> Finish | None:
    """The exits that every nurture has (language.md, section 4).

    Leaving one topic skips that topic's mails; only leaving all of them ends a nurture.
    """
    if not happened.of_lead:
        return None
    if plan.kind != "nurture" or not plan.exit_on_unsubscribe:
        return None
    if happened.name == "email.unsubscribed" and not happened.properties.get("topic"):
        return Finish("unsubscribed", "unsubscribed from all")
    if happened.name == "email.complained":
        return Finish("unsubscribed", "complained about a mail")
    if happened.name == "email.bounced" and happened.properties.get("kind", "hard") == "hard":
        return Finish("bounced", "the address does not exist")
    return None


def _comes(plan: Plan, edge: Edge, scope: Scope, was: Was) -> bool:
    """Whether the change makes an escalation watch the record, or watch it anew.

    Another stage is another stay, and where the clock counts from an assignment so is another
    owner; a watch that somebody ended within one stay does not begin again by itself.
    """
    if not watches(plan, scope):
        return False
    if edge.before is None or _places(edge.before, edge.record) != _places(edge.after, edge.record):
        return True
    assert plan.escalation is not None
    if edge.before.get("entry_ref") != edge.after.get("entry_ref"):
        return True
    if plan.escalation.starts == "assigned" and edge.before.get("owner") != edge.after.get("owner"):
        return bool(edge.after.get("owner"))
    return not watches(plan, was(None))


def _holds(trigger: Trigger, scope: Scope) -> bool:
    return not trigger.cond or condition(trigger.cond).truth(scope)


def _crosses(
    trigger: Trigger, edge: Edge, scope: Scope, was: Was, looked_at: Mapping[str, datetime]
) -> bool:
    before, after = edge.before, edge.after
    match trigger.kind:
        case "stage":
            stood = None if before is None else _places(before, edge.record)
            return stood != _places(after, edge.record) and trigger.stage in _places(
                after, edge.record
            )
        case "score":
            was_lead, lead = _leads(edge, scope)
            was_points = 0.0 if was_lead is None else _number(was_lead, trigger.score)
            return was_points < trigger.level <= _number(lead, trigger.score)
        case "segment":
            check = condition(trigger.cond)
            if not check.truth(scope):
                return False
            looked = looked_at.get(trigger.cond)
            return (
                before is None
                or not check.truth(was(None))
                or (looked is not None and not check.truth(was(looked)))
            )
        case _:
            return False


def _places(record: Record, kind: str) -> tuple[str, ...]:
    """What a trigger may call the stage: of a deal also with its pipeline before it."""
    stage = str(record.get("stage") or "")
    return (stage,) if kind == "lead" else (stage, f"{record.get('pipeline')}.{stage}")


def _leads(edge: Edge, scope: Scope) -> tuple[Record | None, Record]:
    """The lead as it was and as it is; of a deal, its primary contact."""
    if edge.record == "lead":
        return edge.before, edge.after
    lead = scope.get("lead")
    now: Record = lead if isinstance(lead, Mapping) else {}
    return (now if edge.contact is None else edge.contact), now


def _number(record: Record, score: str) -> float:
    value = record.get("score")
    if score not in {"", "score"}:
        scores = record.get("scores")
        named = scores.get(score) if isinstance(scores, Mapping) else None
        value = named.get("total") if isinstance(named, Mapping) else None
    return float(value) if isinstance(value, int | float) else 0.0
