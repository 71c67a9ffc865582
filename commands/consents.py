"""Commands about what leads have agreed to, and what the laws ask."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from commands import place, reading, rendering
from commands.leads import Lead
from commands.rendering import AsJson
from engine.errors import EnvironmentFault, InputError

consent = typer.Typer(help="What leads have agreed to, and the proof.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.add_typer(consent, name="consent", rich_help_panel="Records")


@consent.command()
def show(lead: Lead, as_json: AsJson = False) -> None:
    """Shows how a lead's consents stand, with every line of the ledger."""
    from engine.operations.consenting import show as show_consents

    with place.opened() as store:
        found = show_consents(store, lead)
    if as_json:
        rendering.document(found)
        return
    rendering.card(
        {
            "lead": found["email"] or found["lead"],
            "marketing": found["consent"] or "nothing on record",
            "open tracking": found["open_consent"] or "nothing on record",
            "held back": found["withheld"] or "no",
        }
    )
    columns = ("at", "purpose", "topic", "state", "source", "text_version", "ip", "actor")
    rendering.table(columns, found["ledger"], nothing="the ledger has no line about this lead")


@consent.command()
def record(
    lead: Lead,
    state: Annotated[
        str, typer.Argument(metavar="STATE", help="asked, given, confirmed or withdrawn.")
    ],
    purpose: Annotated[str, typer.Option(help="marketing or open_tracking.")] = "marketing",
    topic: Annotated[str, typer.Option(help="Only about this topic.")] = "",
    source: Annotated[str, typer.Option(help="Where it was said, such as a fair.")] = "by hand",
    text_version: Annotated[str, typer.Option(help="Which version of the text was shown.")] = "",
    ip: Annotated[str, typer.Option(help="The address that the answer came from.")] = "",
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When it was said; now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Records a consent of a lead that is known; withdrawn marketing unsubscribes it."""
    from engine.operations import consenting
    from engine.operations.consenting import Consent
    from engine.operations.incoming import Evidence
    from engine.operations.leads_view import show as show_lead

    when = reading.moment(at) if at else None
    evidence = Evidence(source, text_version, ip=ip, actor=place.actor())
    with place.opened() as store:
        known = {"id": show_lead(store, lead)["id"]}
        told = Consent(known, state, purpose, topic, at=when, evidence=evidence)
        is_new = consenting.record(store, told)
    if as_json:
        rendering.document({"lead": known["id"], "purpose": purpose, "recorded": is_new})
    else:
        rendering.say("recorded" if is_new else "it was on record already")


@consent.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file, written anew.")],
    as_json: AsJson = False,
) -> None:
    """Writes the whole ledger of consents as CSV, for an auditor."""
    from engine.operations.consenting import COLUMNS, everything

    count = 0
    with place.opened() as store:
        try:
            with file.open("w", encoding="utf-8-sig", newline="") as out:
                writer = csv.DictWriter(out, COLUMNS)
                writer.writeheader()
                for count, line in enumerate(everything(store), start=1):  # noqa: B007 - counted
                    writer.writerow({**line, "at": line["at"].isoformat(),
                                     "recorded_at": line["recorded_at"].isoformat()})  # fmt: skip
        except OSError as error:
            raise EnvironmentFault(f"'{file}' cannot be written: {error.strerror}") from error
    if as_json:
        rendering.document({"file": str(file), "lines": count})
    else:
        rendering.say(f"{count} line{'' if count == 1 else 's'} written to {file}")


@consent.command()
def law(
    country: Annotated[
        str, typer.Argument(metavar="[COUNTRY]", help="A code of two letters, such as DE.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Shows what the laws of countries ask of marketing mail, as Longplay knows them."""
    from dataclasses import asdict

    from engine.playbook.countries import COUNTRIES
    from engine.playbook.jurisdictions import JURISDICTIONS, STRICTEST, jurisdiction_of

    code = country.strip().upper()
    if code and code not in COUNTRIES:
        raise InputError(f"no country '{country}'", help="write its two letters, such as `CN`")
    rules = [jurisdiction_of(code)] if code else [*JURISDICTIONS, STRICTEST]
    rows = [asdict(one) for one in rules]
    if as_json:
        rendering.document(rows)
    elif code:
        rendering.card({name.replace("_", " "): value for name, value in rows[0].items()})
    else:
        columns = ("name", "consent", "customers", "opens", "postal_address", "subject_prefix")
        rendering.table(columns, rows, nothing="no laws")
