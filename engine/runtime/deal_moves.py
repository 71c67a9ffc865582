"""May this deal move there? One pure decision, with its reason.

A move forward may skip stages. `leave_if` of the stage it leaves, `enter_if` and `requires` of the
stage it enters are obeyed. Backward, out of a stage that closes, and into another pipeline only by
force; force sets no criterion aside. A deal may be lost from anywhere, so `leave_if` does not hold
it back from a stage that closes it as lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.errors import InputError
from engine.playbook.conditions import condition
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Scope, Value
from engine.playbook.workspace import Pipeline, PipelineStage

Pipelines: TypeAlias = Mapping[str, Pipeline]


@dataclass(frozen=True, slots=True)
class Place:
    """A stage of a pipeline; `closes` is `won`, `lost`, or empty."""

    pipeline: str
    stage: str
    closes: str

    def __str__(self) -> str:
        return f"{self.pipeline}.{self.stage}"


@dataclass(frozen=True, slots=True)
class Moves:
    """It moves there."""

    to: Place


@dataclass(frozen=True, slots=True)
class Stays:
    """It is there already."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not move there, and why."""

    why: str
    help: str = ""


MoveDecision: TypeAlias = Moves | Stays | Refused


def place_named(pipelines: Pipelines, text: str, own: str = "") -> Place:
    """The stage that a text means: `b2b.proposal`, or `proposal` of a deal's own pipeline.

    Args:
        pipelines: the workspace's.
        text: what somebody wrote; empty is the first stage.
        own: the pipeline of the deal; empty: the only one that has the stage.

    Raises:
        InputError: it means none, or several.
    """
    before, dot, after = text.partition(".")
    if dot and before in pipelines:
        return _in_pipeline(pipelines, before, after)
    if own:
        return _in_pipeline(pipelines, own, text)
    holders = [name for name, each in pipelines.items() if not text or each.stage(text)]
    if len(holders) == 1:
        return _in_pipeline(pipelines, holders[0], text)
    if not pipelines:
        raise InputError(
            "the workspace has no pipeline",
            help="declare one under `pipelines:` in longplay.yaml, then run: longplay apply",
        )
    if holders:
        where = f"'{text}' is a stage of" if text else "there are"
        raise InputError(
            f"{where} several pipelines: {', '.join(holders)}",
            help=f"name one: {holders[0]}.{text}" if text else f"name one: pipeline={holders[0]}",
        )
    known = [stage.name for each in pipelines.values() for stage in each.stages]
    raise InputError(f"no pipeline has a stage '{text[:60]}'", help=did_you_mean(text, known))


def may_enter(pipelines: Pipelines, to: Place, scope: Scope) -> Refused | None:
    """Why the deal of `scope` may not be in that stage; None when it may.

    Args:
        pipelines: the workspace's.
        to: the stage.
        scope: the deal as it will be, and its lead and owner.
    """
    stage = _stage(pipelines, to)
    if stage.enter_if:
        check = condition(stage.enter_if)
        if not check.truth(scope):
            return Refused(f"{to} is entered only if {stage.enter_if}: {check.explain(scope)}")
    deal = scope.get("deal")
    missing = [
        name
        for name in (one.removeprefix("deal.") for one in stage.requires)
        if not isinstance(deal, Mapping) or deal.get(name) in (None, "", [])
    ]
    if missing:
        named = ", ".join(f"'{name}'" for name in missing)
        return Refused(f"{to} requires {named}", help=f"set it: {missing[0]}=…")
    return None


def decide_move(
    pipelines: Pipelines, to: Place, scope: Scope, *, force: bool = False
) -> MoveDecision:
    """Whether the deal of `scope`, as it will be but for its stage, moves to that stage."""
    deal = scope["deal"]
    assert isinstance(deal, Mapping)
    here = _here(pipelines, deal)
    if (here.pipeline, here.stage) == (to.pipeline, to.stage):
        return Stays(f"is in {to} already")
    if not force:
        backward = _backward(pipelines, here, to)
        if backward:
            return Refused(f"from {here} to {to} {backward}; force is not set", help="force it")
    held = _may_leave(pipelines, here, to, scope)
    return held or may_enter(pipelines, to, scope) or Moves(to)


def _backward(pipelines: Pipelines, here: Place, to: Place) -> str:
    """What makes the move one that needs force; empty when it is plainly forward."""
    if here.pipeline != to.pipeline:
        return "changes the pipeline"
    if here.closes:
        return f"opens a deal again that is {here.closes}"
    order = [stage.name for stage in pipelines[to.pipeline].stages]
    # A stage that the pipeline does not have any more is before all others.
    if here.stage in order and order.index(to.stage) < order.index(here.stage):
        return "is backward"
    return ""


def _may_leave(pipelines: Pipelines, here: Place, to: Place, scope: Scope) -> Refused | None:
    stage = pipelines[here.pipeline].stage(here.stage) if here.pipeline in pipelines else None
    if stage is None or not stage.leave_if or to.closes == "lost":
        return None
    if here.pipeline != to.pipeline or _backward(pipelines, here, to):
        return None
    check = condition(stage.leave_if)
    if check.truth(scope):
        return None
    return Refused(f"{here} is left only if {stage.leave_if}: {check.explain(scope)}")


def _here(pipelines: Pipelines, deal: Mapping[str, Value]) -> Place:
    pipeline, stage = str(deal.get("pipeline") or ""), str(deal.get("stage") or "")
    known = pipelines[pipeline].stage(stage) if pipeline in pipelines else None
    return Place(pipeline, stage, known.closes if known else str(deal.get("closed") or ""))


def _in_pipeline(pipelines: Pipelines, pipeline: str, stage: str) -> Place:
    found = pipelines.get(pipeline)
    if found is None:
        raise InputError(
            f"no pipeline is named '{pipeline[:60]}'", help=did_you_mean(pipeline, pipelines)
        )
    known = found.stage(stage) if stage else found.stages[0]
    if known is None:
        names = [each.name for each in found.stages]
        raise InputError(
            f"the pipeline '{pipeline}' has no stage '{stage[:60]}'",
            help=did_you_mean(stage, names),
        )
    return Place(pipeline, known.name, known.closes)


def _stage(pipelines: Pipelines, place: Place) -> PipelineStage:
    found = pipelines[place.pipeline].stage(place.stage)
    assert found is not None
    return found
