"""JSON Schema 2020-12 of playbooks and of `longplay.yaml`, for editors.

It is made from the models, so that descriptions are written once. It describes form only: what
names refer to is for validate.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from engine.playbook.actions import ACTIONS
from engine.playbook.catalog import DEFAULT_LIFECYCLE
from engine.playbook.diagnostics import Findings
from engine.playbook.escalation_model import EscalationPlaybook
from engine.playbook.model import Playbook
from engine.playbook.nodes import ListNode, MapNode, resolve
from engine.playbook.schema_examples import with_examples
from engine.playbook.scoring_model import ScoringPlaybook
from engine.playbook.source import parse
from engine.playbook.step import Common
from engine.playbook.stepreading import ARGUMENTS, INSIDE
from engine.playbook.steps import CONTROL_STEPS
from engine.playbook.workspace import Workspace

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@lru_cache(maxsize=1)
def playbook_schema() -> Mapping[str, Any]:
    """The schema of a file in `playbooks/`."""
    schema = _schema_of(Playbook)
    definitions: Schema = schema.setdefault("$defs", {})
    steps = {verb: _step(verb, definitions) for verb in (*ACTIONS, *CONTROL_STEPS)}
    definitions |= {f"step-{verb}": step for verb, step in steps.items()}
    definitions["steps"] = {
        "type": "array",
        "items": {"anyOf": [{"$ref": f"#/$defs/step-{verb}"} for verb in steps]},
        "description": "what happens, in order: one verb an item",
    }
    definitions["Case"]["anyOf"] = [{"required": ["if", "steps"]}, {"required": ["else"]}]
    when = definitions["EnrollRule"]["properties"]["when"]
    when["items"] = {"anyOf": [{"const": "manual"}, when["items"]]}
    _with_kinds(schema)
    return _titled(schema, "Longplay playbook")


def _with_kinds(schema: Schema) -> None:
    """Adds the keys of the other kinds; `kind` decides which of all keys there may be."""
    others: dict[str, type[BaseModel]] = {
        "scoring": ScoringPlaybook,
        "escalation": EscalationPlaybook,
    }
    kinds: dict[str, Schema] = {"nurture": {**schema}}
    for name, model in others.items():
        kinds[name] = _schema_of(model)
        schema["$defs"] |= kinds[name].pop("$defs", {})
    every: Schema = {}
    for one in reversed(kinds.values()):
        every |= one["properties"]
    named = {"properties": {"kind": {"enum": list(others)}}, "required": ["kind"]}
    schema["allOf"] = []
    for name, one in kinds.items():
        mine = {"properties": {"kind": {"const": name}}, "required": ["kind"]}
        taken = {key: False for key in every if key not in one["properties"]}
        then = {"properties": taken, "required": one["required"]}
        schema["allOf"].append({"if": mine if name in others else {"not": named}, "then": then})
    kind = {**every["kind"], "enum": list(kinds), "type": "string"}
    kind.pop("const", None)
    schema["properties"] = {**every, "kind": kind}
    shared = set.intersection(*(set(one["required"]) for one in kinds.values()))
    schema["required"] = [name for name in schema["required"] if name in shared]


@lru_cache(maxsize=1)
def workspace_schema() -> Mapping[str, Any]:
    """The schema of `longplay.yaml`."""
    schema = _schema_of(Workspace)
    for name in ("PipelineStage", "LifecycleStage"):
        schema["$defs"][name] = _by_name(schema["$defs"][name])
    schema["properties"]["lifecycle"]["default"] = list(DEFAULT_LIFECYCLE)
    return _titled(schema, "Longplay workspace")


def _by_name(stage: Schema) -> Schema:
    """A stage as it stands in a list: its name alone, or the name with options below it."""
    stage["properties"].pop("name")
    stage.pop("required", None)
    options = {"anyOf": [stage, {"type": "null"}]}
    return {
        "description": stage["description"],
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "additionalProperties": options,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ],
    }


def schema_of(model: type[BaseModel], title: str) -> Mapping[str, Any]:
    """The schema of a file that a model of the language describes."""
    return _titled(_schema_of(model), title)


def _titled(schema: Schema, title: str) -> Schema:
    with_examples(schema, title)
    return {"$schema": DIALECT, "title": title, **schema}


def _schema_of(model: type[BaseModel]) -> Schema:
    cleaned: Schema = _clean(model.model_json_schema(by_alias=True))
    return cleaned


def _step(verb: str, definitions: Schema) -> Schema:
    """One kind of step: its verb, its options and what every step may carry."""
    model = ACTIONS[verb].params if verb in ACTIONS else CONTROL_STEPS[verb]
    schema = _schema_of(model)
    definitions |= schema.pop("$defs", {})
    fields: Schema = schema.get("properties", {})
    required = [name for name in schema.get("required", ()) if name in fields]
    argument = {"description": _summary(verb), **_argument(verb, fields), **_shown(verb)}
    common = _schema_of(Common)["properties"]
    if verb == "if":
        common.pop("if")
    beside = {name: each for name, each in fields.items() if name not in _under(verb)}
    needed = [name for name in required if name in beside and name != verb]
    return {
        "type": "object",
        "description": _summary(verb),
        "properties": {verb: argument, **beside, **common},
        "required": [verb, *needed],
        "additionalProperties": False,
    }


def _shown(verb: str) -> Schema:
    """What stands behind the verb in the step's own example."""
    example = ACTIONS[verb].example if verb in ACTIONS else CONTROL_STEPS[verb].EXAMPLE
    document = parse(example, "", Findings())
    items = document.root.items if document and isinstance(document.root, ListNode) else ()
    for item in items:
        if isinstance(item, MapNode) and verb in item.values:
            return {"examples": [resolve(item.values[verb].data())]}
    return {}


def _summary(verb: str) -> str:
    return ACTIONS[verb].summary if verb in ACTIONS else CONTROL_STEPS[verb].SUMMARY


def _under(verb: str) -> frozenset[str]:
    """Fields that are written as the verb's argument."""
    inside = frozenset(INSIDE.get(verb, ()))
    if verb in ACTIONS:
        return inside | {ACTIONS[verb].main}
    return inside | ARGUMENTS.get(verb, frozenset()) | {verb}


def _argument(verb: str, fields: Schema) -> Schema:
    """What may stand behind the verb: a value, or a mapping of a few keys."""
    mapping = {name: fields["until" if name == "if" else name] for name in INSIDE.get(verb, ())}
    inside = {"type": "object", "properties": mapping, "additionalProperties": False}
    if verb in ("repeat",):
        return inside | {"minProperties": 1, "maxProperties": 1}
    main = ACTIONS[verb].main if verb in ACTIONS else _MAIN.get(verb, verb)
    if not mapping:
        return dict(fields[main])
    return {"anyOf": [fields[main], inside | {"required": list(mapping)}]}


_MAIN = {
    "wait": "span",
    "wait_for": "events",
    "if": "test",
    "goto": "target",
    "end": "outcome",
    "split": "name",
    "approve": "text",
}


def _clean(node: Any) -> Any:
    """Without the titles that are made of names, and without defaults that say nothing."""
    if isinstance(node, list):
        return [_clean(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "x-list-of" in node:
        # Pydantic follows a `$ref` of ours before its target is there, so the model has this.
        node = {k: v for k, v in node.items() if k != "x-list-of"} | {"$ref": "#/$defs/steps"}
    kept = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "default" and value in ("", None, [], {}):
            continue
        named = key in ("properties", "$defs") and isinstance(value, dict)
        kept[key] = {k: _clean(v) for k, v in value.items()} if named else _clean(value)
    return kept
