"""Proposals on the command line: files that are tidy and right, and what is refused."""

from pathlib import Path

import pytest

from bench import known_weights
from engine.store.database import Store
from engine.store.schema import migrate
from tests.cli.conftest import Longplay

pytestmark = pytest.mark.xdist_group("suggest")  # scikit-learn takes long to import


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A workspace with a history."""
    root = tmp_path / "history"
    (root / "playbooks").mkdir(parents=True)
    for name, content in known_weights.folder().files.items():
        (root / name).write_bytes(content)
    store = Store(f"sqlite:///{root / '.longplay' / 'longplay.db'}")
    migrate(store)
    known_weights.publish_rules(store)
    known_weights.fill(store, 600)
    store.close()
    return root


def test_rules_are_suggested_compared_and_taken_over(bare: Longplay, history: Path) -> None:
    """The file is tidy, says why in the language of the place, and can be backtested as it is."""
    run = ("-C", str(history))
    file = history / "proposal.yaml"
    said = bare(*run, "scoring", "suggest", "--to", str(file))
    assert said.status == 0, said.err
    assert "on the newest quarter" in said.out and "--file" in said.out
    text = file.read_text("utf-8")
    assert text.startswith("# 依据 600 条线索得出")
    again = bare(*run, "scoring", "suggest", "--to", str(file))
    assert (again.status, "is there already" in again.err) == (1, True)
    found = bare(*run, "scoring", "backtest", "--file", str(file), "--json").json
    assert [one["rules"] for one in found["thresholds"]] == ["old", "new"]
    assert found["thresholds"][1]["crossed"] > 0
    (history / "playbooks" / "lead-score.yaml").write_text(text, "utf-8")
    assert bare(*run, "fmt", "--check").status == 0
    assert bare(*run, "validate").status == 0
    shown = bare(*run, "scoring", "suggest", "--language", "en", "--json").json
    assert shown["yaml"].startswith("# Suggested from 600 leads")
    assert {"points", "low", "high", "leads"} <= set(shown["rules"][0])


def test_too_little_is_refused_on_the_command_line(longplay: Longplay) -> None:
    """It says how little there is, and how much there should be."""
    for words, told in (
        (("scoring", "suggest"), "of 0 leads that can be judged 0 came to 'opportunity'"),
        (("segments", "suggest"), "0 of 0 leads have a 'deal.won' within 365 days, and 30 are"),
        (("segments", "suggest", "--groups", "1"), "there can be 2 to 8"),
        (("scoring", "suggest", "--half-life", "soon"), "--half-life: "),
    ):
        said = longplay(*words)
        assert (said.status, told in said.err) == (1, True), said.err
