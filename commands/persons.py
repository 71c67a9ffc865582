"""Commands about who a lead is: two that are one, and the erasure of one."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import place, rendering
from commands.exporting import export
from commands.leads import leads
from commands.rendering import AsJson
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.operations.erasing import Erased
    from engine.operations.merging import Merged
    from engine.settings import Settings

Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def add_to(_app: typer.Typer) -> None:
    """Adds these commands to those of `longplay leads`."""
    commands = (duplicates, distinct, merge, export, erase, erasures)
    for command in commands:
        leads.command(command.__name__)(command)


def duplicates(
    known: Annotated[
        bool, typer.Option("--known", help="Only what the last search found.")
    ] = False,
    least: Annotated[
        int, typer.Option("--least", min=1, max=100, help="At least so sure, of 100.")
    ] = 50,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    after: Annotated[str, typer.Option(help="The next page: after this id.")] = "",
    as_json: AsJson = False,
) -> None:
    """Finds leads that may be one person, the surest first, with what speaks for it."""
    from engine.operations import duplicates as search

    with place.opened() as store:
        if not (known or after):
            with rendering.progress("leads", quiet=as_json) as bar:
                found = search.find(store, told=bar)
            if found.passed_over and not as_json:
                rendering.note(f"shared by too many to prove anything: {found.passed_over} keys")
        rows = search.listing(store, least=least, limit=limit, after=after)
    if as_json:
        rendering.document(rows)
        return
    shown = [
        {"sure": row["score"], "one": _called(row["one"]), "other": _called(row["other"]),
         "why": "; ".join(row["reasons"])}
        for row in rows
    ]  # fmt: skip
    rendering.table(("sure", "one", "other", "why"), shown, nothing="no two leads look alike")
    if rows:
        first = rows[0]
        rendering.note(f"one person: longplay leads merge {first['one']['id']} "
                       f"{first['other']['id']}; two: longplay leads distinct …")  # fmt: skip
    rendering.more(rows, limit, "after")


def _called(lead: Mapping[str, Any]) -> str:
    named = (lead["full_name"], lead["email"] or lead["phone"] or lead["id"])
    return " ".join(str(one) for one in named if one)


def distinct(
    one: Annotated[str, typer.Argument(metavar="ONE", help="An address, or an id.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="An address, or an id.")],
    as_json: AsJson = False,
) -> None:
    """Keeps that two leads are two persons: no search shows them again."""
    from engine.operations.duplicates import set_distinct

    with place.opened() as store:
        set_distinct(store, one, other)
    if as_json:
        rendering.document({"one": one, "other": other, "distinct": True})
    else:
        rendering.say("they are two")


def merge(
    survivor: Annotated[str, typer.Argument(metavar="SURVIVOR", help="Who stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Who is merged into it.")],
    take: Annotated[
        list[str] | None,
        typer.Option("--take", metavar="FIELD", help="From OTHER; may come again."),
    ] = None,
    reason: Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Makes two leads one: the survivor keeps both histories, and the person is mailed once.

    The survivor's values stay, what it lacks comes from the other. It cannot be undone.
    """
    from engine.operations import merging

    with place.opened() as store:
        if dry_run:
            done = merging.preview(store, survivor, other, take=take or ())
        else:
            done = merging.merge(
                store, survivor, other, actor=place.actor(), reason=reason, take=take or ()
            )
    if as_json:
        rendering.document(done.as_json())
        return
    _tell_merged(done, dry_run=dry_run)


def _tell_merged(done: "Merged", *, dry_run: bool) -> None:
    rows = [
        {"field": name, "before": before, "after": after}
        for name, (before, after) in sorted(done.fields.items())
    ]
    rendering.table(("field", "before", "after"), rows, nothing="no field of the survivor changes")
    for id, playbook, why in done.ended:
        rendering.say(f"the run of {playbook} {'would end' if dry_run else 'ended'}: {why} ({id})")
    if dry_run:
        rendering.note("nothing was changed")
        return
    rendering.say(f"{done.former} is {done.survivor} from now on")


def erase(
    names: Annotated[list[str], typer.Argument(metavar="LEAD...", help="Addresses, or ids.")],
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it is kept: leave the person's name out.")
    ] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erases leads on their request: nothing of the person is left, sums stay true.

    Their runs end, their addresses are remembered as hashes, and get no mail. It cannot be undone.
    """
    from engine.operations import erasing, leads_view

    settings = place.settings()
    with place.opened(settings) as store:
        for name in names:
            leads_view.show(store, name)
        if not yes:
            _ask(names)
        done = []
        for name in names:
            one = erasing.erase(store, name, actor=place.actor(), reason=reason)
            _forget_caught(settings, one)
            done.append(one)
    if as_json:
        rendering.document([one.as_json() for one in done])
        return
    for one in done:
        _tell_erased(one)


def _ask(names: list[str]) -> None:
    if not sys.stdin.isatty():
        raise InputError("erasing cannot be undone", help="say so: --yes")
    wanted = f"{len(names)} leads" if len(names) > 1 else "this lead"
    typer.confirm(f"Erase {wanted} for good?", abort=True)


def _forget_caught(settings: "Settings", one: "Erased") -> None:
    from engine.mail.catcher import forget

    forget(settings.mail_folder, one.addresses)


def _tell_erased(one: "Erased") -> None:
    if one.is_over:
        rendering.say(f"erased; {one.id} stands for it in sums")
    else:
        rendering.say(
            f"{one.waits} of its messages are on their way this moment: what is left goes within "
            "the hour"
        )
    if one.ended:
        rendering.say(f"runs that ended: {one.ended}")
    for deal in one.deals:
        rendering.note(f"it was the contact of deal {deal}: name another, and read its texts")


def erasures(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Lists erasures, newest first: who asked for each, why, and whether it is over."""
    from engine.operations.erasing import requests

    with place.opened() as store:
        rows = requests(store, limit=limit)
    if as_json:
        rendering.document(rows)
        return
    shown: list[Mapping[str, Any]] = [
        {**row, "state": "over" if row["ended_at"] else "under way"} for row in rows
    ]
    columns = ("id", "state", "began_at", "ended_at", "actor", "reason")
    rendering.table(columns, shown, nothing="nobody was erased")
