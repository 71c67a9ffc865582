"""`longplay explain`: why a lead did or did not get something."""

from typing import Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel="Enrollments")(explain)


def explain(
    lead: Annotated[str, typer.Option("--lead", metavar="EMAIL", help="The address, or the id.")],
    playbook: Annotated[str, typer.Option("--playbook", help="Only what this one decided.")] = "",
    as_json: AsJson = False,
) -> None:
    """Tells why a lead did or did not get something: every decision, with its reasons."""
    from engine.operations.explain import explain as decided

    with place.opened() as store:
        found = decided(store, lead, playbook=playbook)
    rows = [one.as_json() for one in found]
    if as_json:
        rendering.document({"decisions": rows})
        return
    rendering.table(("at", "what", "why"), rows, nothing="nothing has been decided yet")
