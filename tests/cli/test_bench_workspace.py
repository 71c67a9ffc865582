"""The workspace that the command line is measured with stays right as the starter grows."""

from pathlib import Path

from bench.cli_speed import workspace
from engine.operations.editions import check, read_folder


def test_what_is_measured_is_a_workspace_without_findings(tmp_path: Path) -> None:
    """As many playbooks as were asked for, and nothing wrong with any: no error cuts it short."""
    workspace(tmp_path, 20)
    checked = check(read_folder(tmp_path), {})
    assert not checked.diagnostics
    assert len(list((tmp_path / "playbooks").glob("*.yaml"))) == 20
