"""Findings about a file: what they are, and how they are shown to people and to scripts.

It owns the form of a diagnostic; what the rules mean is in `rules`. It never raises.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a file, with a rule's name and a place (lines and columns from 1)."""

    rule: str
    message: str
    help: str = ""
    file: str = ""
    line: int = 1
    column: int = 1
    end_column: int = 0
    severity: Severity = "error"

    @property
    def is_error(self) -> bool:
        """Whether it keeps the file from being used."""
        return self.severity == "error"


class Findings:
    """Collects diagnostics while a file is read; the same rule speaks once about one place."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, str], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Keeps `diagnostic`, unless its rule has spoken about that place."""
        place = (diagnostic.file, diagnostic.line, diagnostic.column, diagnostic.rule)
        self._found.setdefault(place, diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keeps all of `diagnostics`."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.sorted())

    @property
    def failed(self) -> bool:
        """Whether one of them is an error."""
        return any(found.is_error for found in self._found.values())

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All of them, by file and place."""
        return tuple(
            sorted(self._found.values(), key=lambda it: (it.file, it.line, it.column, it.rule))
        )


def concise(diagnostic: Diagnostic) -> str:
    """One line that stands alone: `playbooks/a.yaml:7:5: error[rule] message`."""
    place = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}"
    return f"{place}: {diagnostic.severity}[{diagnostic.rule}] {diagnostic.message}"


def human(diagnostic: Diagnostic, source: str | None = None) -> str:
    """The concise line, the line of `source` it is about with a caret, and the help."""
    parts = [concise(diagnostic)]
    if source is not None:
        parts.extend(_excerpt(diagnostic, source))
    if diagnostic.help:
        first, *more = diagnostic.help.splitlines()
        parts.append(f"  help: {first}")
        parts.extend(f"        {line}" for line in more)
    return "\n".join(parts)


def as_json(diagnostic: Diagnostic) -> Mapping[str, str | int]:
    """The form for scripts; the keys are a contract."""
    return {
        "file": diagnostic.file,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "severity": diagnostic.severity,
        "rule": diagnostic.rule,
        "message": diagnostic.message,
        "help": diagnostic.help,
    }


_WIDEST = 100
"""Characters of a line that are shown; of a longer one, those around the fault."""


def _excerpt(diagnostic: Diagnostic, source: str) -> list[str]:
    lines = source.replace("\r\n", "\n").split("\n")
    if not 1 <= diagnostic.line <= len(lines):
        return []
    line = "".join(_shown(char) for char in lines[diagnostic.line - 1])
    number = str(diagnostic.line)
    start = min(diagnostic.column - 1, len(line))
    end = min(max(diagnostic.end_column - 1, start + 1), max(len(line), start + 1))
    if len(line) > _WIDEST:
        cut = max(0, start - _WIDEST // 3)
        line, start, end = line[cut : cut + _WIDEST], start - cut, min(end - cut, _WIDEST)
    caret = " " * width(line[:start]) + "^" * max(width(line[start:end]), 1)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {caret}"]


def _shown(char: str) -> str:
    """A tab as one space and a control character as a dot, so that the caret stays below."""
    if char == "\t":
        return " "
    return "·" if unicodedata.category(char) in ("Cc", "Cs") else char


def width(text: str) -> int:
    """How many columns of a terminal `text` takes: a Chinese character takes two."""
    columns = 0
    for char in text:
        if unicodedata.combining(char) or unicodedata.category(char) == "Cf":
            continue
        columns += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return columns
