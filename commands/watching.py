"""`longplay top`: what the runtime does at this moment, drawn anew every two seconds.

Where nobody watches, in a pipe or a log, it is one picture in plain text.
"""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from engine.operations.pulse import Glance
    from engine.store.database import Store

_SHARE = 20
"""A look is repeated after this many times as long as it took, or later."""

_AROUND = 12
"""Lines that a screen needs beside the playbooks."""

_LATE = 30.0
"""Seconds from which on a delay is shown in red."""


def add_to(app: typer.Typer) -> None:
    """Adds the command of this group."""
    app.command(rich_help_panel="Operate")(top)


def top(
    once: Annotated[bool, typer.Option("--once", help="One picture, and no more.")] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.5, help="How often it is drawn.")
    ] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Shows what runs, waits, is due and is late, live; Ctrl-C ends it."""
    from engine.operations.pulse import glance

    with place.opened(nudges=False) as store:
        if as_json:
            rendering.document(glance(store).as_json())
        elif once or not rendering.console().is_terminal:
            _print(glance(store))
        else:
            _live(store, every)


def _print(seen: "Glance") -> None:
    out = rendering.console()
    with out.capture() as captured:
        out.print(_picture(seen, len(seen.pulse.playbooks)))
    rendering.raw("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _live(store: "Store", every: float) -> None:
    from rich.live import Live

    from engine.operations.pulse import glance

    out = rendering.console()
    with Live(console=out, screen=True, auto_refresh=False) as live:
        try:
            while True:
                began = time.monotonic()
                try:
                    picture = _picture(glance(store), max(3, out.height - _AROUND))
                except Exception as error:  # a database that is away must not end the watch
                    live.update(_fault(error), refresh=True)
                else:
                    live.update(picture, refresh=True)
                took = time.monotonic() - began
                time.sleep(max(every, _SHARE * took))
        except KeyboardInterrupt:
            return


def _fault(error: Exception) -> "Text":
    from rich.text import Text

    from engine.store.faults import fault_of

    told = fault_of(error) or error
    return Text(f"the database does not answer: {rendering.clean(told)}", style="red")


def _picture(seen: "Glance", most: int) -> "Group":
    from rich.console import Group

    return Group(*_head(seen), "", _playbooks(seen, most), "", _processes(seen))


def _head(seen: "Glance") -> Iterator["Text"]:
    from rich.text import Text

    pulse = seen.pulse
    name = rendering.clean(seen.workspace) or "nothing is published"
    yield Text.assemble((name, "bold"), f"  {rendering.moment(pulse.now)}")
    batches = sum(one.batches for one in pulse.queues.values())
    yield Text(
        f"last minute: {pulse.steps:,.0f} steps, {pulse.mails:,.0f} mails · "
        f"open batches: {batches:,} · inbox: {pulse.inbox:,}"
    )
    yield Text.assemble(
        "oldest due: ", _since(pulse.oldest_due), " · in doubt: ",
        (f"{pulse.in_doubt:,}", "yellow" if pulse.in_doubt else ""),
        f" · put off: {pulse.deferred:,}{_reasons(seen)}",
    )  # fmt: skip
    if pulse.brake:
        from engine.operations import brakes

        every = ", ".join(map(brakes.said, sorted(pulse.brake)))
        held = "everything" if "*" in pulse.brake else every
        yield Text(f"the brake is on for {held}: no mail leaves", style="yellow")
    clock = pulse.age(pulse.oldest_clock)
    if clock >= _LATE:
        yield Text.assemble("a trigger by the clock is late: ", _since(clock))
    if pulse.bulk:
        states = ", ".join(f"{number:,} {state}" for state, number in sorted(pulse.bulk.items()))
        yield Text(f"bulk enrollments: {states}; {pulse.bulk_left:,} leads to look at")


def _reasons(seen: "Glance") -> str:
    if not seen.reasons:
        return ""
    most = sorted(seen.reasons.items(), key=lambda one: -one[1])
    listed = ", ".join(f"{reason} {number:,}" for reason, number in most)
    return f" ({'of the first: ' if seen.very_many else ''}{listed})"


def _since(seconds: float) -> "Text":
    from rich.text import Text

    return Text(_span(seconds), style="red" if seconds >= _LATE else "")


def _span(seconds: float) -> str:
    if seconds < 1:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def _playbooks(seen: "Glance", most: int) -> "Table | Text":
    books = sorted(
        seen.pulse.playbooks.items(), key=lambda one: (-one[1].late, -one[1].due, -one[1].open)
    )
    rows = [
        [
            _plain(name), _number(one.open), _number(one.states.get("waiting", 0)),
            _number(one.due), _number(one.late, "red"), _number(one.stopped, "red"),
            _since(seen.pulse.age(one.oldest)),
        ]
        for name, one in books[:most]
    ]  # fmt: skip
    if not rows:
        return _plain("nobody has entered a playbook yet")
    if len(books) > most:
        rows.append([_plain(f"and {len(books) - most:,} more"), *[_plain("")] * 6])
    return _table(("playbook", "open", "waiting", "due", "late", "stopped", "oldest"), rows)


def _processes(seen: "Glance") -> "Table | Text":
    rows = [
        [
            _plain(one.name), _plain(one.kind), _plain(one.build), _number(int(one.steps)),
            _number(int(one.mails)), _plain(f"{seen.pulse.age(one.at):,.0f} s ago"),
        ]
        for one in seen.pulse.processes
    ]  # fmt: skip
    if not rows:
        return _plain("no worker has been seen within the last minute")
    return _table(("process", "kind", "build", "steps/min", "mails/min", "seen"), rows, words=3)


def _table(headings: Sequence[str], rows: Sequence[Sequence["Text"]], *, words: int = 1) -> "Table":
    """A table without lines: so many columns of words, then numbers; the first one gives way."""
    from rich.table import Table

    widths = [
        max(cell.cell_len for cell in (_plain(heading), *column))
        for heading, column in zip(headings, zip(*rows, strict=True), strict=True)
    ]
    room = rendering.console().width - sum(each + 2 for each in widths[1:])
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index, heading in enumerate(headings):
        table.add_column(
            heading, justify="left" if index < words else "right", no_wrap=True,
            overflow="ellipsis", width=max(8, min(widths[0], room)) if index == 0 else None,
        )  # fmt: skip
    for row in rows:
        table.add_row(*row)
    return table


def _plain(text: str) -> "Text":
    from rich.text import Text

    return Text(rendering.clean(text))


def _number(number: int, style: str = "") -> "Text":
    from rich.text import Text

    return Text(f"{number:,}" if number else "–", style=style if number else "dim")
