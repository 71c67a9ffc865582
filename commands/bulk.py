"""`longplay bulk`: enrollments of very many leads, as they go on."""

from typing import Annotated, Any

import typer

from commands import place, rendering
from commands.rendering import AsJson

bulk = typer.Typer(help="Bulk enrollments: how far they are; pause, resume.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, as `longplay bulk list` says.")]
_COLUMNS = ("id", "playbook", "condition", "state", "looked", "total", "enrolled", "created_at")


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(bulk, name="bulk", rich_help_panel="Enrollments")


@bulk.command("list")
def list_(
    running: Annotated[bool, typer.Option("--running", help="Only those under way.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Lists bulk enrollments, newest first."""
    from engine.operations.bulk import listing

    with place.opened() as store:
        rows = store.read(lambda tx: listing(tx, limit=limit, running=running))
    if as_json:
        rendering.document(rows)
        return
    rendering.table(_COLUMNS, rows, nothing="no bulk enrollments")


@bulk.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Shows how far one is, and why leads were skipped."""
    from engine.operations.bulk import show as look

    with place.opened() as store:
        found = look(store, id)
    _tell(found, as_json)


@bulk.command()
def pause(id: Id, as_json: AsJson = False) -> None:
    """Enrolls nobody further until it is resumed; those who entered go on."""
    _control(id, "pause", as_json)


@bulk.command()
def resume(id: Id, as_json: AsJson = False) -> None:
    """Goes on where it was paused."""
    _control(id, "resume", as_json)


@bulk.command()
def cancel(id: Id, as_json: AsJson = False) -> None:
    """Ends it; those who entered stay enrolled."""
    _control(id, "cancel", as_json)


@bulk.command()
def watch(id: Id, as_json: AsJson = False) -> None:
    """Shows it going on until it ends; Ctrl-C stops watching, not the enrollment."""
    import time

    from engine.operations.bulk import show as look

    with place.opened() as store, rendering.progress("leads", quiet=as_json) as bar:
        while True:
            found = look(store, id)
            bar(found["looked"], max(found["total"], found["looked"]))
            if found["state"] != "running":
                break
            time.sleep(0.5)
    _tell(found, as_json)


def _control(id: str, verb: str, as_json: bool) -> None:
    from engine.operations.bulk import control

    with place.opened() as store:
        found = control(store, id, verb)
    _tell(found, as_json)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        rendering.document(found)
    else:
        rendering.card(found)
