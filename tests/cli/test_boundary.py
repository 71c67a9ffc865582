"""The boundary: whatever goes wrong becomes a message, an exit status, and never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import rendering
from tests.cli.conftest import Longplay

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "status", "fault"),
    [
        pytest.param(["wat"], 2, "no such command 'wat'", id="unknown-command"),
        pytest.param(["leads", "show"], 2, "missing argument 'LEAD'", id="missing-argument"),
        pytest.param(
            ["leads", "list", "--limit", "x"], 2, "invalid value for '--limit'", id="no-number"
        ),
        pytest.param(["leads", "list", "--wat"], 2, "no such option", id="unknown-option"),
        pytest.param(["leads", "show", "nobody"], 1, "no lead 'nobody'", id="unknown-lead"),
        pytest.param(["enroll", "trial-nurture"], 1, "whom?", id="enroll-nobody"),
        pytest.param(["pause", "trial-nurtur"], 1, "no playbook", id="unknown-playbook"),
        pytest.param(["inbox", "done", "x"], 1, "no task has the id 'x'", id="unknown-task"),
        pytest.param(["leads", "import", "x.csv"], 2, "cannot be read", id="no-file"),
        pytest.param(["compile", "nope"], 1, "no playbook 'nope'", id="compile-nothing"),
        pytest.param(["validate", "nope.yaml"], 1, "no file 'nope.yaml' in", id="validate-nothing"),
    ],
)
def test_faults_are_told_and_counted(
    longplay: Longplay, arguments: list[str], status: int, fault: str
) -> None:
    """A wrong input is 1, wrong usage or surroundings 2; the fault is on standard error."""
    said = longplay(*arguments)
    assert said.status == status
    assert fault in said.err
    assert said.out == ""


def test_with_json_a_fault_is_a_document_too(longplay: Longplay) -> None:
    """A script reads one document on standard output, whatever happened."""
    said = longplay("leads", "show", "nobody@example.com", "--json")
    assert said.status == 1
    assert said.json["error"]["message"] == "there is no lead 'nobody@example.com'"
    assert said.err == ""


def test_a_folder_without_a_workspace_is_left_as_it_is(bare: Longplay, tmp_path: Path) -> None:
    """A command in the wrong folder makes no database there."""
    said = bare("-C", str(tmp_path), "leads", "list")
    assert said.status == 1
    assert "longplay init" in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(bare: Longplay, tmp_path: Path) -> None:
    """`-C` names a folder that exists."""
    said = bare("-C", str(tmp_path / "gone"), "leads", "list")
    assert (said.status, "no folder" in said.err) == (2, True)


def test_a_database_that_is_none_is_a_fault_of_the_surroundings(
    longplay: Longplay, workspace: Path
) -> None:
    """A file that is no database is told as such."""
    for path in (workspace / ".longplay").iterdir():
        path.unlink()
    (workspace / ".longplay" / "longplay.db").write_bytes(b"certainly no database" * 100)
    said = longplay("leads", "list")
    assert (said.status, "not a database" in said.err) == (2, True)


def test_a_database_that_asks_for_a_newer_release_is_left_alone(
    longplay: Longplay, workspace: Path
) -> None:
    """Its tables mean something else, as it says itself; the next move is named."""
    from sqlalchemy import text

    from engine.store.database import Store

    store = Store(f"sqlite:///{workspace / '.longplay' / 'longplay.db'}")
    store.write(lambda tx: tx.conn.execute(text("UPDATE alembic_version SET version_num='0999'")))
    store.write(lambda tx: tx.conn.execute(text("UPDATE schema_bound SET works_from='0999'")))
    store.close()
    said = longplay("leads", "list")
    assert (said.status, "run the newer release" in said.err) == (2, True)


def test_a_wrong_setting_is_named(longplay: Longplay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, the value and an example."""
    monkeypatch.setenv("LONGPLAY_WEB_ADDRESS", "nowhere")
    said = longplay("leads", "list")
    assert (said.status, "LONGPLAY_WEB_ADDRESS is 'nowhere'" in said.err) == (2, True)


def test_what_nobody_foresaw_is_kept_in_a_file(
    longplay: Longplay, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for the user, the traceback for whoever mends it, readable by nobody else."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by ann@example.com")

    monkeypatch.setattr(rendering, "table", fail)
    said = longplay("leads", "list")
    (kept,) = (workspace / ".longplay").glob("fault-*.log")
    assert said.status == 2
    assert "ZeroDivisionError" in said.err and str(kept) in said.err
    assert "Traceback" in kept.read_text() and kept.stat().st_mode & 0o077 == 0


def test_ctrl_c_is_no_fault(longplay: Longplay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell's own status for it, and not a word."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rendering, "table", interrupt)
    said = longplay("leads", "list")
    assert (said.status, said.out, said.err) == (130, "", "")


BAD = b"\xff\xfe\x80"


@pytest.mark.parametrize(
    "arguments",
    [
        [b"leads", b"show", BAD],
        [b"leads", b"set", b"ann@example.com", b"first_name=" + BAD],
        [b"event", BAD, b"--lead", b"ann@example.com"],
        [b"event", b"page.viewed", b"--lead", BAD],
        [b"event", b"page.viewed", b"--lead", b"ann@example.com", b"--data", BAD],
        [b"enroll", BAD, b"--all"],
        [b"enroll", b"win-back", b"--where", BAD],
        [b"explain", b"--lead", BAD],
        [b"enrollments", b"show", BAD],
        [b"inbox", b"done", BAD],
        [b"suppressions", b"add", BAD],
        [b"pause", BAD],
        [b"leads", b"import", BAD],
        [BAD],
    ],
    ids=lambda it: "-".join("bad" if BAD in one else one.decode().strip("-") for one in it),
)
def test_bytes_that_are_no_text_are_refused_at_every_door(
    longplay: Longplay, arguments: list[bytes]
) -> None:
    """As a shell hands them over; nothing is changed and the message can be shown."""
    said = longplay(*map(os.fsdecode, arguments))
    assert said.status == 2
    assert "is not utf-8 text" in said.err
    said.err.encode()


NASTY = ["\x1b[31mred", "a\x00b", "", " ", "'; DROP TABLE lead; --", "[bold]x", "€" * 5000, "-"]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize(
    "door",
    ["leads show", "explain --lead", "enrollments show", "inbox done", "suppressions remove",
     "leads list --stage", "enroll trial-nurture --where", "event page.viewed --lead",
     "messages list --lead", "compile"],
)  # fmt: skip
def test_strange_text_is_answered_calmly(longplay: Longplay, door: str, text: str) -> None:
    """Never a traceback, never a control character on the terminal, a status that is known."""
    said = longplay(*door.split(), text)
    assert said.status in {0, 1, 2}
    assert "should not" not in said.err
    assert "\x1b" not in said.out + said.err


def test_a_process_of_its_own_says_the_same(workspace: Path) -> None:
    """The real program: UTF-8 out, even where the locale knows only ASCII."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "cli", "-C", str(workspace), "owners", "list", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["name"] == "李伟"


def test_a_reader_that_goes_away_is_no_fault(workspace: Path) -> None:
    """`longplay schema | head -1` ends quietly."""
    command = (
        f"'{sys.executable}' -m cli -C '{workspace}' schema | head -1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["{", "0"], "")
