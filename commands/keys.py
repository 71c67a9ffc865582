"""Commands about the keys that programs and people come in with."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.keys import Made

_PANEL = "Operate"
keys = typer.Typer(help="Keys: who may come in, and to what.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="What the key begins with, behind `lp_`.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(keys, name="keys", rich_help_panel=_PANEL)


@keys.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for, such as shop.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it opens: events, read, write, metrics, pages. Several: again."),
    ] = None,
    lasts: Annotated[
        str, typer.Option(metavar="LENGTH", help="'90 days'; left out: until it is revoked.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Makes a key and shows it, this once: only its hash is kept."""
    from engine.operations import keys as operations

    with place.opened(nudges=False) as store:
        made = operations.make(
            store, name, scope or (), lasts=_length(lasts), actor=place.actor()
        )  # fmt: skip
    _show(made, as_json=as_json)


@keys.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists all keys there ever were: what they open, and when they were used last."""
    from engine.operations.keys import list_keys

    with place.opened(nudges=False) as store:
        rows = list_keys(store)
    if as_json:
        rendering.document(rows)
        return
    columns = ("id", "name", "state", "scopes", "created_at", "expires_at", "used_at", "actor")
    rendering.table(columns, rows, nothing="no keys: make one with longplay keys create")


@keys.command("rotate")
def rotate(
    id: Id,
    overlap: Annotated[
        str, typer.Option(metavar="LENGTH", help="How long the old one goes on.")
    ] = "1 day",
    as_json: AsJson = False,
) -> None:
    """Makes a key in the place of another, which goes on for a while and then ends."""
    from engine.operations import keys as operations

    goes_on = _length(overlap)
    with place.opened(nudges=False) as store:
        made = operations.rotate(
            store, id, overlap=goes_on or timedelta(), actor=place.actor()
        )  # fmt: skip
    _show(made, as_json=as_json)


@keys.command("revoke")
def revoke(id: Id, as_json: AsJson = False) -> None:
    """Takes a key back: within seconds it opens nothing, and sessions begun with it end."""
    from engine.operations import keys as operations

    with place.opened(nudges=False) as store:
        operations.revoke(store, id)
    if as_json:
        rendering.document({"id": id, "state": "revoked"})
    else:
        rendering.say(f"the key '{id}' opens nothing any more")


def _length(text: str) -> timedelta | None:
    from engine.playbook.durations import parse_duration

    if text.strip() in {"", "0"}:
        return timedelta() if text else None
    return parse_duration(text).rough


def _show(made: "Made", *, as_json: bool) -> None:
    if as_json:
        rendering.document(
            {
                "id": made.id, "name": made.name, "scopes": made.scopes, "key": made.text,
                "expires_at": made.expires_at,
            }
        )  # fmt: skip
        return
    rendering.card(
        {"key": made.text, "name": made.name, "opens": made.scopes, "ends": made.expires_at}
    )
    rendering.note("it is shown this once: put it where the program finds it")
