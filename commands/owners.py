"""Commands about the team."""

import typer

from commands import place, rendering
from commands.rendering import AsJson

owners = typer.Typer(help="The team: who owns how much.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(owners, name="owners", rich_help_panel="Work")


@owners.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists the team: how many leads each owns, and who is away."""
    from engine.operations.owners_view import listing

    with place.opened() as store:
        rows = listing(store)
    if as_json:
        rendering.document(rows)
        return
    columns = ("id", "name", "email", "teams", "manager", "leads", "capacity", "away")
    rendering.table(columns, rows, nothing="longplay.yaml names no owners")
