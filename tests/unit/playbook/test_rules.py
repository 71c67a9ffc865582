"""The registry of rules: each is explained, its examples are true, and no other rule is used."""

import ast
import re
from pathlib import Path

import pytest

from engine.playbook.rule import Rule
from engine.playbook.rules import RULES
from tests.cases.casework import compiled, found_in

SHOWN = [rule for rule in RULES.values() if rule.wrong]
MENDED = [rule for rule in SHOWN if rule.right]
ROOT = Path(__file__).parents[3]
RAISERS = {"report", "Diagnostic", "flaw", "_Trap", "add", "_flaw", "_add", "Flaw", "_report"}


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.name)
def test_wrong_example_is_found(rule: Rule) -> None:
    """The wrong example of a rule breaks that rule, and is found."""
    assert rule.name in {found.rule for found in found_in(rule, rule.wrong)}


@pytest.mark.parametrize("rule", MENDED, ids=lambda rule: rule.name)
def test_right_example_is_clean(rule: Rule) -> None:
    """The right example of a rule compiles without any finding."""
    assert [str(found) for found in found_in(rule, rule.right)] == []


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_rule_is_well_named(rule: Rule) -> None:
    """A rule has a kebab-case name and a meaning that is a sentence."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert rule.meaning[0].isupper() or rule.meaning[0] == "`"
    assert rule.meaning.endswith(".")


def test_names_are_unique() -> None:
    """No two rules share a name."""
    source = "".join(path.read_text() for path in ROOT.glob("engine/playbook/rules_*.py"))
    names = re.findall(r'_?[Rr]ule\(\s*"([a-z0-9-]+)"', source)
    assert sorted(names) == sorted(RULES)


def test_every_rule_in_the_code_is_registered() -> None:
    """Whatever rule the code names in a finding is explained in the registry."""
    used = {name for path in (ROOT / "engine/playbook").rglob("*.py") for name in _rules_in(path)}
    assert used - set(RULES) == set()


def _rules_in(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            value = node.args[0].value
            kebab = re.fullmatch(r"[a-z]+(-[a-z]+)+", str(value))
            if name in RAISERS and kebab and isinstance(value, str):
                found.add(value)
    return found


def test_help_has_no_traces_of_python() -> None:
    """What people read names no Python type and no class of ours."""
    for rule in SHOWN:
        for found in found_in(rule, rule.wrong):
            shown = f"{found.message} {found.help}"
            assert not re.search(r"\b(str|dict|NoneType|pydantic|Params)\b", shown), shown


def test_a_good_playbook_has_no_findings() -> None:
    """A playbook that breaks no rule compiles in silence."""
    result = compiled("playbook: case\nenroll: {when: [manual]}\nsteps: [{tag: a}]\n")
    assert result.diagnostics == ()
    assert result.plan is not None
