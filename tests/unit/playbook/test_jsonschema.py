"""The schemas for editors accept what compiles, and show what is misspelt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.playbook.actions import ACTIONS
from engine.playbook.jsonschema import playbook_schema, workspace_schema
from engine.playbook.steps import CONTROL_STEPS
from tests.cases.casefiles import Case, cases
from tests.cases.casework import HEAD, WORKSPACE, with_steps

ROOT = Path(__file__).parents[3]
PLAYBOOK = Draft202012Validator(dict(playbook_schema()))
CLEAN = [case for case in cases() if "findings" not in case.says]


class _Core(yaml.SafeLoader):
    """Reads scalars as editors do, by YAML 1.2: no dates, no `on`, no octal numbers."""


_Core.yaml_implicit_resolvers = {}
for pattern, tag in (("(true|false)", "bool"), ("(null|~|)", "null"), ("[-+]?[0-9]+", "int")):
    _Core.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", __import__("re").compile(pattern + r"\Z"), None
    )


def read(text: str) -> Any:
    return yaml.load(text, Loader=_Core)


@pytest.mark.parametrize("schema", [playbook_schema(), workspace_schema()], ids=["play", "work"])
def test_schema_is_one(schema: dict[str, Any]) -> None:
    """Both schemas are valid JSON Schema 2020-12."""
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yaml")), ids=lambda p: p.stem)
def test_starter_playbooks_fit(path: Path) -> None:
    """The starter's playbooks fit the schema."""
    assert [e.message for e in PLAYBOOK.iter_errors(read(path.read_text("utf-8")))] == []


@pytest.mark.parametrize("case", CLEAN, ids=lambda case: case.name)
def test_clean_cases_fit(case: Case) -> None:
    """Whatever compiles without a finding fits the schema."""
    text = with_steps(case.says["steps"]) if "steps" in case.says else case.says["playbook"]
    assert [e.message for e in PLAYBOOK.iter_errors(read(text))] == []


@pytest.mark.parametrize(
    "text", [(ROOT / "longplay.yaml").read_text("utf-8"), WORKSPACE], ids=["starter", "cases"]
)
def test_workspaces_fit(text: str) -> None:
    """Workspaces that load without a finding fit the schema."""
    validator = Draft202012Validator(dict(workspace_schema()))
    assert [e.message for e in validator.iter_errors(read(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "titel: x\nsteps: []",
        HEAD,
        with_steps("- emial: welcome"),
        with_steps("- email: welcome\n  subjct: x"),
        with_steps("- wait_for: email.clicked"),
        with_steps("- wait: {until: lead.x, on_past: skip}"),
        with_steps("- repeat: {}\n  steps: []"),
        with_steps("- choose:\n    - if: lead.score > 1"),
    ],
)
def test_mistakes_are_shown(text: str) -> None:
    """An editor marks unknown keys, missing ones, and options in the wrong place."""
    assert list(PLAYBOOK.iter_errors(read(text)))


@pytest.mark.parametrize("verb", [*ACTIONS, *CONTROL_STEPS])
def test_every_option_is_described(verb: str) -> None:
    """An editor can explain every option of every step."""
    step = playbook_schema()["$defs"][f"step-{verb}"]
    missing = [
        name
        for name, each in step["properties"].items()
        if name != verb and "description" not in each and "$ref" not in each
    ]
    assert (step["description"] != "", missing) == (True, [])


def _fields(node: Any, holder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema, however deep, by its holder and name."""
    if not isinstance(node, dict):
        return
    for name, field in node.get("properties", {}).items():
        yield f"{holder}.{name}", field
        yield from _fields(field, holder)
    for name, definition in node.get("$defs", {}).items():
        yield from _fields(definition, name)
    for inner in (node.get("items"), node.get("additionalProperties"), *node.get("anyOf", ())):
        yield from _fields(inner, holder)


SCHEMAS = (playbook_schema(), workspace_schema())
FIELDS = [(schema, *field) for schema in SCHEMAS for field in _fields(schema, schema["title"])]


def test_every_field_is_described_and_shown() -> None:
    """An editor has a description and an example for every field of both files."""
    described = [name for _, name, field in FIELDS if not field.get("description")]
    shown = [name for _, name, field in FIELDS if not field.get("examples")]
    assert (described, shown, len(FIELDS) > 200) == ([], [], True)


@pytest.mark.parametrize("schema", SCHEMAS, ids=["playbook", "workspace"])
def test_examples_fit_their_fields(schema: dict[str, Any]) -> None:
    """What is shown as an example is accepted where it is shown."""
    wrong = []
    for of, name, field in FIELDS:
        if of is schema:
            validator = Draft202012Validator({"$defs": schema["$defs"], **field})
            wrong += [name for each in field["examples"] if not validator.is_valid(each)]
    assert wrong == []


STRUCTURAL = {"unknown-key", "unknown-option", "unknown-step", "not-a-step"}
MISTAKEN = [
    case
    for case in cases()
    if any(found.split()[1].rstrip(":") in STRUCTURAL for found in case.says.get("findings", ()))
]


@pytest.mark.parametrize("case", MISTAKEN, ids=lambda case: case.name)
def test_structural_mistakes_are_shown(case: Case) -> None:
    """An editor marks a key, an option or a step that is not there, in every case that has one."""
    if "workspace" in case.says:
        validator, text = Draft202012Validator(dict(workspace_schema())), case.says["workspace"]
    else:
        validator, text = PLAYBOOK, _text(case)
    assert not validator.is_valid(read(text))


def _text(case: Case) -> str:
    return with_steps(case.says["steps"]) if "steps" in case.says else str(case.says["playbook"])
