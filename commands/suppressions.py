"""Commands about addresses that must not be mailed."""

from pathlib import Path
from typing import Annotated

import typer

from commands import place, rendering
from commands.leads import Limit
from commands.rendering import AsJson

suppressions = typer.Typer(help="Addresses that must not be mailed.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(suppressions, name="suppressions", rich_help_panel="Records")


@suppressions.command("list")
def list_(
    reason: Annotated[str | None, typer.Option(help="Only for this reason.")] = None,
    after: Annotated[str, typer.Option(help="The next page: after this address.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists suppressed addresses, and why."""
    from engine.operations.suppressing import listing

    with place.opened() as store:
        rows = listing(store, reason=reason, after=after, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    rendering.table(("email", "topic", "reason", "source", "at"), rows, nothing="the list is empty")


@suppressions.command()
def add(
    email: Email,
    reason: Annotated[
        str, typer.Option(help="manual, unsubscribed, bounced or complained.")
    ] = "manual",
    topic: Annotated[str, typer.Option(help="With unsubscribed: only this topic.")] = "",
    as_json: AsJson = False,
) -> None:
    """Puts an address on the list: no mail to it any more; unsubscribed: no marketing."""
    from engine.operations import suppressing

    with place.opened() as store:
        is_new = suppressing.add(store, email, reason=reason, topic=topic)
    if as_json:
        rendering.document({"email": email, "reason": reason, "topic": topic, "added": is_new})
    else:
        rendering.say("added" if is_new else "it was on the list already")


@suppressions.command()
def remove(
    email: Email,
    reason: Annotated[str | None, typer.Option(help="Only for this reason.")] = None,
    topic: Annotated[str | None, typer.Option(help="Only for this topic.")] = None,
    as_json: AsJson = False,
) -> None:
    """Takes an address off the list."""
    from engine.operations import suppressing

    with place.opened() as store:
        count = suppressing.remove(store, email, reason=reason, topic=topic)
    if as_json:
        rendering.document({"email": email, "removed": count})
    else:
        rendering.say(f"taken off the list, {count} reason{'' if count == 1 else 's'}")


@suppressions.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON Lines, JSON, Excel.")],
    reason: Annotated[
        str, typer.Option(help="Of rows that name none: unsubscribed, when left out.")
    ] = "",
    encoding: Annotated[
        str, typer.Option("--encoding", help="When it is not found out right.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Takes in a list of another system: address, and if known reason, topic and time."""
    from engine.operations import published
    from engine.operations.file_language import file_language
    from engine.operations.suppression_files import import_suppressions

    with place.opened() as store, rendering.progress(file.name, quiet=as_json) as bar:
        current = store.read(published.current)
        found = import_suppressions(
            store, file, reason=reason, topics=current.workspace.topics, zone=current.zone,
            language=file_language(current.workspace), encoding=encoding, progress=bar,
        )  # fmt: skip
    if as_json:
        rendering.document(found.summary())
        return
    rendering.card({**found.summary(), "encoding": found.encoding, "left out": found.left_out})
    if found.rejected:
        rendering.note("the rejected rows are in the errors file, each with the reason")


@suppressions.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file, written anew.")],
    encoding: Annotated[
        str, typer.Option("--encoding", help="gbk, for instance; UTF-8 when left out.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Writes the whole list as CSV; erased addresses as salted hashes."""
    from engine.operations.suppression_files import export_suppressions

    with place.opened() as store:
        count = export_suppressions(store, file, encoding=encoding)
    if as_json:
        rendering.document({"file": str(file), "rows": count})
    else:
        rendering.say(f"{count} row{'' if count == 1 else 's'} written to {file}")
