"""The commands there are: those of the contract, each with help, and quick to explain itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import cli
from tests.cli.conftest import Longplay

ROOT = Path(__file__).parents[2]

COMMANDS = (
    "init", "validate", "fmt", "compile", "diagram", "schema", "test", "simulate",
    "plan", "apply", "rollback", "versions", "shadow",
    "up", "worker", "web", "migrate", "doctor", "top", "pause", "resume", "retention",
    "backup", "restore", "restored show", "restored begin", "restored sent", "restored release",
    "restored end", "keys create", "keys list", "keys rotate", "keys revoke",
    "leads import", "leads list", "leads show", "leads set", "leads merge", "leads export",
    "leads duplicates", "leads distinct", "leads erase", "leads erasures",
    "lifecycle show", "lifecycle history",
    "companies import", "companies list", "companies show", "companies set", "companies merge",
    "companies duplicates", "companies distinct",
    "deals import", "deals list", "deals show", "deals move", "deals health", "funnel", "report",
    "segments list", "segments show", "scoring show", "scoring explain", "scoring recompute",
    "scoring backtest", "scoring suggest", "segments suggest",
    "event", "events import", "mail preview", "mail check", "mail try",
    "mail receive", "mail fetch",
    "enroll", "enrollments list", "enrollments show", "enrollments pause", "enrollments resume",
    "enrollments skip", "enrollments cancel", "enrollments retry",
    "bulk list", "bulk show", "bulk watch", "bulk pause", "bulk resume", "bulk cancel",
    "messages list", "messages resend", "explain", "stats",
    "inbox", "inbox done", "inbox snooze", "inbox approve", "inbox reject", "inbox retry",
    "inbox skip", "inbox show", "inbox ack", "inbox pause", "inbox resume", "inbox assign",
    "notices list", "suppressions list", "suppressions add", "suppressions remove", "owners list",
    "pool list", "pool claim",
    "suppressions import", "suppressions export", "consent show", "consent record",
    "consent export", "consent law",
)  # fmt: skip
SILENT = {"init", "diagram", "up", "worker", "web"}
HEAVY = ("sqlalchemy", "temporalio", "pydantic", "rich.console", "jinja2", "alembic", "yaml")


def tree() -> dict[str, list[str]]:
    """Every command with the names of its options."""
    return dict(_walk("", typer.main.get_command(cli.app)))


def _walk(path: str, command: object) -> Iterator[tuple[str, list[str]]]:
    options = [name for param in getattr(command, "params", ()) for name in param.opts]
    children = getattr(command, "commands", {})
    if path and (not children or getattr(command, "invoke_without_command", False)):
        yield path, options
    for name, child in children.items():
        yield from _walk(f"{path} {name}".strip(), child)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_contract_explains_itself(bare: Longplay, command: str) -> None:
    """`--help` says what the command does, in a sentence of its own."""
    said = bare(*command.split(), "--help")
    assert said.status == 0
    assert f"longplay {command}" in said.out
    assert len(said.out.split(".")) > 1


def test_there_is_no_command_that_nobody_promised() -> None:
    """Nothing is shown that does not work."""
    assert sorted(tree()) == sorted(COMMANDS)


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in SILENT])
def test_each_command_that_shows_something_can_show_json(command: str) -> None:
    """Scripts need not read tables."""
    assert "--json" in tree()[command]


def test_help_waits_for_nothing_heavy() -> None:
    """The database, Temporal and the language are imported by the commands that need them."""
    code = f"import sys, cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_version_is_told(bare: Longplay) -> None:
    """`--version` is the first thing that a report of a fault needs."""
    assert bare("--version").out.startswith("longplay ")
