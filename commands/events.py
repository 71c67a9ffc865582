"""Commands that record events."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, reading, rendering
from commands.rendering import AsJson
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.operations.intake import IncomingEvent

events = typer.Typer(help="Events: import many.", no_args_is_help=True)
_PANEL = "Records"


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command("event", rich_help_panel=_PANEL)(event)
    app.add_typer(events, name="events", rich_help_panel=_PANEL)


def event(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as form.submitted.")],
    lead: Annotated[
        str,
        typer.Option("--lead", metavar="EMAIL", help="The address, or the id; else the deal's."),
    ] = "",
    deal: Annotated[
        str, typer.Option("--deal", metavar="ID", help="The deal it is about; else every open one.")
    ] = "",
    data: Annotated[
        str, typer.Option("--data", metavar="JSON", help="""Its properties: '{"form": "trial"}'""")
    ] = "",
    id: Annotated[
        str | None, typer.Option("--id", help="The same id again changes nothing.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When it happened; now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Records one event of a lead, who is made when there is none yet."""
    from engine import tracing
    from engine.operations.intake import take_in

    incoming = _incoming(name, lead, deal, data, id, at)
    tracing.switch_on(place.settings().environment())
    with place.opened() as store, tracing.Span("longplay event", begins=True) as span:
        answer = take_in(store, [replace(incoming, trace=span.traceparent)])
    if answer.rejected:
        raise answer.rejected[0][1]
    if as_json:
        counts = {"accepted": answer.accepted, "duplicates": answer.duplicates, "rejected": 0}
        rendering.document(counts)
        return
    rendering.say("accepted" if answer.accepted else "known already: nothing was changed")
    for _, playbook in answer.reaction.entered:
        rendering.say(f"enrolled in {playbook}")
    for _, playbook, decline in answer.reaction.declined:
        rendering.say(f"not enrolled in {playbook}: {decline.why}", style="dim")


@events.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines, JSON, CSV, Excel.")],
    trigger: Annotated[bool, typer.Option("--trigger", help="Let them start playbooks.")] = False,
    encoding: Annotated[
        str, typer.Option("--encoding", help="When it is not found out right.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Records the events of a file; they start nothing unless asked to."""
    from engine.operations.import_events import import_events

    with place.opened() as store, rendering.progress(file.name, quiet=as_json) as bar:
        found = import_events(store, file, trigger=trigger, encoding=encoding, progress=bar)
    if as_json:
        rendering.document(found.summary())
        return
    rendering.card({**found.summary(), "enrolled": found.enrolled or None})


def _incoming(
    name: str, lead: str, deal: str, data: str, id: str | None, at: str | None
) -> "IncomingEvent":
    from engine.operations.intake import IncomingEvent

    if not lead.strip() and not deal.strip():
        raise InputError("the event names no lead", help="name one: --lead ann@example.com")
    if id is not None and not id.strip():
        raise InputError("the id is empty", help="leave --id out, and one is made")
    return IncomingEvent(
        name,
        {"email" if "@" in lead else "id": lead} if lead.strip() else {},
        id=id,
        at=reading.moment(at) if at else None,
        properties=reading.properties(data, "--data"),
        deal=deal.strip(),
    )
