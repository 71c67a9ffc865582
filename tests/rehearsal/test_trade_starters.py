"""The starters for a trade: each is a workspace of its own, without a fault, and tested whole."""

import pytest

from engine.mail.facts import inspect_email
from engine.operations import starter
from engine.operations.editions import Folder, check, read_folder
from engine.playbook.validate import Checked
from rehearsal.suite import Suite

TRADES = starter.trades()


@pytest.fixture(scope="module", params=TRADES)
def workspace(request: pytest.FixtureRequest) -> tuple[Folder, Checked]:
    """One starter, read and checked."""
    folder = read_folder(starter.source(request.param))
    return folder, check(folder, {})


def test_there_is_one_for_each_trade() -> None:
    """Software, shops, schools, advisers and sales teams find something to begin with."""
    assert TRADES == ["commerce", "education", "finance", "saas", "sales"]


def test_nothing_is_found(workspace: tuple[Folder, Checked]) -> None:
    """It validates without an error or a warning."""
    _, checked = workspace
    assert [str(found) for found in checked.diagnostics] == []


def test_it_scores_nurtures_and_moves_stages_or_escalates(
    workspace: tuple[Folder, Checked],
) -> None:
    """A trade has scores and a lifecycle that moves; a sales team has clocks, and a pool."""
    _, checked = workspace
    done = [op.model_dump() for plan in checked.plans.values() for op in plan.ops if op.op == "do"]
    moved = {one["params"]["stage"] for one in done if one["action"] == "stage"}
    clocks = [plan for plan in checked.plans.values() if plan.kind == "escalation"]
    if clocks:
        assert len(clocks) >= 7
        assert {"release", "assign", "task"} <= {one["action"] for one in done}
    else:
        assert checked.scorings
        assert {"mql", "customer", "advocate"} <= moved


def test_its_scenarios_hold_and_leave_nothing_out(workspace: tuple[Folder, Checked]) -> None:
    """Every step, and every way a branch can go, is played by a scenario that holds."""
    outcome = Suite(*workspace).run()
    assert [(one.playbook, one.diff) for one in outcome.verdicts if not one.ok] == []
    assert [(one.playbook, gap.said) for one in outcome.coverages for gap in one.gaps] == []


def test_its_mails_are_in_both_languages(workspace: tuple[Folder, Checked]) -> None:
    """Every mail is there in English and in Chinese, with a subject and nothing wrong in it."""
    folder, _ = workspace
    files = {name for name in folder.templates if not name.rsplit("/")[-1].startswith("_")}
    chinese = {name for name in files if name.endswith(".zh-CN.html")}
    assert {name.replace(".zh-CN.html", ".html") for name in chinese} == files - chinese
    for name in sorted({one.split(".")[0] for one in files}):
        found = inspect_email(dict(folder.templates), name)
        assert all(not facts.problems and facts.has_subject for facts in found), name
