"""Commands about deals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from commands import place, reading, rendering
from commands.analyzing import money, percent
from commands.rendering import AsJson

deals = typer.Typer(help="Deals: import, look at, move, judge.", no_args_is_help=True)
Deal = Annotated[str, typer.Argument(metavar="DEAL", help="Its id.")]
Force = Annotated[
    bool, typer.Option("--force", help="Backward too, out of a closed stage, to another pipeline.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(deals, name="deals", rich_help_panel="Records")


@deals.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON Lines, JSON, Excel.")],
    trigger: Annotated[
        bool, typer.Option("--trigger", help="Let what they change start playbooks.")
    ] = False,
    force: Force = False,
    encoding: Annotated[
        str, typer.Option("--encoding", help="When it is not found out right.")
    ] = "",
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out columns that mean nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes and changes deals from a file; the same file again changes nothing."""
    from engine.operations.import_deals import import_deals

    with place.opened() as store, rendering.progress(file.name, quiet=as_json) as bar:
        found = import_deals(
            store,
            file,
            trigger=trigger,
            force=force,
            encoding=encoding,
            ignore_unknown=ignore_unknown,
            progress=bar,
        )
    if as_json:
        rendering.document(found.summary())
        return
    rendering.card({**found.summary(), "encoding": found.encoding, "left out": found.left_out})
    if found.rejected:
        rendering.note("the rejected rows are in the errors file, each with the reason")


@deals.command("list")
def list_(
    stage: Annotated[
        str, typer.Option(help="Only those in this stage: proposal, or b2b.proposal.")
    ] = "",
    pipeline: Annotated[str, typer.Option(help="Only those of this pipeline.")] = "",
    owner: Annotated[str | None, typer.Option(help="Only this owner's; empty: nobody's.")] = None,
    lead: Annotated[str, typer.Option(metavar="EMAIL", help="Only those of this contact.")] = "",
    is_open: Annotated[bool, typer.Option("--open", help="Neither won nor lost.")] = False,
    text: Annotated[str, typer.Option("--search", help="Only those whose name has it.")] = "",
    where: Annotated[
        str, typer.Option("--where", metavar="COND", help="Only those that this holds of.")
    ] = "",
    after: Annotated[str | None, typer.Option(help="The next page: after this id.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists deals in the order of their ids."""
    from engine.operations import deals_view

    with place.opened() as store:
        rows = deals_view.listing(
            store, stage=stage, pipeline=pipeline, owner=owner, lead=lead, is_open=is_open,
            text=text, where=where, after=after, limit=limit,
        )  # fmt: skip
    if as_json:
        rendering.document(rows)
        return
    columns = ("name", "lead", "pipeline", "stage", "amount", "currency", "owner", "id")
    rendering.table(columns, rows, nothing="no deals")
    rendering.more(rows, limit, "after")


@deals.command()
def show(deal: Deal, as_json: AsJson = False) -> None:
    """Shows one deal with all its fields, and what changed on it, newest first."""
    from engine.operations import deals_view

    with place.opened() as store:
        found = deals_view.show(store, deal)
    if as_json:
        rendering.document(found)
        return
    history = found.pop("history")
    fields = found.pop("fields")
    rendering.card({**found, **fields})
    if history:
        rendering.say()
        rendering.table(("at", "field", "before", "after", "actor", "reason"), history)


@deals.command()
def move(
    deal: Deal,
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="proposal, or b2b.proposal.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Set before the move; may come again."),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Moves a deal to a stage; what the stage asks for is obeyed, and playbooks react."""
    from engine.errors import InputError
    from engine.operations import deals_view
    from engine.operations.edit_deals import change_deal

    wanted = {**reading.assignments(values or []), "stage": stage}
    if not stage.strip():
        raise InputError("no stage is named", help="list them with: longplay deals list")
    with place.opened() as store:
        edited = change_deal(store, deal, wanted, actor=place.actor(), force=force)
        found = deals_view.show(store, deal)
    if as_json:
        rendering.document(found)
        return
    here = f"{found['pipeline']}.{found['stage']}"
    rendering.say(f"moved to {here}" if "stage" in edited.changed else f"is in {here} already")
    for _, playbook in edited.reaction.entered:
        rendering.say(f"enrolled in {playbook}")


@deals.command()
def health(
    pipeline: Annotated[str, typer.Argument(metavar="[PIPELINE]", help="Left out: all.")] = "",
    as_json: AsJson = False,
) -> None:
    """Judges pipelines by their own history: what stalls, piles up, and is really to come."""
    from engine.operations.pipeline_health import health as judged

    with place.opened(nudges=False) as store:
        found = judged(store, pipeline)
    if as_json:
        rendering.document({"pipelines": found})
        return
    for one in found:
        _show_health(one)


_STAGES = {
    "stage": "stage", "now": "now", "entered_90_days": "in 90 days: in", "left_90_days": "out",
    "median_days": "median days", "usual_days": "90 % left within", "stalled": "stalled",
    "won": "won of", "amount": "amount", "by_probability": "by probability",
    "by_history": "by history",
}  # fmt: skip


_LATE = 15
"""Stalled deals that are shown of a pipeline."""


def _show_health(found: Mapping[str, Any]) -> None:
    rendering.say(found["pipeline"], style="bold")
    rendering.table(_STAGES, [_stage(row) for row in found["stages"]])
    expected = found["expected"]
    rendering.card(
        {
            "amount": money(expected["amount"]),
            "by probability": money(expected["by_probability"]),
            "by history": money(expected["by_history"]),
        }
    )
    for one in found["warnings"]:
        rendering.say(f"! {one['text']}", style="yellow")
    for one in found["unjudged"]:
        rendering.say(f"? {one['text']}", style="dim")
    if found["stalled_by_owner"]:
        rendering.say()
        rows = [{**row, "amount": money(row["amount"])} for row in found["stalled_by_owner"]]
        rendering.table(("owner", "stage", "deals", "amount", "longest_days"), rows)
        rendering.say()
        columns = ("name", "stage", "owner", "amount", "currency", "days", "chance", "id")
        rendering.table(columns, [_late(row) for row in found["stalled"][:_LATE]])
        if len(found["stalled"]) > _LATE:
            rendering.note(f"the first {_LATE}; more of them: --json, or the pipeline's page")
    rendering.say()


def _stage(row: Mapping[str, Any]) -> dict[str, object]:
    over = f"{row['won']:,} of {row['over']:,} ({percent(row['win_rate'])})"
    return {
        **row, "won": over if row["over"] else "–",
        **{name: money(row[name]) for name in ("amount", "by_probability", "by_history")},
    }  # fmt: skip


def _late(row: Mapping[str, Any]) -> dict[str, object]:
    days = f"{'at least ' if row['at_least'] else ''}{row['days']:g} (usual: {row['usual_days']:g})"
    return {**row, "days": days, "chance": percent(row["chance"])}
