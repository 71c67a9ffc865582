"""Commands about pools: leads without an owner, which people claim."""

from typing import Annotated

import typer

from commands import place, rendering
from commands.leads import Limit
from commands.rendering import AsJson

pool = typer.Typer(help="Pools: leads without an owner, to be claimed.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(pool, name="pool", rich_help_panel="Work")


@pool.command("list")
def list_(
    of: Annotated[str, typer.Option("--pool", help="Only this pool's.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists leads that anybody of the pool may claim. Whoever waits longest comes first."""
    from engine.operations.pools import listing

    with place.opened() as store:
        rows = listing(store, pool=of, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    columns = ("lead", "company", "pool", "since", "former", "not_former_until", "id")
    rendering.table(columns, rows, nothing="no lead lies in a pool")


@pool.command()
def claim(
    id: Annotated[str, typer.Argument(metavar="ID", help="The lead's id or address.")],
    owner: Annotated[str, typer.Option("--owner", help="Who takes it.")],
    as_json: AsJson = False,
) -> None:
    """Gives a lead of a pool to an owner. The first who claims it has it."""
    from engine.operations.pools import claim as take

    with place.opened() as store:
        taken = take(store, id, owner=owner, actor=place.actor())
    if as_json:
        rendering.document(taken)
        return
    rendering.say(f"{taken['lead']} is {owner}'s now, from {taken['pool']}")
