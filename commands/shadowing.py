"""Shadows: a new version beside the live one, without anything of it leaving."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from rehearsal.shadow_report import ShadowReport


def add_to(app: typer.Typer) -> None:
    """Adds the command of this group."""
    app.command(rich_help_panel="Publish")(shadow)


def shadow(
    playbook: Annotated[
        str, typer.Argument(metavar="[PLAYBOOK]", help="Left out: lists the shadows.")
    ] = "",
    end: Annotated[bool, typer.Option("--end", help="End this one.")] = False,
    most: Annotated[
        int, typer.Option("--most", min=1, help="Enrollments to compare, the newest.")
    ] = 1000,
    as_json: AsJson = False,
) -> None:
    """Compares a shadow with the live version: where their decisions differ."""
    from commands.publishing import stem
    from engine.operations import shadows

    name = stem(playbook)
    if not name:
        _list(as_json=as_json)
        return
    with place.opened() as store:
        if end:
            shadows.end(store, name)
            rendering.say(f"the shadow of '{name}' is ended")
            return
        from rehearsal.shadow_report import compare

        found = compare(store, shadows.shadow_of(store, name), most=most)
    if as_json:
        rendering.document(found.as_json())
    else:
        _tell(found)


def _list(*, as_json: bool) -> None:
    from engine.operations.shadows import cast_now

    with place.opened() as store:
        found = cast_now(store)
    if as_json:
        rendering.document([one.as_json() for one in found])
        return
    rows: list[dict[str, object]] = [
        {"playbook": one.playbook, "version": one.digest[:8], "since": one.since, "by": one.actor}
        for one in found
    ]
    nothing = "there is no shadow; cast one with: longplay apply --shadow"
    rendering.table(("playbook", "version", "since", "by"), rows, nothing=nothing)


def _tell(found: "ShadowReport") -> None:
    one = found.cast
    since = rendering.moment(one.since)
    rendering.say(f"{one.playbook}: shadow {one.digest[:8]}, since {since}", style="bold")
    if not found.runs:
        rendering.say("nobody has entered since", style="dim")
        return
    more = f" (the newest {found.runs:,}; see more with --most)" if found.more else ""
    rendering.say(f"{found.runs:,} enrollments compared{more}, {found.same:,} without a difference")
    rows: list[dict[str, object]] = [
        {
            "step": each.step, "does": each.verb, "same": each.same, "only live": each.only_live,
            "only shadow": each.only_shadow,
            "otherwise": ", ".join(f"{said} ({count:,})" for said, count in each.other.items()),
        }
        for each in found.steps.values()
        if each.differs
    ]  # fmt: skip
    if rows:
        columns = ("step", "does", "same", "only live", "only shadow", "otherwise")
        rendering.table(columns, rows)
    for said, count in found.outcomes.items():
        rendering.say(f"ends: {said} ({count:,})")
    for lead, told in found.examples:
        rendering.say(f"for example {lead}: {'; '.join(told[:4])}", style="dim")
