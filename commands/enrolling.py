"""`longplay enroll`: enrolling by hand."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import place, reading, rendering
from commands.rendering import AsJson
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.operations.entering import Enrolled
    from engine.store.database import Store


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel="Enrollments")(enroll)


def enroll(
    playbook: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="Its name.")],
    lead: Annotated[
        list[str] | None, typer.Option("--lead", metavar="EMAIL", help="Whom; may come again.")
    ] = None,
    deal: Annotated[
        list[str] | None, typer.Option("--deal", metavar="ID", help="Which deal; may come again.")
    ] = None,
    where: Annotated[
        str, typer.Option("--where", metavar="COND", help="All leads, or deals, it holds of.")
    ] = "",
    everybody: Annotated[bool, typer.Option("--all", help="All leads, or deals.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="The key of the enrollment.")] = None,
    data: Annotated[
        str, typer.Option("--data", metavar="JSON", help="What `event` is for it.")
    ] = "",
    detach: Annotated[
        bool,
        typer.Option("--detach", help="With --where, --all: leave it to the worker, do not wait."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Enrolls leads, or deals, in a playbook by hand, by its own rules of entry."""
    from engine.operations.enrolling_by_hand import enroll as enter
    from engine.operations.enrolling_deals import enroll_deals

    if sum((bool(lead), bool(deal), bool(where.strip()), everybody)) != 1:
        raise InputError("whom?", help="say one of: --lead EMAIL, --deal ID, --where COND, --all")
    properties = reading.properties(data, "--data")
    found: Enrolled | None
    with place.opened() as store:
        if (deal or lead) and detach:
            raise InputError("'--detach' is for --where and --all", help="leave it out")
        if deal:
            found = enroll_deals(store, playbook, deal, key=key, properties=properties)
        elif lead:
            found = enter(store, playbook, names=lead, key=key, properties=properties)
        else:
            found = _in_bulk(store, playbook, where, key, properties, detach, as_json)
    if found is not None:
        _tell(found, as_json)


def _in_bulk(
    store: "Store",
    playbook: str,
    where: str,
    key: str | None,
    properties: Any,
    detach: bool,
    as_json: bool,
) -> "Enrolled | None":
    """Begins a bulk enrollment, and drives it to its end unless it is left to the worker."""
    from engine.operations import bulk
    from engine.operations.enrolling_by_hand import enroll_all

    began = bulk.begin(
        store, playbook, where=where, key=key, properties=properties, actor=place.actor()
    )
    if detach:
        if as_json:
            rendering.document({"bulk": began.id, "total": began.total})
        else:
            rendering.say(f"begun; to see it go on: longplay bulk watch {began.id}")
        return None
    try:
        with rendering.progress("looked at", quiet=as_json) as bar:
            found = enroll_all(store, began.id, progress=bar)
    except KeyboardInterrupt:
        rendering.note(f"a worker goes on with it; to end it: longplay bulk cancel {began.id}")
        raise
    state = bulk.show(store, began.id)["state"]
    if state != "finished":
        rendering.note(f"it is {state}: longplay bulk show {began.id}")
    return found


def _tell(found: "Enrolled", as_json: bool) -> None:
    if as_json:
        rendering.document({"enrolled": found.enrolled, "skipped": found.skipped})
        return
    rendering.say(f"enrolled: {found.enrolled}")
    for reason, count in sorted(found.skipped.items()):
        rendering.say(f"skipped, {reason}: {count}", style="dim")
