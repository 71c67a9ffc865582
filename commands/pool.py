"""Commands about pools: leads and deals without an owner, which people claim."""

from typing import Annotated

import typer

from commands import place, rendering
from commands.leads import Limit
from commands.rendering import AsJson

pool = typer.Typer(
    help="Pools: leads and deals without an owner, to be claimed.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(pool, name="pool", rich_help_panel="Work")


@pool.command("list")
def list_(
    of: Annotated[str, typer.Option("--pool", help="Only this pool's.")] = "",
    owner: Annotated[
        str, typer.Option("--owner", help="Say of each why this owner may not claim it.")
    ] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists what the members of a pool may claim. Whoever waits longest comes first."""
    from engine.operations.pools import listing

    with place.opened() as store:
        rows = listing(store, pool=of, owner=owner, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    columns = ("record", "name", "lead", "company", "pool", "since", "former",
               *(("why_not",) if owner else ("not_former_until",)), "id")  # fmt: skip
    rendering.table(columns, rows, nothing="nothing lies in a pool")


@pool.command()
def claim(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="The lead's id or address, or the deal's id.")
    ],
    owner: Annotated[str, typer.Option("--owner", help="Who takes it.")],
    as_json: AsJson = False,
) -> None:
    """Gives a lead, or a deal, of a pool to an owner. The first who claims it has it."""
    from engine.operations.pools import claim as take

    with place.opened() as store:
        taken = take(store, id, owner=owner, actor=place.actor())
    if as_json:
        rendering.document(taken)
        return
    rendering.say(f"{taken['deal'] or taken['lead']} is {owner}'s now, from {taken['pool']}")
