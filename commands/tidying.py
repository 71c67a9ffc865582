"""The command that tidies playbooks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.tidying import Tidied


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("fmt", rich_help_panel="Write playbooks")(fmt)


def fmt(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Only these.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when a file is not tidy.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show the changes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tidies playbooks: indentation, order of keys, quotes. Comments and meaning stay."""
    from engine.operations.tidying import tidied, write

    looked = list(tidied(place.settings().workspace, paths or ()))
    changing = [one for one in looked if one.changes]
    bad = [one for one in looked if one.is_bad]
    if not (check or diff):
        for one in changing:
            write(one)
    if as_json:
        names = {"changed": [one.name for one in changing], "bad": [one.name for one in bad]}
        rendering.document({"ok": not bad and not (check and changing), **names})
    else:
        _tell(looked, would=check or diff, diff=diff)
    if bad or (check and changing):
        raise typer.Exit(1)


def _tell(looked: "list[Tidied]", *, would: bool, diff: bool) -> None:
    from engine.playbook.diagnostics import human

    for one in looked:
        if one.is_bad:
            rendering.say(f"{one.name} is left as it is:", style="red")
            text = one.before.decode("utf-8", "replace")
            for fault in one.faults:
                rendering.say(human(fault, text), style="red")
        elif one.changes and diff:
            rendering.raw(one.diff())
        elif one.changes:
            rendering.say(f"{'would tidy' if would else 'tidied'} {one.name}")
    changed = sum(one.changes for one in looked)
    tidy = len(looked) - changed - sum(one.is_bad for one in looked)
    rendering.say(f"{changed} {'to tidy' if would else 'tidied'}, {tidy} tidy already", style="dim")
