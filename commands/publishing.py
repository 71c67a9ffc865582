"""Publishing: `longplay apply`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.publish import PlaybookChange
    from engine.store.database import Store


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel="Publish")(apply)


def apply(as_json: AsJson = False) -> None:
    """Publishes the workspace: the workers take it up at once, running enrollments stay as is."""
    settings = place.settings()
    with place.opened(settings) as store:
        changes = publish_folder(store, settings.workspace)
    if as_json:
        rendering.document({"changes": [_shape(one) for one in changes]})
        return
    rows = [_shape(one) for one in changes if one.change != "unchanged"]
    rendering.table(
        {"playbook": "playbook", "change": "change", "to": "version", "active": "running"},
        [{**row, "to": str(row["to"])[:12]} for row in rows],
        nothing=f"published; none of {len(changes)} playbooks has changed",
    )


def publish_folder(store: "Store", folder: Path) -> "list[PlaybookChange]":
    """Checks the workspace in `folder` and publishes it.

    Raises:
        InputError: it has errors, which are named.
    """
    import os

    from engine.errors import InputError
    from engine.operations.editions import check, edition_of, read_folder
    from engine.operations.publish import publish
    from engine.playbook.diagnostics import concise

    read = read_folder(folder)
    checked = check(read, os.environ)
    if not checked.ok:
        errors = [concise(one) for one in checked.diagnostics if one.is_error]
        more = f"\n… and {len(errors) - 5} more" if len(errors) > 5 else ""
        raise InputError(
            "nothing was published, the workspace has errors:\n" + "\n".join(errors[:5]) + more,
            help="see them with: longplay validate",
        )
    return publish(store, edition_of(read, checked))


def _shape(one: "PlaybookChange") -> dict[str, object]:
    return {
        "playbook": one.playbook,
        "change": one.change,
        "from": one.before or None,
        "to": one.after or None,
        "steps": [],
        "active": one.active,
    }
