"""What a playbook says about deals: the stages it names, and the fields of a `deal:` step.

Where a deal is known: in a playbook with `for: deal`, and behind a `deal:` step.
"""

from collections.abc import Mapping

from engine.playbook.conditions.vocabulary import ValueType
from engine.playbook.expressions import Expressions
from engine.playbook.field_checks import check_text
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.reading import Reader
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import Workspace

_NOT_WRITTEN = {
    "id": "Longplay makes it",
    "lead": "it is the lead that the run is about",
    "created_at": "it is the moment of the step",
    "stage_entered_at": "it is the moment of the step",
    "last_activity_at": "it follows from what happens",
}
_NO_DEAL = "no deal is known here"
_OPEN_ONE = "write `for: deal`, or open one before with a `deal:` step"


def check_stage(stage: str, at: Node, expressions: Expressions) -> None:
    """Reports a stage that a `stage:` step cannot move the record to."""
    workspace, reader = expressions.workspace, expressions.reader
    pipeline, dot, name = stage.partition(".")
    if dot and pipeline == "lead" and pipeline not in workspace.pipelines:
        _known(name, workspace.lifecycle, at, reader)
    elif dot and pipeline in workspace.pipelines:
        if not expressions.knows_deal:
            reader.report("no-deal-here", f"'{stage}': {_NO_DEAL}", _OPEN_ONE, at.span)
        _known(name, _stages(workspace, pipeline), at, reader)
    elif expressions.record == "deal":
        _known(stage, _every_stage(workspace), at, reader)
    else:
        _known(stage, workspace.lifecycle, at, reader)


def check_entered(stage: str, at: Node, expressions: Expressions) -> None:
    """Reports a stage that a `stage` trigger waits for in vain."""
    workspace, reader = expressions.workspace, expressions.reader
    pipeline, dot, name = stage.partition(".")
    if dot and pipeline in workspace.pipelines:
        if expressions.record == "lead":
            message = f"'{stage}' is a stage of deals, and this playbook is for leads"
            reader.report("no-deal-here", message, "write `for: deal`", at.span)
        _known(name, _stages(workspace, pipeline), at, reader)
    elif expressions.record == "deal":
        _known(stage, _every_stage(workspace), at, reader)
    else:
        _known(stage, workspace.lifecycle, at, reader)


def check_opening(node: Node, expressions: Expressions) -> None:
    """Reports what a `deal:` step cannot open a deal with."""
    if not isinstance(node, MapNode):
        return
    reader = expressions.reader
    fields = expressions.names(record="deal").roots["deal"].fields or {}
    for key, at in node.keys.items():
        name = key.removeprefix("deal.")
        if name in _NOT_WRITTEN:
            message = f"'{key}' cannot be set"
            reader.report("field-not-settable", message, _NOT_WRITTEN[name], at.span)
        elif name not in fields:
            hint = did_you_mean(name, fields.keys() - _NOT_WRITTEN.keys())
            reader.report("unknown-field", f"no field named '{key}'", hint, at.span)
        else:
            _check_value(name, fields[name], node.values[key], expressions)
    _check_place(node, expressions)


def _check_value(name: str, kind: ValueType, value: Node, expressions: Expressions) -> None:
    if not isinstance(value, ScalarNode) or "{{" in value.text:
        return
    if name in ("stage", "pipeline"):
        return
    if name == "owner":
        owners = expressions.workspace.owners
        if value.text not in owners:
            message, hint = f"no owner named '{value.text}'", did_you_mean(value.text, owners)
            expressions.reader.report("unknown-owner", message, hint, value.span)
        return
    check_text(name, kind, value, expressions)


def _check_place(node: MapNode, expressions: Expressions) -> None:
    """The stage must be one of the pipeline; which pipeline must be plain."""
    pipelines, reader = expressions.workspace.pipelines, expressions.reader
    pipeline, stage = _text(node, "pipeline"), _text(node, "stage")
    if pipeline is None or stage is None:
        return  # a template says it, at run time
    before, dot, after = stage.partition(".")
    if dot and before in pipelines:
        pipeline, stage = pipeline or before, after
    at = node.values.get("pipeline") or node.values.get("stage") or node
    if not pipeline:
        holders = [name for name, each in pipelines.items() if not stage or each.stage(stage)]
        if stage and not holders:
            _known(stage, _every_stage(expressions.workspace), node.values["stage"], reader)
            return
        if len(holders) != 1:
            message = (
                f"which pipeline? there are {', '.join(holders)}"
                if holders
                else "the workspace has no pipeline"
            )
            hint = (
                f"write `pipeline: {holders[0]}`" if holders else "declare one under `pipelines:`"
            )
            reader.report("unknown-pipeline", message, hint, at.span)
            return
        pipeline = holders[0]
    if pipeline not in pipelines:
        message = f"no pipeline named '{pipeline}'"
        reader.report("unknown-pipeline", message, did_you_mean(pipeline, pipelines), at.span)
    elif stage:
        stages = _stages(expressions.workspace, pipeline)
        _known(stage, stages, node.values["stage"], reader)


def _text(node: MapNode, key: str) -> str | None:
    """What is written; None when only a template knows."""
    value = node.values.get(key)
    if value is None:
        return ""
    if not isinstance(value, ScalarNode) or "{{" in value.text:
        return None
    return value.text


def _known(stage: str, known: tuple[str, ...], at: Node, reader: Reader) -> None:
    if stage not in known:
        message, hint = f"no stage named '{stage}'", did_you_mean(stage, known)
        reader.report("unknown-stage", message, hint, at.span)


def _stages(workspace: Workspace, pipeline: str) -> tuple[str, ...]:
    return tuple(stage.name for stage in workspace.pipelines[pipeline].stages)


def _every_stage(workspace: Workspace) -> tuple[str, ...]:
    names: Mapping[str, None] = {
        stage.name: None for each in workspace.pipelines.values() for stage in each.stages
    }
    return tuple(names)
