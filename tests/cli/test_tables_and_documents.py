"""What people see: tables that fit and line up, texts from outside that do no harm."""

import io
from datetime import UTC, datetime

import pytest

from commands import rendering
from engine.playbook.diagnostics import width

ROWS = [
    {"name": "李伟", "note": "a", "state": "accepted"},
    {"name": "Sam Lee", "note": "一二三四五六七八九十" * 6, "state": "stopped"},
]


class Terminal(io.StringIO):
    """A terminal as far as anybody asks."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Called by the test itself: pytest puts its own stream in place after the fixtures."""
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "48")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


def test_a_table_fits_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese characters count twice; what is long is folded, nothing is cut off."""
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    rendering.table(("name", "note", "state"), ROWS)
    lines = terminal.getvalue().splitlines()
    assert max(map(width, lines)) <= 48
    assert terminal.getvalue().count("十") == 6
    starts = {line.index("accepted") + line[: line.index("accepted")].count("李伟") * 2
              for line in lines if "accepted" in line}  # fmt: skip
    assert starts == {next(line.index("state") for line in lines if "state" in line)}


def test_colors_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is heeded."""
    terminal = on_terminal(monkeypatch)
    rendering.table(("state",), ROWS)
    assert "\x1b[32m" in terminal.getvalue()
    terminal.truncate(0)
    monkeypatch.setenv("NO_COLOR", "1")
    rendering.table(("state",), ROWS)
    assert "\x1b[32m" not in terminal.getvalue()


def test_a_pipe_gets_whole_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line a row, however long, without colors and without spaces at its end."""
    monkeypatch.delenv("COLUMNS", raising=False)
    rendering.table(("name", "note", "state"), ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line == line.rstrip() and "\x1b" not in line for line in lines)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b[2Jgone", "\ufffd[2Jgone"),
        ("[red]text[/red]", "[red]text[/red]"),
        ("two\nlines", "two lines"),
        ("\u202eright to left", "\ufffdright to left"),
        ("half \udcff", "half \ufffd"),
        (["a", "b"], "a, b"),
        (None, ""),
        (True, "yes"),
        ({"a": 1}, "a: 1"),
    ],
)
def test_texts_from_outside_are_shown_and_not_obeyed(given: object, shown: str) -> None:
    """No escape sequence, no markup and no half character reaches the terminal."""
    assert rendering.clean(given) == shown


def test_documents_keep_what_they_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """UTF-8 as it is, times with their offset."""
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    rendering.document({"name": "李伟", "at": at, "set": {"b", "a"}})
    out = capsys.readouterr().out
    assert "李伟" in out and "2026-03-02T09:30:00+00:00" in out and '"a",\n    "b"' in out
