"""How a finding is shown: in one line, with its excerpt, and to scripts."""

import pytest

from engine.playbook.diagnostics import Diagnostic, Findings, as_json, concise, human, width

FOUND = Diagnostic(
    "unknown-step",
    "no step named 'sned'",
    "did you mean 'email'?",
    "playbooks/welcome.yaml",
    7,
    5,
    9,
)


def test_concise_stands_alone() -> None:
    """The one-line form names file, place, severity, rule and fault."""
    assert concise(FOUND) == "playbooks/welcome.yaml:7:5: error[unknown-step] no step named 'sned'"


def test_json_has_the_contracts_keys() -> None:
    """Scripts get the seven keys that the contract names, places from 1."""
    assert as_json(FOUND) == {
        "file": "playbooks/welcome.yaml",
        "line": 7,
        "column": 5,
        "severity": "error",
        "rule": "unknown-step",
        "message": "no step named 'sned'",
        "help": "did you mean 'email'?",
    }


@pytest.mark.parametrize(
    ("line", "column", "end", "before", "marks"),
    [
        ("  - sned: x", 5, 9, 4, 4),
        ("标题: 双11", 5, 8, 6, 4),
        ("名: “好”", 4, 7, 4, 4),
        ("e\u0301te: x", 6, 7, 4, 1),
    ],
    ids=["plain", "chinese", "full-width-quotes", "combining"],
)
def test_caret_stands_below(line: str, column: int, end: int, before: int, marks: int) -> None:
    """The caret stands below the fault, with two columns for a Chinese character."""
    shown = human(Diagnostic("x", "m", "", "f", 1, column, end), line).splitlines()
    below = shown[2].partition("| ")[2]
    assert (len(below) - len(below.lstrip()), below.count("^")) == (before, marks)


def test_long_lines_are_cut() -> None:
    """Of a long line only what is around the fault is shown."""
    shown = human(Diagnostic("x", "m", "", "f", 1, 5001, 5003), "a" * 5000 + "bb" + "c" * 5000)
    assert "bb" in shown
    assert max(map(len, shown.splitlines())) < 130


def test_a_place_beyond_the_text_shows_no_excerpt() -> None:
    """A finding about a line that is not there is shown without one."""
    assert human(Diagnostic("x", "m", "", "f", 9), "one line") == "f:9:1: error[x] m"


def test_findings_speak_once_about_a_place() -> None:
    """The same rule at the same place is kept once, and all are sorted by place."""
    findings = Findings()
    findings.extend([FOUND, FOUND, Diagnostic("a", "m", "", FOUND.file, 2)])
    assert [found.line for found in findings] == [2, 7]


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("李伟", 4), ("：", 2), ("e\u0301", 1)])
def test_width(text: str, columns: int) -> None:
    """A terminal gives two columns to a wide character and none to a combining one."""
    assert width(text) == columns
