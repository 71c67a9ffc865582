"""`longplay segments`: the workspace's segments, counted, and who is in them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import place, rendering, segment_suggesting
from commands.leads import Limit
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.segments import Segment

segments = typer.Typer(help="Segments: how many leads, and who.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    segment_suggesting.add_to(segments)
    app.add_typer(segments, name="segments", rich_help_panel="Records")


@segments.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists the segments of the published workspace, each with its number of leads."""
    from engine.operations.segments import listing

    with place.opened() as store:
        rows = [_shape(one) for one in listing(store)]
    if as_json:
        rendering.document(rows)
        return
    rendering.table(("name", "leads", "condition"), rows, nothing="no segments in longplay.yaml")


@segments.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As longplay.yaml has it.")],
    after: Annotated[str | None, typer.Option(help="The next page: after this id.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Shows a segment, and a page of the leads in it."""
    from engine.operations.segments import members
    from engine.operations.segments import show as look

    with place.opened() as store:
        found = _shape(look(store, name))
        rows = members(store, name, after=after, limit=limit)
    if as_json:
        rendering.document({**found, "members": rows})
        return
    rendering.card(found)
    rendering.table(("email", "stage", "score", "owner", "tags", "id"), rows, nothing="no leads")
    rendering.more(rows, limit, "after")


def _shape(one: "Segment") -> dict[str, Any]:
    return {
        "name": one.name,
        "condition": one.condition,
        "leads": one.count.number,
        "in_python": list(one.in_python),
    }
