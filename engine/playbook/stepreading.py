"""From the nodes of a list of steps to steps: one verb each, its options beside it."""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from engine.playbook import traps
from engine.playbook.actions import ACTIONS, argument_of
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode
from engine.playbook.reading import Reader, shapes_of
from engine.playbook.spelling import closest, did_you_mean
from engine.playbook.step import Common, Step
from engine.playbook.steps import CONTROL_STEPS

VERBS = frozenset((*CONTROL_STEPS, *ACTIONS))
_COMMON = tuple(shapes_of(Common))


def read_steps(reader: Reader, node: Node) -> tuple[Step, ...]:
    """The steps of a list; what cannot be read is reported and left out."""
    if not isinstance(node, ListNode):
        found = isinstance(node, ScalarNode) and traps.misread(
            node, reader.document.lines, reader.document.file
        )
        if found:
            reader.findings.add(found)
        elif isinstance(node, ScalarNode) and node.is_null:
            reader.report("no-steps", "no steps here", "write `[]` for none at all", node.span)
        elif isinstance(node, MapNode) and _dashes(reader, node):
            pass
        else:
            reader.report("wrong-type", "steps are a list", "begin each step with '- '", node.span)
        return ()
    steps = (_step(reader, item) for item in node.items)
    return tuple(step for step in steps if step is not None)


def _dashes(reader: Reader, node: MapNode) -> bool:
    """Whether the steps are a mapping only because of the dashes before them."""
    document = reader.document
    found = [traps.misread(key, document.lines, document.file) for key in node.keys.values()]
    dashes = [each for each in found if each is not None]
    reader.findings.extend(dashes)
    return bool(dashes)


def _step(reader: Reader, node: Node) -> Step | None:
    if not isinstance(node, MapNode):
        _not_a_step(reader, node)
        return None
    verb = _verb(reader, node)
    if verb is None:
        return None
    common_node, rest = _parted(node, verb)
    if _argument_is_missing(reader, node, verb) or _is_mapping(reader, node, verb):
        return None
    model: type[BaseModel]
    if verb in ACTIONS:
        spec = ACTIONS[verb]
        model, fields = spec.params, spec.flatten(rest)
    else:
        control = CONTROL_STEPS[verb]
        model, fields = control, control.flatten(rest, reader)
    known = _known_options(reader, verb, model, rest, fields)
    common = reader.read(Common, common_node, verb)
    body = reader.read(model, known, verb, dropped=fields.keys.keys() - known.keys.keys())
    if common is None or body is None:
        return None
    return Step(verb, argument_of(node, verb), common, body, known, node)


def _not_a_step(reader: Reader, node: Node) -> None:
    if isinstance(node, ScalarNode):
        found = traps.misread(node, reader.document.lines, reader.document.file)
        if found is not None:
            reader.findings.add(found)
            return
        if node.text in VERBS:
            message = f"'{node.text}' needs an argument"
            reader.report("missing-value", message, f"write `- {node.text}: …`", node.span)
            return
    message = "a step is a verb with its argument"
    reader.report("not-a-step", message, "write it like `- email: welcome`", node.span)


def _verb(reader: Reader, node: MapNode) -> str | None:
    found = [key for key in node.keys if key in VERBS and key != "if"]
    if not found and "if" in node.keys:
        unknown = _misspelt(node)
        if unknown is None or "then" in node.keys or "else" in node.keys:
            return "if"
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        second = node.keys[found[1]]
        reader.report(
            "two-verbs",
            f"one step, two verbs: '{found[0]}' and '{found[1]}'",
            f"begin a step of its own: `- {found[1]}: …`",
            second.span,
        )
        return None
    key = _misspelt(node) or next(iter(node.keys), None)
    if key is None:
        reader.report("not-a-step", "an empty step", "write it like `- email: welcome`", node.span)
        return None
    hint = did_you_mean(key, VERBS)
    if key in _OPTIONS or key in _COMMON:
        hint = f"'{key}' is an option: it stands below its verb, without a '-'"
    reader.report("unknown-step", f"no step named '{key}'", hint, node.keys[key].span)
    return None


def _misspelt(node: MapNode) -> str | None:
    """The key that was probably meant as the verb."""
    strangers = [key for key in node.keys if key not in _COMMON and key not in _OPTIONS]
    return next(
        (key for key in strangers if closest(key, VERBS)), strangers[0] if strangers else None
    )


def _parted(node: MapNode, verb: str) -> tuple[MapNode, MapNode]:
    """What every step may carry, and what belongs to the verb."""
    common = [key for key in node.keys if key in _COMMON and key != verb]
    others = [key for key in node.keys if key not in common]
    return _only(node, common), _only(node, others)


def _only(node: MapNode, keys: Iterable[str]) -> MapNode:
    kept = list(keys)
    return MapNode(
        node.span,
        {key: node.keys[key] for key in kept},
        {key: node.values[key] for key in kept},
    )


def _argument_is_missing(reader: Reader, node: MapNode, verb: str) -> bool:
    value = node.values[verb]
    if not isinstance(value, ScalarNode) or not value.is_null:
        return False
    key = node.keys[verb]
    reader.report("missing-value", f"'{verb}' needs an argument", _example(verb), key.span)
    return True


def _is_mapping(reader: Reader, node: MapNode, verb: str) -> bool:
    """Whether a mapping stands under a verb that takes text."""
    if verb in INSIDE or verb in _TAKES_FIELDS or not isinstance(node.values[verb], MapNode):
        return False
    message = f"'{verb}' takes text, not a mapping"
    hint = "its options stand beside it, not under it"
    reader.report("wrong-type", message, hint, node.values[verb].span)
    return True


def _example(verb: str) -> str:
    example = ACTIONS[verb].example if verb in ACTIONS else CONTROL_STEPS[verb].EXAMPLE
    return f"write it like `{example.splitlines()[0]}`"


def _known_options(
    reader: Reader, verb: str, model: type[BaseModel], rest: MapNode, fields: MapNode
) -> MapNode:
    """`fields` without options that the verb does not have, which are reported."""
    known, internal = shapes_of(model), _internal(verb)
    options = [name for name in (*known, *_COMMON) if name not in internal]
    argument = rest.values[verb]
    inside = argument.keys if isinstance(argument, MapNode) and verb in INSIDE else {}
    kept = []
    for key, at in fields.keys.items():
        if key in rest.keys and key != verb and (key in internal or key not in known):
            hint = did_you_mean(key, options)
        elif at in inside.values() and at.text not in INSIDE[verb]:
            allowed = " or ".join(f"'{name}'" for name in INSIDE[verb])
            hint = f"'{at.text}' stands beside '{verb}', not under it"
            hint = hint if at.text in options else f"under '{verb}' stands {allowed}"
        else:
            kept.append(key)
            continue
        message = f"'{verb}' has no option '{at.text}'"
        reader.report("unknown-option", message, hint, at.span)
    return _only(fields, kept)


def _internal(verb: str) -> frozenset[str]:
    """Names of fields that are written as the verb's argument, never beside it."""
    if verb in ACTIONS:
        return frozenset((ACTIONS[verb].main,)) - {verb}
    return ARGUMENTS.get(verb, frozenset())


INSIDE: Mapping[str, tuple[str, ...]] = {
    "wait": ("until",),
    "wait_for": ("if",),
    "repeat": ("times", "while", "until"),
    "assign": ("to",),
}
"""The keys that may stand in a mapping under the verb."""

_TAKES_FIELDS = ("set", "update", "deal")
ARGUMENTS: Mapping[str, frozenset[str]] = {
    "wait": frozenset(("span", "until")),
    "wait_for": frozenset(("events", "until")),
    "if": frozenset(("test",)),
    "goto": frozenset(("target",)),
    "end": frozenset(("outcome",)),
    "split": frozenset(("name",)),
    "approve": frozenset(("text",)),
    "repeat": frozenset(("times", "while", "until")),
}
_OPTIONS = frozenset(
    name
    for model in (*(spec.params for spec in ACTIONS.values()), *CONTROL_STEPS.values())
    for name in shapes_of(model)
)
