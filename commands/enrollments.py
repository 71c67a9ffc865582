"""Commands about enrollments: where they stand, and taking them in hand."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from commands import place, rendering
from commands.leads import Limit
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.control import Verb

enrollments = typer.Typer(help="Enrollments: look at them, take them in hand.",
                          no_args_is_help=True)  # fmt: skip
Id = Annotated[str, typer.Argument(metavar="ID", help="The enrollment's id.")]
OneId = Annotated[
    str, typer.Argument(metavar="[ID]", help="The enrollment's id; left out: many at once.")
]
Playbook = Annotated[str, typer.Option(help="All of this playbook.")]
State = Annotated[str, typer.Option(help="Only those in this state.")]
Everything = Annotated[bool, typer.Option("--everything", help="Of every playbook.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(enrollments, name="enrollments", rich_help_panel="Enrollments")


@enrollments.command("list")
def list_(
    playbook: Annotated[str, typer.Option(help="Only of this playbook.")] = "",
    lead: Annotated[str, typer.Option(help="Only of this lead.")] = "",
    state: Annotated[
        str, typer.Option(help="pending, active, waiting, held, finished or stopped.")
    ] = "",
    before: Annotated[str, typer.Option(help="The next page: before this id.")] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists enrollments, the newest first."""
    from engine.operations.listings import list_enrollments

    with place.opened() as store:
        rows = list_enrollments(
            store, playbook=playbook, lead=lead, state=state, before=before, limit=limit
        )
    if as_json:
        rendering.document(rows)
        return
    columns = ("id", "playbook", "lead", "state", "step", "until", "outcome", "reason")
    rendering.table(columns, rows, nothing="no enrollments")
    rendering.more(rows, limit, "before")


@enrollments.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Shows one enrollment and what it did so far."""
    from engine.operations.listings import show_enrollment

    with place.opened() as store:
        found = show_enrollment(store, id)
    if as_json:
        rendering.document(found)
        return
    steps = found.pop("steps")
    rendering.card(found)
    rendering.say()
    rendering.table(("at", "step", "op", "outcome", "why"), steps, nothing="no step yet")


@enrollments.command()
def pause(
    id: OneId = "",
    playbook: Playbook = "",
    state: State = "",
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Holds enrollments: their clocks stand still, events are kept for them."""
    _take("pause", id, Chosen(playbook, state, everything), as_json=as_json)


@enrollments.command()
def resume(
    id: OneId = "",
    playbook: Playbook = "",
    state: State = "",
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Lets held enrollments go on: their times move by as long as they were held."""
    _take("resume", id, Chosen(playbook, state, everything), as_json=as_json)


@enrollments.command()
def skip(
    id: OneId = "",
    playbook: Playbook = "",
    state: State = "",
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Ends the wait, or leaves out the step that failed or is held."""
    _take("skip", id, Chosen(playbook, state, everything), as_json=as_json)


@enrollments.command()
def cancel(
    id: OneId = "",
    playbook: Playbook = "",
    state: State = "",
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Ends enrollments, with the outcome 'cancelled'."""
    _take("cancel", id, Chosen(playbook, state, everything), as_json=as_json)


@enrollments.command()
def retry(
    id: OneId = "",
    playbook: Playbook = "",
    state: State = "",
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Tries the step again at which enrollments stopped."""
    _take("retry", id, Chosen(playbook, state, everything), as_json=as_json)


class Chosen(NamedTuple):
    """Which enrollments are meant, when it is not one by its id."""

    playbook: str = ""
    state: str = ""
    everything: bool = False


def _take(verb: "Verb", id: str, chosen: Chosen, *, as_json: bool) -> None:
    from engine.errors import InputError

    if id and any(chosen):
        raise InputError("an id stands beside --playbook, --state or --everything",
                         help="name one enrollment, or choose many")  # fmt: skip
    if id:
        _take_one(verb, id, as_json=as_json)
    elif chosen.playbook or chosen.everything:
        take_many(verb, chosen.playbook, chosen.state, as_json=as_json)
    else:
        raise InputError("no enrollment is named",
                         help="give an id, or --playbook NAME, or --everything")  # fmt: skip


def take_many(verb: "Verb", playbook: str, state: str, *, as_json: bool) -> None:
    """Takes many in hand, a slice at a time, and says how many."""
    from engine.operations.control_many import Chosen as Many
    from engine.operations.control_many import control_many

    with place.opened() as store:
        found = control_many(store, Many(verb, playbook, state), actor=place.actor())
    if as_json:
        rendering.document({"verb": verb, "changed": found.total, "by_state": found.by_state})
        return
    counts = ", ".join(f"{number:,} {each}" for each, number in sorted(found.by_state.items()))
    rendering.say(f"{_DONE[verb]}: {found.total:,}{f' ({counts})' if counts else ''}")
    rendering.note(_MEANS[verb])


def _take_one(verb: "Verb", id: str, *, as_json: bool) -> None:
    from engine.operations import control
    from engine.operations.listings import show_enrollment

    with place.opened() as store:
        done = getattr(control, verb)(store, id, place.actor())
        found = show_enrollment(store, id) if as_json else {}
    if as_json:
        found.pop("steps")
        rendering.document(found)
    else:
        rendering.say(f"{done.id}: {done.before} → {done.after}")
        if verb in {"pause", "resume"}:
            rendering.note(_MEANS[verb])


_DONE = {
    "pause": "paused", "resume": "resumed", "skip": "skipped", "cancel": "cancelled",
    "retry": "tried again",
}  # fmt: skip
_MEANS = {
    "pause": "their clocks stand still until `longplay enrollments resume`; events are kept",
    "resume": "their times have moved by as long as each was held",
    "skip": "they go on behind the step, its message not sent if it had not left",
    "cancel": "a message in flight still goes, and is recorded",
    "retry": "each tries again the step at which it stopped",
}
