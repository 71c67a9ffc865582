"""How commands speak: tables and sentences for people, one JSON document for scripts.

People get colors and tables that fit their terminal; a pipe gets plain, untrimmed lines; NO_COLOR
is heeded. Texts from outside are cleaned of control characters and never read as markup.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from engine.errors import EnvironmentFault

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
"""The option that every command has which shows something."""

_PIPE_WIDTH = 10_000
_STATES = {
    "ok": "green", "accepted": "green", "finished": "green", "active": "cyan", "waiting": "cyan",
    "error": "red", "stopped": "red", "bounced": "red", "rejected": "red",
    "warning": "yellow", "held": "yellow", "in_doubt": "yellow", "deferred": "yellow",
}  # fmt: skip


def console(*, err: bool = False) -> "Console":
    """A console on standard output, or on standard error."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _PIPE_WIDTH
    return Console(
        file=stream,
        highlight=False,
        soft_wrap=not stream.isatty(),
        width=width,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


def clean(value: object) -> str:
    """A value as a terminal may show it: no control character of it reaches the terminal."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(clean, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {clean(one)}" for name, one in value.items())
    return "".join(_visible(character) for character in str(value))


def _visible(character: str) -> str:
    if character in "\n\t":
        return " "
    hidden = unicodedata.category(character) in {"Cc", "Cs"} or character in "\u202a\u202e\u2066"
    return "\N{REPLACEMENT CHARACTER}" if hidden else character


def moment(at: datetime) -> str:
    """A time for people: ISO 8601 in this machine's zone, to the second, with its offset."""
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def say(text: str = "", *, style: str = "", err: bool = False) -> None:
    """A sentence, on standard output or beside it."""
    from rich.text import Text

    lines = "\n".join(clean(line) for line in text.split("\n"))
    console(err=err).print(Text(lines, style=style))


def fault(message: str, help: str = "", *, as_json: bool = False) -> None:
    """What is wrong, and the next move."""
    if as_json:
        document({"error": {"message": message, "help": help}})
        return
    say(f"error: {message}", style="red", err=True)
    if help:
        say(f"help: {help}", err=True)


def note(text: str) -> None:
    """A remark beside the answer; it never mixes with a JSON document."""
    say(text, style="yellow", err=True)


def document(value: object, *, stream: TextIO | None = None) -> None:
    """One JSON document: UTF-8, times as ISO 8601."""
    out = stream or sys.stdout
    out.write(json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def table(
    columns: Mapping[str, str] | Sequence[str],
    rows: Sequence[Mapping[str, object]],
    *,
    nothing: str = "nothing to show",
) -> None:
    """Rows as a table.

    Args:
        columns: keys of the rows, or keys with the headings to show instead.
        rows: what to show.
        nothing: said instead when there are no rows.
    """
    if not rows:
        say(nothing, style="dim")
        return
    from rich import box
    from rich.table import Table

    headed = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    out = console()
    lines = box.SIMPLE_HEAD if out.is_terminal else None
    drawn = Table(box=lines, pad_edge=False, header_style="bold", show_edge=False)
    for heading in headed.values():
        drawn.add_column(heading.replace("_", " "), overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(row.get(name)) for name in headed))
    with out.capture() as captured:
        out.print(drawn)
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def more(rows: Sequence[Mapping[str, object]], limit: int, option: str) -> None:
    """Below a full page: how the next one is asked for, by the last row's id."""
    if len(rows) == limit:
        note(f"there may be more: --{option} {rows[-1]['id']}")


def _cell(value: object) -> "Text":
    from rich.text import Text

    text = clean(value)
    return Text(text, style=_STATES.get(text, ""))


def card(pairs: Mapping[str, object]) -> None:
    """One thing, a line for each of its facts; facts that are missing are left out."""
    shown = {name: one for name, one in pairs.items() if one not in (None, "", [], {})}
    width = max(map(len, shown), default=0)
    from rich.text import Text

    out = console()
    for name, value in shown.items():
        heading = (f"{name.replace('_', ' '):<{width}}  ", "dim")
        out.print(Text.assemble(heading, clean(value)))


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on standard error while a person watches; nothing otherwise.

    Yields:
        What to call with how much is done, and of how much (None: nobody knows).
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def raw(text: str) -> None:
    """A text in a language of its own, such as Mermaid, exactly as it is."""
    sys.stdout.write(text)


def to_file(path: Path, text: str) -> None:
    """Writes a file that a person asked for.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"'{path}' cannot be written: {error.strerror}") from error
