"""Commands about enrollments: where they stand, and taking them in hand."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.leads import Limit
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.control import Controlled
    from engine.store.database import Store

enrollments = typer.Typer(help="Enrollments: look at them, take them in hand.",
                          no_args_is_help=True)  # fmt: skip
Id = Annotated[str, typer.Argument(metavar="ID", help="The enrollment's id.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(enrollments, name="enrollments", rich_help_panel="Enrollments")


@enrollments.command("list")
def list_(
    playbook: Annotated[str, typer.Option(help="Only of this playbook.")] = "",
    lead: Annotated[str, typer.Option(help="Only of this lead.")] = "",
    state: Annotated[
        str, typer.Option(help="pending, active, waiting, held, finished or stopped.")
    ] = "",
    before: Annotated[str, typer.Option(help="The next page: before this id.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists enrollments, the newest first."""
    from engine.operations.listings import list_enrollments

    with place.opened() as store:
        rows = list_enrollments(
            store, playbook=playbook, lead=lead, state=state, before=before, limit=limit
        )
    if as_json:
        rendering.document(rows)
        return
    columns = ("id", "playbook", "lead", "state", "step", "until", "outcome", "reason")
    rendering.table(columns, rows, nothing="no enrollments")
    if len(rows) == limit:
        rendering.note(f"there may be more: --before {rows[-1]['id']}")


@enrollments.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Shows one enrollment and what it did so far."""
    from engine.operations.listings import show_enrollment

    with place.opened() as store:
        found = show_enrollment(store, id)
    if as_json:
        rendering.document(found)
        return
    steps = found.pop("steps")
    rendering.card(found)
    rendering.say()
    rendering.table(("at", "step", "op", "outcome", "why"), steps, nothing="no step yet")


@enrollments.command()
def pause(id: Id, as_json: AsJson = False) -> None:
    """Holds an enrollment: its clock stands still, events are kept for it."""
    from engine.operations.control import pause as act

    _control(act, id, as_json=as_json)


@enrollments.command()
def resume(id: Id, as_json: AsJson = False) -> None:
    """Lets a held enrollment go on."""
    from engine.operations.control import resume as act

    _control(act, id, as_json=as_json)


@enrollments.command()
def skip(id: Id, as_json: AsJson = False) -> None:
    """Ends the wait, or leaves out the step that failed or is held."""
    from engine.operations.control import skip as act

    _control(act, id, as_json=as_json)


@enrollments.command()
def cancel(id: Id, as_json: AsJson = False) -> None:
    """Ends an enrollment, with the outcome 'cancelled'."""
    from engine.operations.control import cancel as act

    _control(act, id, as_json=as_json)


@enrollments.command()
def retry(id: Id, as_json: AsJson = False) -> None:
    """Tries the step again at which an enrollment stopped."""
    from engine.operations.control import retry as act

    _control(act, id, as_json=as_json)


def _control(act: "Callable[[Store, str, str], Controlled]", id: str, *, as_json: bool) -> None:
    from engine.operations.listings import show_enrollment

    with place.opened() as store:
        done = act(store, id, place.actor())
        found = show_enrollment(store, id) if as_json else {}
    if as_json:
        found.pop("steps")
        rendering.document(found)
    else:
        rendering.say(f"{done.id}: {done.before} → {done.after}")
