"""Commands of those who write playbooks."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from commands import in_chinese
from engine.playbook.rules import RULES
from tests.cli.conftest import Longplay

BROKEN = """\
playbook: broken
enroll: {when: [manual]}
steps:
  - emial: welcome
"""


@pytest.fixture
def broken(workspace: Path) -> Path:
    path = workspace / "playbooks" / "broken.yaml"
    path.write_text(BROKEN)
    return path


def test_the_starter_is_whole(bare: Longplay, tmp_path: Path) -> None:
    """A new workspace validates, and editors find the schemas that it names."""
    assert bare("init", str(tmp_path / "new")).status == 0
    folder = tmp_path / "new"
    assert bare("-C", str(folder), "validate", "--json").json == {"ok": True, "problems": []}
    for path in [folder / "longplay.yaml", *(folder / "playbooks").glob("*.yaml")]:
        head = path.read_text(encoding="utf-8").splitlines()[0]
        schema = (path.parent / head.removeprefix("# yaml-language-server: $schema=")).resolve()
        assert json.loads(schema.read_text())["$schema"]
    settings = json.loads((folder / ".vscode" / "settings.json").read_text())
    assert all((folder / name).is_file() for name in settings["yaml.schemas"])


def test_a_starter_for_a_trade_is_whole(bare: Longplay, tmp_path: Path) -> None:
    """It validates; a name that no starter has changes nothing, and the nearest one is offered."""
    folder = tmp_path / "shop"
    wrong = bare("init", str(folder), "--starter", "comerce")
    assert wrong.status == 1
    assert "there is no starter 'comerce'" in wrong.err
    assert "did you mean 'commerce'?" in wrong.err
    assert not folder.exists()
    assert bare("init", str(folder), "--starter", "commerce").status == 0
    assert bare("-C", str(folder), "validate", "--json").json == {"ok": True, "problems": []}


def test_compile_tells_what_an_enrollment_leaves(longplay: Longplay) -> None:
    """How many rows of the step log one enrollment writes at most, and how often it is woken."""
    assert "21 rows of the step log, woken 6 times" in longplay("compile", "win-back").out


def test_a_chinese_terminal_is_told_in_chinese_too(
    longplay: Longplay, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The English finding stays, for it is what is searched for; what its rule means is added."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    said = longplay("validate")
    assert "error[unknown-step]" in said.out
    assert "  说明：没有这个动作。" in said.out
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert "说明" not in longplay("validate").out


def test_every_rule_has_its_meaning_in_chinese() -> None:
    """And nothing is explained that is no rule."""
    assert set(in_chinese.meanings()) == set(RULES)


def test_schemas_are_written_where_editors_look(longplay: Longplay, workspace: Path) -> None:
    """Once; an editor's own settings stay as they are."""
    settings = workspace / ".vscode" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("{}")
    for path in (workspace / ".schema").glob("*.json"):
        path.unlink()
    first = longplay("schema", "--write", "--json").json["written"]
    assert sorted(first) == [".schema/longplay.schema.json", ".schema/playbook.schema.json"]
    assert longplay("schema", "--write", "--json").json == {"written": []}
    assert settings.read_text() == "{}"
    assert json.loads((workspace / ".schema/playbook.schema.json").read_text())["$schema"]


def test_init_writes_over_nothing(bare: Longplay, tmp_path: Path) -> None:
    """What a person wrote stays, unless `--force` is given; nothing is written halfway."""
    mine = tmp_path / "longplay.yaml"
    mine.write_text("workspace: mine\n")
    said = bare("init", str(tmp_path))
    assert (said.status, "is there already" in said.err) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["longplay.yaml"]
    assert bare("init", str(tmp_path), "--force").status == 0
    assert yaml.safe_load(mine.read_text(encoding="utf-8"))["workspace"] == "acme"


def test_init_again_changes_nothing(bare: Longplay, tmp_path: Path) -> None:
    """What is the same already is no obstacle."""
    bare("init", str(tmp_path))
    said = bare("init", str(tmp_path))
    assert (said.status, said.out.startswith("0 files")) == (0, True)


def test_init_where_a_file_is_in_the_way(bare: Longplay, tmp_path: Path) -> None:
    """A folder that cannot be made is a fault of the surroundings."""
    (tmp_path / "taken").write_text("a file")
    assert bare("init", str(tmp_path / "taken")).status == 2


def test_validate_names_place_rule_and_remedy(longplay: Longplay, broken: Path) -> None:
    """For people: the line, the caret below it, and what was probably meant."""
    said = longplay("validate")
    assert said.status == 1
    assert "playbooks/broken.yaml:4:5: error[unknown-step]" in said.out
    assert "^^^^^" in said.out and "did you mean 'email'?" in said.out


def test_validate_keeps_its_json_promise(longplay: Longplay, broken: Path) -> None:
    """For scripts: these keys, whatever the finding."""
    found = longplay("validate", "--json").json
    assert found["ok"] is False
    (problem,) = found["problems"]
    assert set(problem) == {"file", "line", "column", "severity", "rule", "message", "help"}
    assert (problem["line"], problem["column"], problem["severity"]) == (4, 5, "error")


def test_validate_of_some_files_tells_only_of_them(longplay: Longplay, broken: Path) -> None:
    """A path is a file or a folder, below here or below the workspace."""
    assert longplay("validate", "playbooks/win-back.yaml").status == 0
    assert longplay("validate", "playbooks").status == 1
    assert longplay("validate", str(broken)).status == 1


def test_validate_reads_whatever_lies_there(longplay: Longplay, workspace: Path) -> None:
    """A playbook in bytes that are no text is a finding, not a crash."""
    (workspace / "playbooks" / "noise.yaml").write_bytes(bytes(range(256)))
    said = longplay("validate")
    assert said.status == 1
    assert "noise.yaml" in said.out


def test_compile_keeps_its_json_promise(longplay: Longplay) -> None:
    """The plan, op by op."""
    plan = longplay("compile", "trial-nurture", "--json").json
    assert set(plan) == {"playbook", "kind", "digest", "format", "ops"}
    assert plan["ops"][0]["op"] == "send" and plan["ops"][0]["step"] == "hello"


def test_compile_takes_the_file_for_the_name(longplay: Longplay) -> None:
    """What a shell completes is a file."""
    assert longplay("compile", "playbooks/trial-nurture.yaml").status == 0


def test_compile_tells_what_is_wrong_with_the_playbook(longplay: Longplay, broken: Path) -> None:
    """The errors of that file, not of another."""
    said = longplay("compile", "broken")
    assert (said.status, "unknown-step" in said.err) == (1, True)
    assert longplay("compile", "win-back").status == 0


def test_a_diagram_is_text_or_a_picture(longplay: Longplay, tmp_path: Path) -> None:
    """Mermaid on standard output; with `--svg` a picture that is XML."""
    assert longplay("diagram", "trial-nurture").out.startswith("flowchart TD\n")
    picture = tmp_path / "flow.svg"
    assert longplay("diagram", "trial-nurture", "--svg", str(picture)).status == 0
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_a_picture_needs_a_folder(longplay: Longplay, tmp_path: Path) -> None:
    """A file that cannot be written is named."""
    said = longplay("diagram", "win-back", "--svg", str(tmp_path / "no" / "flow.svg"))
    assert (said.status, "cannot be written" in said.err) == (2, True)


@pytest.mark.parametrize("which", ["playbook", "workspace"])
def test_schemas_can_be_had_one_by_one(longplay: Longplay, which: str) -> None:
    """Both at once, or the one that an editor asks for."""
    assert longplay("schema", which).json == longplay("schema").json[which]


def test_apply_keeps_its_json_promise(longplay: Longplay, workspace: Path) -> None:
    """Each playbook, from which version to which, and how many run."""
    (workspace / "playbooks" / "win-back.yaml").unlink()
    changes = {one["playbook"]: one for one in longplay("apply", "--json").json["changes"]}
    assert {one["change"] for one in changes.values()} == {"unchanged", "retired"}
    win_back = changes["win-back"]
    assert set(win_back) == {"playbook", "change", "from", "to", "steps", "active"}
    assert (win_back["to"], win_back["active"]) == (None, 0)


def test_apply_publishes_nothing_that_is_wrong(longplay: Longplay, broken: Path) -> None:
    """The errors are named, and what was published stays."""
    said = longplay("apply")
    assert (said.status, "unknown-step" in said.err) == (1, True)
    broken.unlink()
    changes = longplay("apply", "--json").json["changes"]
    assert {one["change"] for one in changes} == {"unchanged"}


def test_a_finding_in_a_template_shows_its_line(longplay: Longplay, workspace: Path) -> None:
    """Like one in a playbook."""
    with (workspace / "templates" / "email" / "welcome.html").open("a") as file:
        file.write("<p>{% if %}</p>\n")
    said = longplay("validate")
    assert "templates/email/welcome.html:" in said.out
    assert "| <p>{% if %}</p>" in said.out and "1 error," in said.out


def test_what_is_no_file_is_passed_over_or_named(longplay: Longplay, workspace: Path) -> None:
    """A folder named like a playbook is a folder; a link to nowhere is a fault."""
    (workspace / "playbooks" / "more.yaml").mkdir()
    assert longplay("validate").status == 0
    (workspace / "playbooks" / "gone.yaml").symlink_to(workspace / "nowhere")
    said = longplay("validate")
    assert (said.status, "gone.yaml' cannot be read" in said.err) == (1, True)
