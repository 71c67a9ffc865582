"""`longplay enroll`: enrolling by hand."""

from typing import Annotated

import typer

from commands import place, reading, rendering
from commands.rendering import AsJson
from engine.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel="Enrollments")(enroll)


def enroll(
    playbook: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="Its name.")],
    lead: Annotated[
        list[str] | None, typer.Option("--lead", metavar="EMAIL", help="Whom; may come again.")
    ] = None,
    where: Annotated[
        str, typer.Option("--where", metavar="COND", help="All leads that this holds of.")
    ] = "",
    everybody: Annotated[bool, typer.Option("--all", help="All leads.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="The key of the enrollment.")] = None,
    data: Annotated[
        str, typer.Option("--data", metavar="JSON", help="What `event` is for it.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Enrolls leads in a playbook by hand, by its own rules of entry."""
    from engine.operations.enrolling_by_hand import enroll as enter

    if sum((bool(lead), bool(where.strip()), everybody)) != 1:
        raise InputError("whom?", help="say one of: --lead EMAIL, --where COND, --all")
    properties = reading.properties(data, "--data")
    with place.opened() as store, rendering.progress("leads looked at", quiet=as_json) as bar:
        found = enter(
            store,
            playbook,
            names=lead or None,
            where=where,
            key=key,
            properties=properties,
            progress=lambda done: bar(done, None),
        )
    if as_json:
        rendering.document({"enrolled": found.enrolled, "skipped": found.skipped})
        return
    rendering.say(f"enrolled: {found.enrolled}")
    for reason, count in sorted(found.skipped.items()):
        rendering.say(f"skipped, {reason}: {count}", style="dim")
