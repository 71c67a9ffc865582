"""May a lead move to that stage: one decision for steps, people, imports and events."""

from typing import Any

import pytest

from engine.playbook.workspace import load_workspace
from engine.runtime.lifecycle import Advances, Denied, Recycles, Remains, decide_stage

STAGES = """\
lifecycle:
  - visitor
  - lead
  - mql: {enter_if: lead.score >= 40, requires: [company], back_to: [lead]}
  - sql: {leave_if: lead.phone is defined, back_to: [mql, lead]}
  - opportunity
  - customer
"""


def scope(**lead: Any) -> dict[str, object]:
    return {"lead": {"score": 50, "company": "Acme", "phone": "1", **lead}}


@pytest.mark.parametrize(
    ("here", "to", "force", "expected"),
    [
        ("lead", "mql", False, Advances("mql")),
        ("visitor", "customer", False, Advances("customer")),
        ("mql", "mql", False, Remains("is in mql already")),
        ("mql", "lead", False, Recycles("lead", forced=False)),
        ("sql", "lead", False, Recycles("lead", forced=False)),
        ("customer", "lead", True, Recycles("lead", forced=True)),
        ("gone-stage", "visitor", False, Advances("visitor")),
    ],
)
def test_forward_freely_and_back_where_the_stage_says_so(
    here: str, to: str, force: bool, expected: object
) -> None:
    """Forward may skip; back only by `back_to`, or by force."""
    assert decide_stage(_stages(), to, scope(stage=here), force=force) == expected


@pytest.mark.parametrize(
    ("lead", "to", "force", "why"),
    [
        ({"stage": "customer"}, "lead", False, "from customer to lead is backward"),
        ({"stage": "mql"}, "visitor", False, "from mql to visitor is backward"),
        ({"stage": "lead", "score": 10}, "mql", False, "mql is entered only if lead.score >= 40"),
        ({"stage": "lead", "company": None}, "mql", False, "mql requires 'company'"),
        ({"stage": "sql", "phone": None}, "customer", False, "sql is left only if"),
        ({"stage": "customer", "score": 1}, "mql", True, "mql is entered only if"),
        ({"stage": "lead"}, "mqll", False, "the lifecycle has no stage 'mqll'"),
    ],
)
def test_a_move_that_is_not_allowed_says_why(
    lead: dict[str, Any], to: str, force: bool, why: str
) -> None:
    """Order, criteria and required fields; force sets no criterion aside."""
    decision = decide_stage(_stages(), to, scope(**lead), force=force)
    assert isinstance(decision, Denied)
    assert decision.why.startswith(why)


def test_whoever_goes_back_needs_not_meet_what_leaving_forward_takes() -> None:
    """`leave_if` holds back from going on, not from being nurtured again."""
    decision = decide_stage(_stages(), "mql", scope(stage="sql", phone=None))
    assert decision == Recycles("mql", forced=False)


def _stages() -> Any:
    loaded = load_workspace(STAGES)
    assert loaded.workspace is not None, loaded.diagnostics
    return loaded.workspace.lifecycle_stages
