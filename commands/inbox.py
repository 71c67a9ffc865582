"""Commands about the inbox: what waits for a person."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, reading, rendering
from commands.enrollments import take_many
from commands.leads import Limit
from commands.rendering import AsJson

if TYPE_CHECKING:
    from typing import Any

    from engine.operations.control import Verb

inbox = typer.Typer(
    help="The inbox: tasks, approvals, and stopped enrollments.", invoke_without_command=True
)
Id = Annotated[str, typer.Argument(metavar="ID", help="The task's id.")]
OneId = Annotated[str, typer.Argument(metavar="[ID]", help="The task's id; left out: many.")]
Playbook = Annotated[str, typer.Option(help="All that stopped in this playbook.")]
All = Annotated[bool, typer.Option("--all", help="All that stopped.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(inbox, name="inbox", rich_help_panel="Work")


@inbox.callback()
def list_(
    ctx: typer.Context,
    owner: Annotated[str | None, typer.Option(help="Only this owner's; empty: nobody's.")] = None,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Those put off, too.")] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists what waits for a person, and takes the answers."""
    if ctx.invoked_subcommand is not None:
        return
    from engine.operations.inbox import listing

    with place.opened() as store:
        rows = listing(store, owner=owner, snoozed=snoozed, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    columns = ("id", "kind", "subject", "owner", "due_at", "lead", "text")
    rendering.table(columns, rows, nothing="nothing waits for anybody")


@inbox.command()
def done(
    id: Id,
    result: Annotated[
        str, typer.Option("--result", help="What came of it; it counts as contact.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Marks a task as done."""
    from engine.operations.inbox import finish

    with place.opened() as store:
        found = finish(store, id, result=result, actor=place.actor())
    _tell(found, "done", as_json=as_json)


@inbox.command()
def snooze(
    id: Id,
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="2026-12-01T09:00")],
    as_json: AsJson = False,
) -> None:
    """Puts a task off."""
    from engine.operations import inbox as use

    moment = reading.moment(until, local=False)
    with place.opened() as store:
        found = use.snooze(store, id, moment)
    _tell(found, f"put off until {rendering.moment(found['snoozed_until'])}", as_json=as_json)


@inbox.command()
def approve(id: Id, as_json: AsJson = False) -> None:
    """Says yes to an approval: its run goes on."""
    _answer(id, yes=True, as_json=as_json)


@inbox.command()
def reject(id: Id, as_json: AsJson = False) -> None:
    """Says no to an approval: its run goes the other way."""
    _answer(id, yes=False, as_json=as_json)


@inbox.command()
def retry(
    id: OneId = "", playbook: Playbook = "", all_: All = False, as_json: AsJson = False
) -> None:
    """Tries the step again at which an enrollment stopped, or all that stopped."""
    _decide(id, "retry", playbook, all_=all_, as_json=as_json)


@inbox.command()
def skip(
    id: OneId = "", playbook: Playbook = "", all_: All = False, as_json: AsJson = False
) -> None:
    """Leaves out the step at which an enrollment stopped, or of all that stopped."""
    _decide(id, "skip", playbook, all_=all_, as_json=as_json)


def _answer(id: str, *, yes: bool, as_json: bool) -> None:
    from engine.operations.inbox import answer

    with place.opened() as store:
        found = answer(store, id, yes=yes, actor=place.actor())
    _tell(found, found["result"], as_json=as_json)


def _decide(id: str, verb: "Verb", playbook: str, *, all_: bool, as_json: bool) -> None:
    from engine.errors import InputError
    from engine.operations.inbox import decide

    if bool(id) == (all_ or bool(playbook)):
        raise InputError("one task's id, or --playbook NAME, or --all: exactly one is needed")
    if not id:
        take_many(verb, playbook, "stopped", as_json=as_json)
        return
    with place.opened() as store:
        found = decide(store, id, verb, actor=place.actor())
    shown = {"id": id, "enrollment": found.id, "state": found.after}
    _tell(shown, f"enrollment {found.id}: {found.before} → {found.after}", as_json=as_json)


def _tell(found: "dict[str, Any]", said: str, *, as_json: bool) -> None:
    if as_json:
        rendering.document(found)
    else:
        rendering.say(said)
