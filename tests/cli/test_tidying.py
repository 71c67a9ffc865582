"""`longplay fmt`: what it writes, what it leaves alone, what it answers."""

from pathlib import Path

import pytest

from tests.cli.conftest import Longplay

MESSY = "steps:\n- tag:  'a' # 说明\nenroll: {when: [manual]}\nplaybook: messy\n"
TIDY = "playbook: messy\nenroll: {when: [manual]}\nsteps:\n  - tag: a  # 说明\n"


@pytest.fixture
def messy(workspace: Path) -> Path:
    path = workspace / "playbooks" / "messy.yaml"
    path.write_text(MESSY, encoding="utf-8")
    path.chmod(0o640)
    return path


def test_files_are_tidied_once(longplay: Longplay, messy: Path) -> None:
    """The file is written whole, with the rights it had; the second time nothing is left to do."""
    assert longplay("fmt", "--json").json == {
        "ok": True, "changed": ["playbooks/messy.yaml"], "bad": [],
    }  # fmt: skip
    assert messy.read_text(encoding="utf-8") == TIDY
    assert messy.stat().st_mode & 0o777 == 0o640
    assert longplay("fmt", "--json").json["changed"] == []
    assert [path.name for path in messy.parent.iterdir() if path.name.startswith(".")] == []


def test_check_and_diff_write_nothing(longplay: Longplay, messy: Path) -> None:
    """`--check` fails on an untidy file, `--diff` shows the change, both leave it."""
    assert longplay("fmt", "--check").status == 1
    shown = longplay("fmt", "--diff")
    assert (shown.status, "+  - tag: a  # 说明" in shown.out) == (0, True)
    assert messy.read_text(encoding="utf-8") == MESSY


def test_a_bad_file_is_left_alone(longplay: Longplay, messy: Path) -> None:
    """What cannot be read is told with its place, and the other files are tidied all the same."""
    bad = messy.with_name("bad.yaml")
    bad.write_bytes("标题: [\n".encode("gbk"))
    said = longplay("fmt")
    assert said.status == 1
    assert "playbooks/bad.yaml:1" in said.out
    assert bad.read_bytes() == "标题: [\n".encode("gbk")
    assert messy.read_text(encoding="utf-8") == TIDY


def test_only_what_is_named(longplay: Longplay, messy: Path, workspace: Path) -> None:
    """Files and folders may be named; one that is not there is an error."""
    other = workspace / "playbooks" / "deep" / "other.yaml"
    other.parent.mkdir()
    other.write_text(MESSY.replace("messy", "other"), encoding="utf-8")
    assert longplay("fmt", "playbooks/deep", "--json").json["changed"] == [
        "playbooks/deep/other.yaml"
    ]
    assert messy.read_text(encoding="utf-8") == MESSY
    assert longplay("fmt", "nowhere.yaml").status == 1
