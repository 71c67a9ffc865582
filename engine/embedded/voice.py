"""What `longplay up` says: its own lines, and those of its children with their name in front."""

import json as documents
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.text import Text

_COLORS = {"web": "cyan", "worker": "green", "catcher": "magenta", "temporal": "blue"}
_WIDTH = 8


class Voice:
    """Writes whole lines from many threads; a reader that went away stops nobody.

    Args:
        stream: where to write, standard output if None.
        json: the children write JSON documents: leave them as they are, and speak JSON, too.
    """

    def __init__(self, stream: TextIO | None = None, *, json: bool = False) -> None:
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)
        self._json = json
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """One line of the supervisor's own."""
        self._write(self._document(line) if self._json else Text(line))

    def announce(self, title: str, rows: list[tuple[str, str]]) -> None:
        """A title and a small table of names and what they are."""
        if self._json:
            self._write(self._document(title, **dict(rows)))
            return
        width = max(len(name) for name, _ in rows)
        lines = Text(title, style="bold")
        for name, what in rows:
            lines.append(f"\n  {name:<{width}}  ", style="not bold dim")
            lines.append(what, style="not bold")
        self._write(lines)

    def repeat(self, name: str, line: str) -> None:
        """One line that the child `name` wrote."""
        if self._json:
            self._write(Text(line))
            return
        self._write(
            Text.assemble(
                (f"{name:<{_WIDTH}} │ ", _COLORS.get(name, "yellow")), Text.from_ansi(line)
            )
        )

    def _document(self, event: str, **facts: str) -> Text:
        line = {"event": event, **facts, "logger": "longplay.up", "level": "info"}
        line["timestamp"] = datetime.now(UTC).isoformat()
        return Text(documents.dumps(line, ensure_ascii=False))

    def _write(self, text: Text) -> None:
        with self._lock:
            try:
                self._console.print(text)
            except (OSError, ValueError):
                # `longplay up | head` is no reason to stop; ValueError is a closed stream.
                return
