"""Every YAML case: a snippet in, the expected ops, parameters and findings out."""

import pytest

from engine.playbook.actions import ACTIONS
from engine.playbook.diagnostics import as_json, concise, human
from engine.playbook.plan import Jump, Plan, load_plan
from engine.playbook.rules import RULES
from engine.playbook.stepreading import VERBS
from engine.playbook.steps import CONTROL_STEPS
from tests.cases.casefiles import FOLDER, Case, cases, is_part, outcome
from tests.cases.casework import compiled, with_steps

CASES = list(cases())
EXAMPLES = {
    **{name: spec.example for name, spec in ACTIONS.items()},
    **{name: step.EXAMPLE for name, step in CONTROL_STEPS.items()},
}


def plan_of(case: Case) -> Plan | None:
    says = case.says
    if "workspace" in says:
        return None
    return compiled(with_steps(says["steps"]) if "steps" in says else says["playbook"]).plan


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    """Compiling the snippet gives exactly the findings, ops and parameters that the case says."""
    given = outcome(case)
    assert given["findings"] == case.says.get("findings", [])
    expected = {key: case.says[key] for key in ("ops", "params", "plan") if key in case.says}
    assert expected or given["findings"], "a case expects something"
    assert is_part(expected, given), {key: given.get(key) for key in expected}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan_survives_the_database(case: Case) -> None:
    """A plan read back from its canonical JSON is the same plan with the same digest."""
    plan = plan_of(case)
    if plan is not None:
        again = load_plan(plan.canonical())
        assert (again, again.digest) == (plan, plan.digest)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_jumps_lead_to_work(case: Case) -> None:
    """No jump leads to a jump, and no target is outside of the plan."""
    plan = plan_of(case)
    for op in plan.ops if plan else ():
        for name in ("to", "else_to", "exit_to", "skip_to"):
            target = getattr(op, name, None)
            if target is not None:
                assert not isinstance(plan.ops[target], Jump)  # type: ignore[union-attr]
        for way in getattr(op, "ways", ()):
            assert not isinstance(plan.ops[way], Jump)  # type: ignore[union-attr]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_step_has_cases(verb: str) -> None:
    """Each step has a file of cases, of which one at least compiles."""
    mine = [case for case in CASES if case.file == f"steps/{verb}"]
    assert any("findings" not in case.says for case in mine), FOLDER / "steps" / f"{verb}.yaml"


@pytest.mark.parametrize("verb", sorted(EXAMPLES))
def test_every_example_compiles(verb: str) -> None:
    """The example of each step compiles, but for names that are the reader's own."""
    text = EXAMPLES[verb].replace("onboarding", "other")
    assert [found for found in compiled(with_steps(text)).diagnostics if found.is_error] == []


@pytest.mark.parametrize("verb", sorted(ACTIONS))
def test_every_parameter_is_described(verb: str) -> None:
    """Every parameter of every action says what it means."""
    for name, field in ACTIONS[verb].params.model_fields.items():
        assert field.description, name


def test_all_findings_are_registered_and_shown() -> None:
    """Whatever a case finds is a rule of the registry and can be shown in all three forms."""
    for case in CASES:
        says = case.says
        if "workspace" in says:
            continue
        text = with_steps(says["steps"]) if "steps" in says else says["playbook"]
        for found in compiled(text).diagnostics:
            assert found.rule in RULES
            assert human(found, text).startswith(concise(found))
            assert as_json(found)["line"] == found.line >= 1
