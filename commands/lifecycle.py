"""`longplay lifecycle`: what a team means by its stages, and how a lead went through them."""

import typer

from commands import place, rendering
from commands.leads import Lead
from commands.rendering import AsJson

lifecycle = typer.Typer(help="The lifecycle: its stages, and moves.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(lifecycle, name="lifecycle", rich_help_panel="Records")


@lifecycle.command()
def show(as_json: AsJson = False) -> None:
    """Shows the stages in order: what each means, what entering and leaving takes, who is there."""
    from engine.operations.lead_stages import definitions

    with place.opened() as store:
        rows = definitions(store)
    if as_json:
        rendering.document(rows)
        return
    for row in rows:
        rendering.say(f"{row['stage']}  ({row['now']})", style="bold")
        if row["about"]:
            rendering.say(f"  {row['about']}")
        elif row["usually"]:
            rendering.say(f"  usually: {row['usually']}", style="dim")
        for name in ("enter_if", "leave_if", "requires", "back_to"):
            if row[name]:
                said = row[name] if isinstance(row[name], str) else ", ".join(row[name])
                rendering.say(f"  {name}: {said}")
    if any(row["usually"] for row in rows):
        rendering.note("say what your team means: `about:` of a stage, under `lifecycle:`")


@lifecycle.command()
def history(lead: Lead, as_json: AsJson = False) -> None:
    """Shows every move of a lead between stages: when, who made it, and why."""
    from engine.operations import lead_stages

    with place.opened() as store:
        rows = lead_stages.history(store, lead)
    if as_json:
        rendering.document(rows)
        return
    columns = ("at", "from", "to", "actor", "reason")
    rendering.table(columns, rows, nothing="it has not moved")
