"""Publishing: what an apply would change, doing it, and going back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.operations.editions import Edition
    from engine.operations.moving import Moved
    from engine.operations.planning import Planned
    from engine.store.database import Store

_PANEL = "Publish"
_MOVE = typer.Option("--move", help="Move running enrollments to the new versions.")
Move = Annotated[bool, _MOVE]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    for command in (plan, apply, versions, rollback):
        app.command(rich_help_panel=_PANEL)(command)


def plan(as_json: AsJson = False) -> None:
    """Shows what `apply` would change, and how many running enrollments each change touches."""
    from commands.planned import tell

    settings = place.settings()
    edition = checked_edition(settings.workspace)
    with place.opened(settings) as store:
        from engine.operations.publish import preview

        with rendering.progress("looking at scores", quiet=as_json) as bar:
            found = preview(store, edition, lambda looked: bar(looked, None))
    if as_json:
        rendering.document(found.as_json())
        return
    tell(found, moves=True)
    if not found.is_nothing:
        rendering.say("publish it with: longplay apply", style="dim")


def apply(
    move: Move = False,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Publish nothing: run what changed beside the live version."),
    ] = False,
    trigger: Annotated[
        bool,
        typer.Option("--trigger", help="Run thresholds for whoever reaches them by new rules."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publishes the workspace: the workers take it up at once.

    Running enrollments stay on the versions they began with, unless they are moved.
    """
    from commands.planned import tell

    settings = place.settings()
    if shadow:
        _cast(move=move, as_json=as_json)
        return
    with place.opened(settings) as store:
        found = publish_folder(store, settings.workspace, fires=trigger)
        moved = _moved(store, None, quiet=as_json) if move else None
    if as_json:
        told = {} if moved is None else {"moved": [one.as_json() for one in moved]}
        rendering.document({**found.as_json(), **told})
        return
    tell(found, moves=False)
    _tell_published(found, moved)


def versions(
    playbook: Annotated[str, typer.Argument(metavar="[PLAYBOOK]", help="Only of this one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Lists which versions were published when, by whom, and how many still run on them."""
    from engine.operations.rollback import history

    with place.opened() as store:
        found = history(store, stem(playbook))
    if as_json:
        rendering.document([one.as_json() for one in found])
        return
    rows: list[dict[str, object]] = [
        {
            "playbook": one.playbook, "version": one.digest[:8] or "retired", "at": one.at,
            "how": one.how, "by": one.actor, "running": one.running,
            "now": "current" if one.is_current else "",
        }
        for one in found
    ]  # fmt: skip
    rendering.table(
        ("playbook", "version", "at", "how", "by", "running", "now"),
        rows,
        nothing="nothing is published yet",
    )


def rollback(
    playbook: Annotated[
        str, typer.Argument(metavar="[PLAYBOOK]", help="Left out: lists the versions.")
    ] = "",
    to: Annotated[
        str, typer.Option("--to", metavar="DIGEST", help="That version; else the one before.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Even if it names what the workspace has no more.")
    ] = False,
    move: Move = False,
    as_json: AsJson = False,
) -> None:
    """Publishes an earlier version of a playbook again. The files stay as they are."""
    from commands.planned import tell
    from engine.operations.planning import Planned
    from engine.operations.rollback import rollback as roll_back

    name = stem(playbook)
    if not name:
        versions("", as_json)
        return
    with place.opened() as store:
        change = roll_back(store, name, to=to, actor=place.actor(), force=force)
        moved = _moved(store, [name], quiet=as_json) if move else None
    found = Planned((change,))
    if as_json:
        told = {} if moved is None else {"moved": [one.as_json() for one in moved]}
        rendering.document({**found.as_json(), **told})
        return
    tell(found, moves=False)
    _tell_published(found, moved)
    _tell_of_file(name, change.after)


def checked_edition(folder: Path) -> "Edition":
    """The workspace in `folder`, checked.

    Raises:
        InputError: it has errors, which are named.
    """
    from engine.errors import InputError
    from engine.operations.editions import check, edition_of, read_folder
    from engine.place_settings import environment
    from engine.playbook.diagnostics import concise

    read = read_folder(folder)
    checked = check(read, environment(folder))
    if not checked.ok:
        errors = [concise(one) for one in checked.diagnostics if one.is_error]
        more = f"\n… and {len(errors) - 5} more" if len(errors) > 5 else ""
        raise InputError(
            "nothing was published, the workspace has errors:\n" + "\n".join(errors[:5]) + more,
            help="see them with: longplay validate",
        )
    return edition_of(read, checked)


def publish_folder(store: "Store", folder: Path, *, fires: bool = False) -> "Planned":
    """Checks the workspace in `folder` and publishes it.

    With `fires` thresholds run for whoever reaches them because the rules of a score changed.

    Raises:
        InputError: it has errors, which are named.
    """
    from engine.operations.publish import publish

    return publish(store, checked_edition(folder), actor=place.actor(), fires=fires)


def _cast(*, move: bool, as_json: bool) -> None:
    """Lets what changed run as shadows."""
    from commands.planned import tell
    from engine.errors import EnvironmentFault
    from engine.operations.shadows import cast

    if move:
        raise EnvironmentFault("a shadow has no enrollments: leave --move or --shadow out")
    settings = place.settings()
    edition = checked_edition(settings.workspace)
    with place.opened(settings) as store:
        found = cast(store, edition, actor=place.actor())
    if as_json:
        rendering.document(found.as_json())
        return
    tell(found, moves=False)
    names = ", ".join(one.playbook for one in found.changes)
    rendering.say(
        f"nothing was published; from now on {names} can be compared: longplay shadow PLAYBOOK",
        style="dim",
    )


def _moved(store: "Store", playbooks: "Sequence[str] | None", *, quiet: bool) -> "list[Moved]":
    from engine.operations.moving import move

    with rendering.progress("moving", quiet=quiet) as bar:
        return move(store, playbooks, progress=lambda done: bar(done, None))


def _tell_published(found: "Planned", moved: "list[Moved] | None") -> None:
    """What was done, and what there is left to do."""
    if moved is None:
        waiting = sum(one.moves for one in found.changes)
        if waiting:
            rendering.say(
                f"{waiting:,} running enrollments stay on the versions they began with; "
                "move them with: longplay apply --move",
                style="dim",
            )
        return
    for one in moved:
        if one.moved or one.stayed:
            rendering.say(f"{one.playbook}: {one.moved:,} moved, {sum(one.stayed.values()):,} stay")
        for why, count in one.stayed.items():
            rendering.say(f"  {count:,} stay: {why}", style="yellow")
    if any(one.soon for one in moved):
        rendering.say("in a moment more can be moved: longplay apply --move", style="dim")
    if not any(one.moved or one.stayed for one in moved):
        rendering.say("nobody runs on an older version", style="dim")


def _tell_of_file(name: str, digest: str) -> None:
    """Says so where the file is another version than the one that is published now."""
    from engine.errors import InputError

    try:
        plan = checked_edition(place.settings().workspace).plans.get(name)
    except InputError:
        rendering.note("the files have errors: nothing of them can be published as they are")
        return
    if plan is None:
        rendering.note(f"there is no file of '{name}': the next apply retires it again")
    elif plan.digest != digest:
        rendering.note(
            f"the file of '{name}' says something else, which the next apply publishes: "
            "longplay plan shows it"
        )


def stem(name: str) -> str:
    """The playbook's name, where its file was given: what a shell completes is a file."""
    return Path(name).stem if name.endswith((".yaml", ".yml")) else name
