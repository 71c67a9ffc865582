"""What the stages of the lifecycle must find in the workspace, and what they may ask for."""

from engine.playbook.expressions import Expressions
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.reading import Reader
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import Workspace


def check_lifecycle(workspace: Workspace, reader: Reader, expressions: Expressions) -> None:
    """Reports criteria that cannot hold, fields that no lead has, and ways back that are none."""
    if "lifecycle_stages" not in workspace.model_fields_set:
        return
    known = expressions.fields_of("lead")
    names = workspace.lifecycle
    for number, stage in enumerate(workspace.lifecycle_stages):
        here = ("lifecycle", number, stage.name)
        for key in ("enter_if", "leave_if"):
            if getattr(stage, key):
                node = reader.document.node((*here, key))
                if isinstance(node, ScalarNode):
                    expressions.check(node, record="lead", has_event=False)
        for field in stage.requires:
            if field.removeprefix("lead.") not in known:
                _report(reader, "unknown-field", f"no field named '{field}'",
                        did_you_mean(field, known), *here, "requires")  # fmt: skip
        for back in stage.back_to:
            if back not in names:
                _report(reader, "unknown-stage", f"no stage named '{back}'",
                        did_you_mean(back, names), *here, "back_to")  # fmt: skip
            elif names.index(back) >= number:
                _report(
                    reader, "back-to-is-forward",
                    f"'{back}' is not before '{stage.name}', so that no way back leads there",
                    "name an earlier stage", *here, "back_to",
                )  # fmt: skip
    _check_beginning(workspace, reader)


def _check_beginning(workspace: Workspace, reader: Reader) -> None:
    """A lead begins in the first stage, or with an address in the second, as it is."""
    for number, stage in enumerate(workspace.lifecycle_stages[:2]):
        required = {one.removeprefix("lead.") for one in stage.requires}
        if stage.enter_if or required - ({"email"} if number else set()):
            who = "a lead with an address" if number else "a lead"
            _report(
                reader, "first-stage-with-criteria",
                f"{who} begins in '{stage.name}', whatever else is known of it",
                "write the criteria at a later stage", "lifecycle", number, stage.name,
            )  # fmt: skip


def _report(reader: Reader, rule: str, message: str, hint: str, *path: str | int) -> None:
    reader.report(rule, message, hint, _node(reader, path).span)


def _node(reader: Reader, path: tuple[str | int, ...]) -> Node:
    node = reader.document.node(path[:-1])
    if isinstance(node, MapNode) and str(path[-1]) in node.values:
        return node.values[str(path[-1])]
    return node
