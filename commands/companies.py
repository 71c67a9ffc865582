"""Commands about companies: records that leads and deals belong to."""

from pathlib import Path
from typing import Annotated

import typer

from commands import place, reading, rendering
from commands.leads import Limit
from commands.rendering import AsJson

companies = typer.Typer(help="Companies: import, look at, merge.", no_args_is_help=True)
Company = Annotated[str, typer.Argument(metavar="COMPANY", help="The id, the domain, or the name.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(companies, name="companies", rich_help_panel="Records")


@companies.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON Lines, JSON, Excel.")],
    encoding: Annotated[
        str, typer.Option("--encoding", help="When it is not found out right.")
    ] = "",
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out columns that mean nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes and changes companies from a file; the same file again changes nothing."""
    from engine.operations.import_companies import import_companies

    with place.opened() as store, rendering.progress(file.name, quiet=as_json) as bar:
        found = import_companies(
            store, file, encoding=encoding, ignore_unknown=ignore_unknown, progress=bar
        )
    if as_json:
        rendering.document(found.summary())
        return
    rendering.card({**found.summary(), "encoding": found.encoding, "left out": found.left_out})
    if found.rejected:
        rendering.note("the rejected rows are in the errors file, each with the reason")


@companies.command("list")
def list_(
    owner: Annotated[str | None, typer.Option(help="Only this owner's; empty: nobody's.")] = None,
    text: Annotated[
        str, typer.Option("--search", help="Only those whose name or domain has it.")
    ] = "",
    after: Annotated[str | None, typer.Option(help="The next page: after this id.")] = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Lists companies in the order they became known."""
    from engine.operations import companies_view

    with place.opened() as store:
        rows = companies_view.listing(store, text=text, owner=owner, after=after, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    columns = ("name", "domain", "owner", "leads", "deals", "open", "id")
    shown = [{**row, "open": _worth(row["open_amounts"])} for row in rows]
    rendering.table(columns, shown, nothing="no companies")
    rendering.more(rows, limit, "after")


@companies.command()
def show(company: Company, as_json: AsJson = False) -> None:
    """Shows one company with its leads, its deals, and what changed on it, newest first."""
    from engine.operations import companies_view

    with place.opened() as store:
        found = companies_view.show(store, company)
        id = found["id"]
        leads = store.read(lambda tx: companies_view.leads_of(tx, id, limit=_SHOWN))
        deals = store.read(lambda tx: companies_view.deals_of(tx, id, limit=_SHOWN))
    if as_json:
        rendering.document({**found, "its_leads": leads, "its_deals": deals})
        return
    history, fields = found.pop("history"), found.pop("fields")
    rendering.card({**found, **fields, "open_amounts": _worth(found["open_amounts"])})
    for columns, rows in (
        (("email", "full_name", "title", "stage", "score", "owner", "id"), leads),
        (("name", "lead", "pipeline", "stage", "amount", "currency", "owner", "id"), deals),
        (("at", "field", "before", "after", "actor", "reason"), history),
    ):
        if rows:
            rendering.say()
            rendering.table(columns, rows)


_SHOWN = 100


@companies.command("set")
def set_(
    company: Company,
    values: Annotated[
        list[str], typer.Argument(metavar="FIELD=VALUE...", help="An empty value takes it away.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")] = "",
    as_json: AsJson = False,
) -> None:
    """Changes fields of a company: its name, domain, owner, and the workspace's own."""
    from engine.operations import companies_view
    from engine.operations.edit_companies import change_company

    wanted = reading.assignments(values)
    with place.opened() as store:
        edited = change_company(store, company, wanted, actor=place.actor(), reason=reason)
        found = companies_view.show(store, edited.company) if as_json else {}
    if as_json:
        rendering.document(found)
        return
    rendering.say(f"changed: {', '.join(edited.changed) or 'nothing, it was so already'}")


@companies.command()
def merge(
    survivor: Annotated[str, typer.Argument(metavar="SURVIVOR", help="Which stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Which is merged into it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Makes two companies one: leads, deals, domains and history go over. It cannot be undone."""
    from engine.operations.edit_companies import merge_companies

    with place.opened() as store:
        done = merge_companies(
            store, survivor, other, actor=place.actor(), reason=reason, dry_run=dry_run
        )
    if as_json:
        rendering.document(done.as_json())
        return
    rows = [
        {"field": name, "before": before, "after": after}
        for name, (before, after) in sorted(done.fields.items())
    ]
    rendering.table(("field", "before", "after"), rows, nothing="no field of the survivor changes")
    if dry_run:
        rendering.note("nothing was changed")
    else:
        rendering.say(f"{done.former} is {done.survivor} from now on")


@companies.command()
def duplicates(
    after: Annotated[str, typer.Option(help="The next page: after this id.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Finds companies that may be one: by name but for place and form, by domain but for ending."""
    from engine.operations import companies_view

    with place.opened() as store:
        rows = companies_view.duplicates(store, after=after, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    shown = [
        {"sure": row["score"], "one": _called(row["one"]), "other": _called(row["other"]),
         "why": "; ".join(row["reasons"])}
        for row in rows
    ]  # fmt: skip
    rendering.table(("sure", "one", "other", "why"), shown, nothing="no two companies look alike")
    if rows:
        first = rows[0]
        pair = f"{first['one']['id']} {first['other']['id']}"
        rendering.note(f"one: longplay companies merge {pair}; two: longplay companies distinct …")
    rendering.more(rows, limit, "after")


def _worth(amounts: dict[str, float]) -> str:
    return ", ".join(f"{amount:,g} {currency}".strip() for currency, amount in amounts.items())


def _called(company: dict[str, object]) -> str:
    return " ".join(str(one) for one in (company["name"], company["domain"]) if one)


@companies.command()
def distinct(
    one: Annotated[str, typer.Argument(metavar="ONE", help="The id, the domain, or the name.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The same of the other.")],
    as_json: AsJson = False,
) -> None:
    """Keeps that two companies are two: no search shows them again."""
    from engine.operations.companies_view import set_distinct

    with place.opened() as store:
        set_distinct(store, one, other)
    if as_json:
        rendering.document({"one": one, "other": other, "distinct": True})
    else:
        rendering.say("they are two")
