"""Scores on the command line: what is kept, why, and working it out anew."""

from pathlib import Path

from tests.cli.conftest import Longplay


def test_a_score_is_explained_and_counted(longplay: Longplay, workspace: Path) -> None:
    """`scoring` says where points come from; `plan` counts whom a change of rules touches."""
    said = ("form.submitted", "--lead", "li@example.cn", "--data", '{"form": "x"}')
    assert longplay("event", *said).status == 0
    shown = longplay("scoring", "explain", "--lead", "li@example.cn", "--json").json
    assert (shown["scores"][0]["total"], shown["ledger"][0]["points"]) == (20, 20)
    (kept,) = longplay("scoring", "show", "score", "--json").json
    assert (kept["playbook"], kept["leads"]) == ("lead-score", 1)
    found = longplay("scoring", "recompute", "--dry-run", "--json").json
    assert (found["leads"], found["differences"]) == (1, 0)
    wrong = longplay("scoring", "explain", "--lead", "li@example.cn", "--score", "scor")
    assert (wrong.status, "did you mean 'score'?" in wrong.err) == (1, True)
    file = workspace / "playbooks" / "lead-score.yaml"
    file.write_text(file.read_text("utf-8").replace("at: 50", "at: 15"), "utf-8")
    changes = longplay("plan", "--json").json["changes"]
    (change,) = [one for one in changes if one["playbook"] == "lead-score"]
    assert change["scores"]["crossings"][0]["up"] == 1
