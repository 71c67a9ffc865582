"""Commands about leads."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, reading, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.store.database import Transaction
    from engine.store.leads import LeadChange

leads = typer.Typer(help="Leads: import, look at, change.", no_args_is_help=True)
Lead = Annotated[str, typer.Argument(metavar="LEAD", help="The address, or the id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(leads, name="leads", rich_help_panel="Records")


@leads.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON Lines, JSON, Excel.")],
    trigger: Annotated[
        bool, typer.Option("--trigger", help="Let what they change start playbooks.")
    ] = False,
    encoding: Annotated[
        str, typer.Option("--encoding", help="When it is not found out right.")
    ] = "",
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out columns that mean nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Let it send leads back to earlier stages.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes and changes leads from a file; the same file again changes nothing."""
    from engine.operations import published
    from engine.operations.file_language import file_language
    from engine.operations.import_leads import import_leads
    from engine.operations.lead_changes import react_to
    from engine.operations.lead_rows import rules_of

    def react(tx: "Transaction", changes: "Sequence[LeadChange]") -> None:
        react_to(tx, changes, starts=trigger)

    with place.opened() as store, rendering.progress(file.name, quiet=as_json) as bar:
        workspace = store.read(published.current).workspace
        found = import_leads(
            store,
            file,
            rules_of(workspace, ignore_unknown=ignore_unknown, force=force),
            language=file_language(workspace),
            encoding=encoding,
            react=react,
            progress=bar,
        )
    if as_json:
        rendering.document(found.summary())
        return
    rendering.card({**found.summary(), "encoding": found.encoding, "left out": found.left_out})
    if found.rejected:
        rendering.note("the rejected rows are in the errors file, each with the reason")


@leads.command("list")
def list_(
    stage: Annotated[str | None, typer.Option(help="Only those in this stage.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner's; empty: nobody's.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    text: Annotated[
        str | None, typer.Option("--search", help="Only those whose name, address… has it.")
    ] = None,
    where: Annotated[
        str, typer.Option("--where", metavar="COND", help="Only those that this holds of.")
    ] = "",
    after: Annotated[str | None, typer.Option(help="The next page: after this id.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists leads in the order they became known."""
    from engine.operations import leads_view

    with place.opened() as store:
        rows = leads_view.listing(
            store, stage=stage, owner=owner, tag=tag, text=text, where=where, after=after,
            limit=limit,
        )  # fmt: skip
    if as_json:
        rendering.document(rows)
        return
    shown = [
        {**row, "name": row["fields"].get("full_name"), "company": row["fields"].get("company")}
        for row in rows
    ]
    columns = ("email", "name", "company", "stage", "score", "owner", "tags", "id")
    rendering.table(columns, shown, nothing="no leads")
    rendering.more(rows, limit, "after")


@leads.command()
def show(lead: Lead, as_json: AsJson = False) -> None:
    """Shows one lead with all its fields."""
    from engine.operations import leads_view

    with place.opened() as store:
        found = leads_view.show(store, lead)
    if as_json:
        rendering.document(found)
        return
    rendering.card({**{name: one for name, one in found.items() if name != "fields"},
                    **found["fields"]})  # fmt: skip


@leads.command("set")
def set_(
    lead: Lead,
    values: Annotated[
        list[str], typer.Argument(metavar="FIELD=VALUE...", help="An empty value takes it away.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", help="Why; needed to send a lead back to an earlier stage.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Back to a stage that its own does not name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Changes fields of a lead; playbooks react to it, and its stage's criteria are obeyed."""
    from engine.operations import leads_view
    from engine.operations.edit_leads import change_lead

    wanted = reading.assignments(values)
    with place.opened() as store:
        edited = change_lead(store, lead, wanted, actor=place.actor(), reason=reason, force=force)
        found = leads_view.show(store, edited.lead) if as_json else {}
    if as_json:
        rendering.document(found)
        return
    changed = sorted(edited.changed & wanted.keys())
    rendering.say(f"changed: {', '.join(changed) or 'nothing, it was so already'}")
    for _, playbook in edited.reaction.entered:
        rendering.say(f"enrolled in {playbook}")
