"""`longplay test` and `longplay simulate`, as people and scripts call them."""

import json
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

from tests.cli.conftest import Longplay

RECORD = {"email": "ann@example.com", "first_name": "Ann", "country": "CN"}
CLICK = [{"name": "email.clicked", "after": "90 seconds", "from": "hello"}]


def test_the_starter_passes(longplay: Longplay) -> None:
    """Every scenario that `init` writes holds, and the document is the contract's."""
    said = longplay("test", "--json", "--coverage")
    assert said.status == 0
    assert said.json["failed"] == 0
    assert said.json["passed"] == len(said.json["scenarios"]) >= 15
    assert {"playbook", "name", "ok", "diff"} == set(said.json["scenarios"][0])
    assert all(not one["gaps"] for one in said.json["coverage"])


def test_a_scenario_that_fails_is_shown(longplay: Longplay, workspace: Path) -> None:
    """The status is 1; the difference names the line; JUnit has it too."""
    path = workspace / "playbooks" / "win-back.yaml"
    path.write_text(path.read_text().replace("- outcome: quiet", "- outcome: returned"))
    report = workspace / "report.xml"
    said = longplay("test", str(path), "--junit", str(report))
    assert said.status == 1
    assert "expected  outcome: returned" in said.out
    assert "only outcome quiet" in said.out
    assert Tree.parse(report).getroot().find(".//failure") is not None


def test_words_and_paths_choose(longplay: Longplay) -> None:
    """Only what is named is played."""
    said = longplay("test", "playbooks/hot-lead.yaml", "-k", "overseas", "--json")
    assert [one["playbook"] for one in said.json["scenarios"]] == ["hot-lead"]


def test_a_broken_file_fails_and_says_why(longplay: Longplay, workspace: Path) -> None:
    """Bad bytes, too: no traceback, and the other playbooks are still tested."""
    (workspace / "playbooks" / "bad.yaml").write_bytes("playbook: bad\n名: 是".encode("gbk"))
    (workspace / "playbooks" / "odd.yaml").write_text("playbook: odd\nscenarios: [1, {}]\n")
    said = longplay("test", "--json")
    assert said.status == 1
    failed = {one["playbook"] for one in said.json["scenarios"] if not one["ok"]}
    assert {"bad", "odd"} <= failed
    assert said.json["passed"] >= 15


def test_one_record_has_its_timeline(longplay: Longplay, tmp_path: Path) -> None:
    """The document is the contract's; times have an offset."""
    record, events = tmp_path / "ann.json", tmp_path / "events.jsonl"
    record.write_text(json.dumps(RECORD))
    events.write_text("\n".join(map(json.dumps, CLICK)))
    said = longplay("simulate", "trial-nurture", "--record", str(record), "--events", str(events),
                    "--at", "2026-03-02T09:30+08:00", "--json")  # fmt: skip
    assert said.status == 0, said.out
    assert said.json["outcome"] == "nurtured"
    assert said.json["timeline"][0] == {
        "at": "2026-03-02T01:30:00+00:00", "step": "", "did": "enrolled",
        "detail": "enrolled at the start",
    }  # fmt: skip
    assert ("stage-mql", "moved") in {(row["step"], row["did"]) for row in said.json["timeline"]}


def test_a_crowd_has_its_forecast(longplay: Longplay, tmp_path: Path) -> None:
    """GBK files as they come; the same seed gives the same figures; the picture is SVG."""
    crowd, assume, svg = tmp_path / "crowd.csv", tmp_path / "assume.yaml", tmp_path / "f.svg"
    rows = [f"lead{n}@example.com,王芳,CN" for n in range(40)]
    crowd.write_bytes("\n".join(["邮箱,姓名,国家", *rows, "no address,,"]).encode("gbk"))
    assume.write_text("at: 2026-03-02 09:00\ndays: 30\nmails: {nudge: {click: 50%}}\n")
    call = ("simulate", "win-back", "--leads", str(crowd), "--assume", str(assume), "--json")
    first = longplay(*call, "--svg", str(svg))
    assert first.status == 0, first.out
    assert first.json["leads"] == 40
    assert first.json["left_out"] == 1
    assert sum(first.json["outcomes"].values()) == 40
    assert 5 < first.json["outcomes"]["returned"] < 40
    assert longplay(*call).json == first.json
    assert Tree.parse(svg).getroot().tag.endswith("svg")


WRONG = {
    "nothing given": ((), 2, "simulate needs one record"),
    "both given": (("--record", "r", "--leads", "l"), 2, "simulate needs one record"),
    "assumptions of nobody": (("--record", "r", "--assume", "a"), 2, "goes with '--leads'"),
    "no such file": (("--record", "nowhere.yaml"), 1, "cannot be read"),
}


@pytest.mark.parametrize(("options", "status", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_told(
    longplay: Longplay, options: tuple[str, ...], status: int, message: str
) -> None:
    """The fault first, and the next move."""
    said = longplay("simulate", "win-back", *options)
    assert said.status == status
    assert message in said.err


BAD_FILES = {
    "unknown field": ("record", "emial: a@example.com", "no field 'emial'"),
    "unknown key": ("record", "lead: {}\nevnts: []", "has no 'evnts'"),
    "no mapping": ("record", "- 1", "expected keys"),
    "nothing": ("record", "", "nothing"),
    "a share": ("assume", "mails: {nudge: {click: 120%}}", "is no share"),
    "a mail": ("assume", "mails: {nugde: {click: 1%}}", "did you mean 'nudge'"),
    "an event": ("assume", "events: [{event: page.veiwed, share: 1%}]", "page.viewed"),
    "days": ("assume", "days: 100000", "1 to 730 days"),
}


@pytest.mark.parametrize(("which", "text", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files_are_told(
    longplay: Longplay, tmp_path: Path, which: str, text: str, message: str
) -> None:
    """What is wrong in a file is named with a suggestion, never a traceback."""
    given, crowd = tmp_path / "given.yaml", tmp_path / "crowd.csv"
    given.write_text(text)
    crowd.write_text("email\nann@example.com\n")
    options = ("--record", str(given)) if which == "record" else (
        "--leads", str(crowd), "--assume", str(given))  # fmt: skip
    said = longplay("simulate", "win-back", *options)
    assert said.status == 1
    assert message in said.err
