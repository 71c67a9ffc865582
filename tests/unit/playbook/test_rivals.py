"""Playbooks beside each other: fights are named with both places, peace is left alone."""

import pytest

from engine.playbook.diagnostics import Diagnostic
from engine.playbook.validate import validate_workspace
from tests.cases.casework import TEMPLATES, WORKSPACE

HEAD = "playbook: {}\nenroll: {{when: [manual]{}}}\nsteps:\n"


def found(one: str, two: str, *, first: str = "", second: str = "") -> list[Diagnostic]:
    """What is said of two playbooks with these steps, and with this added to `enroll`."""
    files = {
        "longplay.yaml": WORKSPACE,
        "playbooks/one.yaml": HEAD.format("one", first) + one,
        "playbooks/two.yaml": HEAD.format("two", second) + two,
    }
    sound = {name: facts for name, facts in TEMPLATES.items() if not facts.faults}
    checked = validate_workspace({name: text.encode() for name, text in files.items()}, sound)
    return list(checked.diagnostics)


def said(*args: str, **more: str) -> list[str]:
    return [f"{each.file}:{each.line}:{each.column} {each.rule}" for each in found(*args, **more)]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("  - set: {segment: cold}\n", "  - set: {segment: hot}\n"),
        ("  - set: {segment: cold}\n", "  - update: {segment: lead.city}\n"),
        ("  - stage: lead\n    force: true\n", "  - stage: mql\n"),
        ("  - assign: {to: li.wei}\n    unless_owned: false\n",
         "  - assign: {to: chen.jie}\n    unless_owned: false\n"),
    ],
    ids=["texts", "expression", "stage", "owner"],
)  # fmt: skip
def test_fights_name_both_places(one: str, two: str) -> None:
    """Two values for one thing are a warning at the later file, with the place of the other."""
    (finding,) = found(one, two)
    assert (finding.file, finding.line, finding.rule) == (
        "playbooks/two.yaml", 4, "fields-fought-over",
    )  # fmt: skip
    assert "playbooks/one.yaml:4" in finding.message
    assert finding.severity == "warning"
    assert "leave: one" in finding.help


@pytest.mark.parametrize(
    ("one", "two", "first", "second"),
    [
        ("  - set: {segment: cold}\n", "  - set: {segment: cold}\n", "", ""),
        ("  - update: {employees: lead.employees + 1}\n",
         "  - update: {employees: lead.employees + 2}\n", "", ""),
        ("  - stage: mql\n", "  - stage: sql\n", "", ""),
        ("  - assign: new-leads\n", "  - assign: {to: li.wei}\n", "", ""),
        ("  - set: {segment: cold}\n", "  - leave: one\n  - set: {segment: hot}\n", "", ""),
        ("  - set: {segment: cold}\n", "  - set: {segment: hot}\n",
         ", if: lead.plan == 'free'", ", if: lead.plan == 'pro'"),
    ],
    ids=["same value", "counting on", "forward", "unless owned", "ends the other", "others' leads"],
)  # fmt: skip
def test_peace(one: str, two: str, first: str, second: str) -> None:
    """Where the values agree, or no record is in both, nothing is said."""
    assert said(one, two, first=first, second=second) == []


def test_circles() -> None:
    """Playbooks that start each other for ever are named once; entered once, they end."""
    again = ", again: always"
    steps = "  - wait: 1 day\n  - enroll: {}\n"
    one, two = steps.format("two"), steps.format("one")
    assert said(one, two, first=again, second=again) == ["playbooks/one.yaml:5:5 enroll-each-other"]
    assert said(one, two, first=again) == []
