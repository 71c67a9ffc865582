"""Commands about the ledger of messages: mail, notices and calls."""

from typing import Annotated

import typer

from commands import place, rendering
from commands.leads import Limit
from commands.rendering import AsJson

messages = typer.Typer(help="Messages, notices and calls: what went to whom.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(messages, name="messages", rich_help_panel="Enrollments")


@messages.command("list")
def list_(
    lead: Annotated[str, typer.Option(help="Only to this lead.")] = "",
    state: Annotated[str, typer.Option(help="Only those, such as accepted or in_doubt.")] = "",
    before: Annotated[str, typer.Option(help="The next page: before this id.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists messages, notices and calls, the newest first."""
    from engine.operations.listings import list_messages

    with place.opened() as store:
        rows = list_messages(store, lead=lead, state=state, before=before, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    by = ("via",) if any(row["via"] for row in rows) else ()
    columns = ("at", "kind", "to", "subject", "state", *by, "reason", "playbook", "step", "id")
    rendering.table(columns, rows, nothing="no messages")
    rendering.more(rows, limit, "before")


@messages.command()
def resend(
    id: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
    as_json: AsJson = False,
) -> None:
    """Sends a message in doubt again, once a person has found out that it did not arrive."""
    from engine.operations.control import retry_job

    with place.opened() as store:
        retry_job(store, id)
    if as_json:
        rendering.document({"id": id, "state": "deferred"})
    else:
        rendering.say(f"message '{id}' will be sent again")
