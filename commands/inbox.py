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
    help="The inbox: tasks, escalations, approvals, and stopped enrollments.",
    invoke_without_command=True,
)
Id = Annotated[str, typer.Argument(metavar="ID", help="The entry's id.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="The entry's id, or several.")]
OneId = Annotated[str, typer.Argument(metavar="[ID]", help="The task's id; left out: many.")]
Playbook = Annotated[str, typer.Option(help="All that stopped in this playbook.")]
All = Annotated[bool, typer.Option("--all", help="All that stopped.")]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="2026-12-01T09:00")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(inbox, name="inbox", rich_help_panel="Work")


@inbox.callback()
def list_(
    ctx: typer.Context,
    owner: Annotated[str | None, typer.Option(help="Only this owner's; empty: nobody's.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="escalation, approval, task, notice or stopped; may be repeated."),
    ] = None,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Those put off, too.")] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists what waits for a person, what is at stake first, and takes the answers."""
    if ctx.invoked_subcommand is not None:
        return
    from engine.operations.inbox import listing

    with place.opened() as store:
        rows = listing(store, owner=owner, kinds=kind or (), snoozed=snoozed, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    columns = ("id", "kind", "subject", "owner", "due_at", "amount", "lead", "text")
    rendering.table(columns, rows, nothing="nothing waits for anybody")


@inbox.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Shows one entry, and who did what with it."""
    from engine.operations import answering

    with place.opened() as store:
        found = answering.show(store, id)
    if as_json:
        rendering.document(found)
        return
    rendering.card({name: value for name, value in found.items() if name != "acts"})
    for act in reversed(found["acts"]):
        rendering.say(_told(act))


@inbox.command()
def done(
    ids: Ids,
    result: Annotated[
        str, typer.Option("--result", help="What came of it; it counts as contact.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Marks tasks as done, or escalations."""
    _say(ids, "done", "done", as_json=as_json, result=result)


@inbox.command()
def ack(ids: Ids, as_json: AsJson = False) -> None:
    """Says that you see to it: an escalation goes no level higher for a while."""
    _say(ids, "acknowledge", "acknowledged", as_json=as_json)


@inbox.command()
def snooze(ids: Ids, until: Until, as_json: AsJson = False) -> None:
    """Puts tasks off; the clock of an escalation stands still until then."""
    moment = reading.moment(until, local=False)
    shown = rendering.moment(moment)
    _say(ids, "snooze", f"put off until {shown}", as_json=as_json, until=moment)


@inbox.command()
def pause(
    id: Id,
    reason: Annotated[
        str, typer.Option("--reason", help="What it waits for.")
    ] = "waiting for the customer",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="It goes on by itself then.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Lets the clock of an escalation stand still; ID may be of its enrollment, too."""
    from engine.operations.escalations import pause as pause_

    moment = reading.moment(until, local=False) if until else None
    with place.opened() as store:
        found = pause_(store, id, reason, until=moment, actor=place.actor())
    _tell(found, found["text"], as_json=as_json)


@inbox.command()
def resume(id: Id, as_json: AsJson = False) -> None:
    """Lets the clock of an escalation go on that was paused, snoozed or acknowledged."""
    from engine.operations.escalations import resume as resume_

    with place.opened() as store:
        found = resume_(store, id, actor=place.actor())
    _tell(found, "its clock goes on", as_json=as_json)


@inbox.command()
def assign(
    ids: Ids,
    to: Annotated[str, typer.Option("--to", metavar="OWNER", help="Whose they are from now on.")],
    as_json: AsJson = False,
) -> None:
    """Moves entries into somebody else's inbox."""
    _say(ids, "reassign", f"now {to}'s", as_json=as_json, to=to)


@inbox.command()
def approve(ids: Ids, as_json: AsJson = False) -> None:
    """Says yes to an approval: its run goes on."""
    _say(ids, "approve", "approved", as_json=as_json)


@inbox.command()
def reject(ids: Ids, as_json: AsJson = False) -> None:
    """Says no to an approval: its run goes the other way."""
    _say(ids, "reject", "rejected", as_json=as_json)


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


def _say(ids: list[str], verb: str, told: str, *, as_json: bool, **more: "Any") -> None:
    """One answer to one entry, or to several: then it is said how many took it."""
    from engine.operations import answering

    said = answering.Said(verb, by=place.actor(), way="cli", **more)
    with place.opened() as store:
        if len(ids) == 1:
            _tell(answering.answer(store, ids[0], said), told, as_json=as_json)
            return
        found = answering.answer_many(store, ids, said)
    if as_json:
        rendering.document({"done": found.done, "failed": found.failed})
    else:
        rendering.say(f"{len(found.done)} {told}")
        for one in found.failed:
            rendering.say(f"{one['id']}: {one['error']}")
    if found.failed:
        raise typer.Exit(1)


def _decide(id: str, verb: "Verb", playbook: str, *, all_: bool, as_json: bool) -> None:
    from engine.errors import InputError
    from engine.operations.inbox import decide

    if bool(id) == (all_ or bool(playbook)):
        raise InputError("one task's id, or --playbook NAME, or --all: exactly one is needed")
    if not id:
        take_many(verb, playbook, "stopped", as_json=as_json)
        return
    with place.opened() as store:
        found = decide(store, id, verb, actor=place.actor(), way="cli")
    shown = {"id": id, "enrollment": found.id, "state": found.after}
    _tell(shown, f"enrollment {found.id}: {found.before} → {found.after}", as_json=as_json)


def _told(act: "dict[str, Any]") -> str:
    """One line of who did what when."""
    parts = [rendering.moment(act["at"]), act["did"]]
    parts += [f"by {act['by']}"] if act["by"] else []
    parts += [f"to {act['detail']}"] if act["did"] == "reassigned" else []
    parts += [f"until {rendering.moment(act['until_at'])}"] if act["until_at"] else []
    parts += [f"({act['way']})"] if act["way"] else []
    return " ".join(parts)


def _tell(found: "dict[str, Any]", said: str, *, as_json: bool) -> None:
    if as_json:
        rendering.document(found)
    else:
        rendering.say(said)
