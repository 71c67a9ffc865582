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


def test_the_past_is_played_through_new_rules(
    longplay: Longplay, workspace: Path, tmp_path: Path
) -> None:
    """`scoring backtest` compares published rules with a file's, and writes who, and a picture."""
    for lead in ("li@example.cn", "ann@example.com"):
        for _ in range(2):
            assert longplay("event", "form.submitted", "--lead", lead).status == 0
    text = (workspace / "playbooks" / "lead-score.yaml").read_text("utf-8")
    file, who, svg = (tmp_path / name for name in ("new.yaml", "who.csv", "picture.svg"))
    file.write_text(text.replace("at: 50", "at: 15"), "utf-8")
    asked = ("scoring", "backtest", "--file", str(file))
    found = longplay(*asked, "--who", str(who), "--svg", str(svg), "--json").json
    assert [(one["rules"], one["crossed"]) for one in found["thresholds"]] == [
        ("old", 0),
        ("new", 2),
    ]
    assert found["compared"][0]["crossed"]["only_new"] == 2
    assert (who.read_text("utf-8-sig").count("\n"), svg.read_text("utf-8")[:4]) == (3, "<svg")
    said = longplay(*asked)
    assert "lead-score.mql" in said.out and "only 0 outcomes" in said.err
    file.write_text(text.replace("points: 20", "points: many", 1), "utf-8")
    for words, status, fault in (
        (("--file", str(file)), 1, f"{file}:"),
        (("--file", str(workspace / "longplay.yaml")), 1, "is no playbook"),
        (("--became", "oportunity"), 1, "did you mean 'opportunity'?"),
        (("--within", "4 m"), 1, "--within: "),
        (("--since", "2999-01-01"), 1, "nothing lies between"),
        (("--svg", str(tmp_path)), 2, "cannot be written"),
    ):
        wrong = longplay("scoring", "backtest", *words)
        assert (wrong.status, fault in wrong.err) == (status, True), wrong.err
