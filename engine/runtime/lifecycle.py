"""May this lead move to that stage? One pure decision, with its reason, whoever asks.

A move forward may skip stages. `leave_if` of the stage it leaves, `enter_if` and `requires` of the
stage it enters are obeyed. Backward a lead goes only where its stage says `back_to`, or by force;
force sets no criterion aside. A person who sends a lead back says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.playbook.conditions import condition
from engine.playbook.lifecycle import LifecycleStage, stage_named
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Scope, Value

Stages: TypeAlias = tuple[LifecycleStage, ...]


@dataclass(frozen=True, slots=True)
class Advances:
    """It moves on to that stage."""

    stage: str


@dataclass(frozen=True, slots=True)
class Recycles:
    """It goes back to that stage; `forced`: its own stage does not say that it may."""

    stage: str
    forced: bool


@dataclass(frozen=True, slots=True)
class Remains:
    """It is there already."""

    why: str


@dataclass(frozen=True, slots=True)
class Denied:
    """It may not move there, and why."""

    why: str
    help: str = ""


StageDecision: TypeAlias = Advances | Recycles | Remains | Denied


def decide_stage(stages: Stages, to: str, scope: Scope, *, force: bool = False) -> StageDecision:
    """Whether the lead of `scope`, as it will be but for its stage, moves to the stage `to`.

    Args:
        stages: the lifecycle.
        to: the stage's name.
        scope: the lead, and its owner.
        force: backward, too, where the stage does not say so.
    """
    target = stage_named(stages, to)
    if target is None:
        known = [stage.name for stage in stages]
        return Denied(f"the lifecycle has no stage '{to[:60]}'", did_you_mean(to, known))
    lead = scope["lead"]
    here = str(lead.get("stage") or "") if isinstance(lead, Mapping) else ""
    if here == to:
        return Remains(f"is in {to} already")
    backward = _is_backward(stages, here, to)
    present = stage_named(stages, here)
    may_go_back = present is not None and to in present.back_to
    if backward and not (force or may_go_back):
        ways = f"write `back_to: [{to}]` at '{here}' in longplay.yaml, or force it"
        return Denied(f"from {here} to {to} is backward; force is not set", ways)
    held = None if backward else _may_leave(present, scope)
    held = held or may_be_in(target, scope)
    if held is not None:
        return held
    return Recycles(to, forced=not may_go_back) if backward else Advances(to)


def may_be_in(stage: LifecycleStage, scope: Scope) -> Denied | None:
    """Why the lead of `scope` may not enter a stage; None when it may."""
    if stage.enter_if:
        check = condition(stage.enter_if)
        if not check.truth(scope):
            why = f"{stage.name} is entered only if {stage.enter_if}: {check.explain(scope)}"
            return Denied(why)
    missing = missing_fields(stage, scope.get("lead"))
    if missing:
        named = ", ".join(f"'{name}'" for name in missing)
        return Denied(f"{stage.name} requires {named}", f"set it: {missing[0]}=…")
    return None


def missing_fields(stage: LifecycleStage, lead: object) -> list[str]:
    """The fields that a stage requires and the lead does not have."""
    known: Mapping[str, Value] = lead if isinstance(lead, Mapping) else {}
    names = [one.removeprefix("lead.") for one in stage.requires]
    return [name for name in names if known.get(name) in (None, "", [])]


def has_criteria(stages: Stages) -> bool:
    """Whether entering or leaving any stage takes anything."""
    return any(one.enter_if or one.leave_if or one.requires for one in stages)


def _is_backward(stages: Stages, here: str, to: str) -> bool:
    order = [stage.name for stage in stages]
    # A stage that the lifecycle does not have any more is before all others.
    return here in order and order.index(to) < order.index(here)


def _may_leave(present: LifecycleStage | None, scope: Scope) -> Denied | None:
    if present is None or not present.leave_if:
        return None
    check = condition(present.leave_if)
    if check.truth(scope):
        return None
    return Denied(f"{present.name} is left only if {present.leave_if}: {check.explain(scope)}")
