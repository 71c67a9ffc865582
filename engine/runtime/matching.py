"""Which triggers and exits an event or a change of a record sets off. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.playbook.conditions import condition
from engine.playbook.plan import Exit, Plan, Trigger
from engine.playbook.values import Record, Scope, Value


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as triggers, exits and waits look at it.

    Attributes:
        enrollment: set when the event is on a message of that enrollment: nobody else's.
        source: the step whose message the event is on.
    """

    id: str
    name: str
    properties: Mapping[str, Value]
    enrollment: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A change of a record: what it was (None: it did not exist), what it is, and its own id."""

    before: Record | None
    after: Record
    id: str


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


def fired_by_change(plan: Plan, edge: Edge, scope: Scope) -> Fired | None:
    """The first item of `when` that the change sets off: on the edge, never on the level."""
    for position, trigger in enumerate(plan.enroll.triggers):
        if _crosses(trigger, edge, scope) and (trigger.kind == "segment" or _holds(trigger, scope)):
            return Fired(position, trigger.kind, f"{trigger.kind}:{position}:{edge.id}")
    return None


def exit_by_event(plan: Plan, happened: Happened, scope: Scope) -> Exit | None:
    """The first exit that the event means. `scope["event"]` is the event."""
    for item in plan.exits:
        if item.event == happened.name and (not item.cond or condition(item.cond).truth(scope)):
            return item
    return None


def _holds(trigger: Trigger, scope: Scope) -> bool:
    return not trigger.cond or condition(trigger.cond).truth(scope)


def _crosses(trigger: Trigger, edge: Edge, scope: Scope) -> bool:
    before, after = edge.before, edge.after
    match trigger.kind:
        case "stage":
            was = None if before is None else before.get("stage")
            return was != after.get("stage") and after.get("stage") == trigger.stage
        case "score":
            was_points = 0.0 if before is None else _number(before, trigger.score)
            return was_points < trigger.level <= _number(after, trigger.score)
        case "segment":
            check = condition(trigger.cond)
            was_in = before is not None and check.truth({**scope, "lead": before})
            return not was_in and check.truth(scope)
        case _:
            return False


def _number(record: Record, score: str) -> float:
    value = record.get("score")
    if score not in {"", "score"}:
        scores = record.get("scores")
        named = scores.get(score) if isinstance(scores, Mapping) else None
        value = named.get("total") if isinstance(named, Mapping) else None
    return float(value) if isinstance(value, int | float) else 0.0
