"""Plan, apply, versions, rollback: what they say, and that they say the same."""

import json
import re
import unicodedata
from pathlib import Path

import pytest

from tests.cli.conftest import Longplay


@pytest.fixture
def nurture(workspace: Path) -> Path:
    return workspace / "playbooks" / "trial-nurture.yaml"


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_nothing_changed_is_said_in_one_line(longplay: Longplay) -> None:
    """And `--json` lists every playbook all the same."""
    said = longplay("plan").out
    assert re.fullmatch(r"none of \d+ playbooks has changed, nor has the workspace\n", said)
    document = longplay("plan", "--json").json
    assert {one["change"] for one in document["changes"]} == {"unchanged"}
    assert document["workspace"] == []


@pytest.mark.usefixtures("ann")
def test_plan_keeps_its_json_promise(longplay: Longplay, nurture: Path) -> None:
    """The contract's keys; of every step what it was and is, and how many it touches."""
    replace(nurture, "wait: 1 minute", "wait: 2 minutes")
    document = longplay("plan", "--json").json
    mine = {one["playbook"]: one for one in document["changes"]}["trial-nurture"]
    assert set(mine) == {"playbook", "change", "from", "to", "steps", "active"}
    assert (mine["change"], mine["active"]) == ("changed", 1)
    (step,) = mine["steps"]
    assert (step["was"], step["step"]) == ("wait-1-minute", "wait-2-minutes")
    assert step["details"] == [{"what": "for", "from": "1 minute", "to": "2 minutes"}]
    assert (step["before"], step["here"], step["past"]) == (1, 0, 0)
    (move,) = document["move"]
    assert (move["playbook"], [one["count"] for one in move["goes"]]) == ("trial-nurture", [1])


@pytest.mark.usefixtures("ann")
def test_plan_changes_nothing_and_apply_says_what_plan_said(
    longplay: Longplay, nurture: Path
) -> None:
    """The lines about what is different are the same, from the same functions."""
    replace(nurture, "wait: 1 minute", "wait: 2 minutes")
    replace(nurture, "title: Trial nurture", "title: 试用期培育")
    planned = longplay("plan").out.splitlines()
    assert longplay("plan").out.splitlines() == planned
    applied = longplay("apply").out.splitlines()
    assert "  ~ title: Trial nurture → 试用期培育" in planned
    assert "  ~ wait-1-minute → wait-2-minutes" in planned
    assert [line for line in applied if line in planned] == applied[:-1]
    assert "move them with: longplay apply --move" in applied[-1]


@pytest.mark.usefixtures("ann")
def test_apply_with_move_takes_running_enrollments_along(longplay: Longplay, nurture: Path) -> None:
    """What the plan announced; afterwards nobody runs on an older version."""
    before = longplay("enrollments", "list", "--json").json[0]["digest"]
    replace(nurture, "wait: 1 minute", "wait: 2 minutes")
    assert "apply --move would move 1, and leave 0" in longplay("plan").out
    assert "trial-nurture: 1 moved, 0 stay" in longplay("apply", "--move").out
    assert longplay("enrollments", "list", "--json").json[0]["digest"] != before
    assert "nobody runs on an older version" in longplay("apply", "--move").out
    (told,) = [
        one for one in longplay("apply", "--move", "--json").json["moved"]
        if one["playbook"] == "trial-nurture"
    ]  # fmt: skip
    assert told == {"playbook": "trial-nurture", "moved": 0, "stayed": {}, "soon": 0}


def test_plan_tells_of_the_workspace_and_of_files_that_went(
    longplay: Longplay, workspace: Path
) -> None:
    """One line for each thing that people can name."""
    replace(workspace / "longplay.yaml", "currency: CNY", "currency: EUR")
    (workspace / "playbooks" / "win-back.yaml").unlink()
    out = longplay("plan").out
    assert "workspace\n  ~ currency: CNY → EUR\n" in out
    assert "win-back: retired" in out


def test_plan_of_files_with_errors_names_them(longplay: Longplay, nurture: Path) -> None:
    """Nothing is compared with what cannot be published."""
    replace(nurture, "wait: 1 minute", "wait: 1 m")
    said = longplay("plan")
    assert (said.status, "ambiguous" in said.err) == (1, True)
    assert "error" in longplay("plan", "--json").json


def test_plan_before_the_first_apply_adds_everything(bare: Longplay, tmp_path: Path) -> None:
    """There is nothing yet to compare with."""
    bare("init", str(tmp_path / "new"))
    said = bare("-C", str(tmp_path / "new"), "plan", "--json")
    assert {one["change"] for one in said.json["changes"]} == {"added"}


def test_versions_and_rollback(longplay: Longplay, nurture: Path) -> None:
    """Published, published anew, gone back: three lines, and the file says something else."""
    replace(nurture, "wait: 1 minute", "wait: 2 minutes")
    longplay("apply")
    said = longplay("rollback", "trial-nurture")
    assert said.status == 0
    assert "  ~ wait-2-minutes → wait-1-minute" in said.out
    assert "the file of 'trial-nurture' says something else" in said.err
    found = longplay("versions", "playbooks/trial-nurture.yaml", "--json").json
    assert [(one["how"], one["current"]) for one in found] == [
        ("rollback", True), ("apply", False), ("apply", False),
    ]  # fmt: skip
    assert found[0]["actor"].startswith("cli") and found[0]["digest"] == found[2]["digest"]
    assert "~ wait-1-minute → wait-2-minutes" in longplay("plan").out
    listed = longplay("rollback")
    assert listed.out == longplay("versions").out
    again = longplay("rollback", "trial-nurture", "--to", found[1]["digest"][:8], "--json")
    assert again.json["changes"][0]["to"] == found[1]["digest"]
    assert longplay("plan").out.startswith("none of ")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["nobody"], "was ever published"),
        (["win-back"], "no version but the one"),
        (["win-back", "--to", "\u4e00"], "has no version '一'"),
    ],
)
def test_a_rollback_that_cannot_be_done_says_why(
    longplay: Longplay, arguments: list[str], fault: str
) -> None:
    """The input is wrong; nothing is published."""
    said = longplay("rollback", *arguments)
    assert (said.status, fault in said.err) == (1, True)
    assert longplay("plan").out.startswith("none of ")


def test_a_rollback_without_its_file_says_so(longplay: Longplay, workspace: Path) -> None:
    """A retired playbook is back, until the next apply."""
    (workspace / "playbooks" / "win-back.yaml").unlink()
    longplay("apply")
    said = longplay("rollback", "win-back")
    assert "there is no file of 'win-back'" in said.err
    assert "win-back: added" in said.out


def test_control_characters_of_a_playbook_never_reach_the_terminal(
    longplay: Longplay, nurture: Path
) -> None:
    """A title may hold anything; what is shown is text."""
    replace(nurture, "title: Trial nurture", 'title: "a\\u001b[31mred"')
    out = longplay("plan").out
    assert not [one for one in out if unicodedata.category(one) == "Cc" and one != "\n"]
    assert json.loads(longplay("plan", "--json").out)


def test_a_shadow_is_cast_compared_and_ended(longplay: Longplay, nurture: Path) -> None:
    """Nothing is published by it; who enters is compared; afterwards it is gone."""
    replace(nurture, "wait: 1 minute", "wait: 2 minutes")
    assert "~ wait-1-minute → wait-2-minutes" in longplay("apply", "--shadow").out
    assert {one["how"] for one in longplay("versions", "--json").json} == {"apply"}
    assert "nobody has entered since" in longplay("shadow", "trial-nurture").out
    form = ("--lead", "ann@example.com", "--data", '{"form": "trial"}')
    assert longplay("event", "form.submitted", *form).status == 0
    found = longplay("shadow", "playbooks/trial-nurture.yaml", "--json").json
    assert (found["playbook"], found["runs"], found["more"]) == ("trial-nurture", 1, False)
    assert "trial-nurture" in longplay("shadow").out
    assert longplay("shadow", "trial-nurture", "--end").status == 0
    said = longplay("shadow", "trial-nurture")
    assert (said.status, "has no shadow" in said.err) == (1, True)
    assert longplay("shadow", "--json").json == []


def test_a_shadow_of_nothing_new_is_refused(longplay: Longplay) -> None:
    """And one that is to move enrollments has none."""
    said = longplay("apply", "--shadow")
    assert (said.status, "differs from its live version" in said.err) == (1, True)
    assert longplay("apply", "--shadow", "--move").status == 2
