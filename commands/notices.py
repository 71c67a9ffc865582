"""Commands about notices: what our own people are told, and what became of it."""

from typing import Annotated

import typer

from commands import place, rendering
from commands.leads import Limit
from commands.rendering import AsJson

notices = typer.Typer(help="What your own people are told.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(notices, name="notices", rich_help_panel="Work")


@notices.command("list")
def list_(
    owner: Annotated[
        str | None, typer.Option(help="Only what is for this owner; empty: for rooms.")
    ] = None,
    state: Annotated[str, typer.Option(help="waiting, told, failed or 'left out'.")] = "",
    before: Annotated[str, typer.Option(metavar="ID", help="The page before this one.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists notices, newest first: to whom, when, tried how often, and why not."""
    from engine.operations.notices_view import list_notices

    with place.opened() as store:
        rows = list_notices(store, owner=owner, state=state, before=before, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    columns = ("id", "owner", "channel", "text", "state", "at", "attempts", "reason")
    rendering.table(columns, rows, nothing="nobody was told anything")
    rendering.more(rows, limit, "before")
