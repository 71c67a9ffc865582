"""Scores: what a playbook keeps, why a lead has the score it has, and working it out anew."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands import backtesting, place, rendering, suggesting
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.scoring_view import Explained, Kept, ScoreShown

scoring = typer.Typer(help="Scores: rules, reasons, the ledger.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    backtesting.add_to(scoring)
    suggesting.add_to(scoring)
    app.add_typer(scoring, name="scoring", rich_help_panel="Records")


@scoring.command()
def show(
    score: Annotated[
        str, typer.Argument(metavar="[SCORE]", help="Its name; left out: every score.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Shows the scores that playbooks keep, and how many leads stand where."""
    from engine.operations.scoring_view import kept

    with place.opened() as store:
        found = kept(store, score)
    if as_json:
        rendering.document([one.as_json() for one in found])
        return
    if not found:
        rendering.say("no scoring playbook is published", style="dim")
    for one in found:
        _tell_kept(one)


@scoring.command()
def explain(
    lead: Annotated[str, typer.Option("--lead", metavar="EMAIL", help="The lead, or its id.")],
    score: Annotated[str, typer.Option("--score", metavar="NAME", help="Only this score.")] = "",
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="As it was then: ISO 8601.")] = "",
    as_json: AsJson = False,
) -> None:
    """Says where a lead's scores come from: fit, the ledger, and what is left of each point."""
    from commands.reading import moment
    from engine.operations.scoring_view import explain as explain_score

    with place.opened() as store:
        found = explain_score(store, lead, score, at=moment(at) if at else None)
    if as_json:
        rendering.document(found.as_json())
        return
    _tell_explained(found)


@scoring.command()
def recompute(
    lead: Annotated[
        str, typer.Option("--lead", metavar="EMAIL", help="Only this lead; else every one.")
    ] = "",
    score: Annotated[str, typer.Option("--score", metavar="NAME", help="Only this score.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing: say what would be different.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Works scores out anew from the ledger, by today's rules; thresholds do not fire by it."""
    from engine.operations.rescoring import from_ledger, ids_of

    with place.opened() as store:
        ids = ids_of(store, lead, score)
        with rendering.progress("working out", quiet=as_json) as bar:
            names = [score] if score else []
            found = from_ledger(
                store, ids, names, dry=dry_run, progress=lambda done: bar(done, None)
            )
    if as_json:
        rendering.document(found.as_json())
        return
    for one in found.shown:
        rendering.say(f"{one.lead}: {one.score} {one.kept:g} → {one.found:g}")
    would = "would be" if dry_run else "are"
    rendering.say(f"{found.leads:,} leads worked out; {found.differences:,} {would} different")


def _tell_kept(one: "Kept") -> None:
    rendering.say(f"{one.name} (kept by {one.playbook}, {one.rules} rules)", style="bold")
    if one.pending is not None:
        told = f"  is being worked out anew: {one.pending:,} of {one.leads:,} leads so far"
        rendering.say(told, style="yellow")
    for name, number in one.grades:
        rendering.say(f"  grade {name}: {number:,} leads")
    for name, at, above in one.thresholds:
        rendering.say(f"  threshold {name} at {at:g}: {above:,} leads are there")


def _tell_explained(found: "Explained") -> None:
    if not found.scores:
        rendering.say(f"{found.lead} has no score", style="dim")
    for one in found.scores:
        _tell_score(one)
    rows: list[dict[str, object]] = [
        {
            "at": line.at, "score": line.score, "points": f"{line.points:+g}",
            "left": f"{line.left:+g}", "reason": line.reason,
        }
        for line in found.lines
    ]  # fmt: skip
    rendering.table(
        ("at", "score", "points", "left", "reason"), rows, nothing="nothing gave points yet"
    )


def _tell_score(one: "ScoreShown") -> None:
    grade = f", grade {one.grade}" if one.grade else ""
    rendering.say(f"{one.name}: {one.total}{grade}", style="bold")
    rendering.say(f"  fit {one.fit:+g}, behavior {one.behavior:+g}, exactly {one.exactly:g}")
    for points, why in one.fits:
        rendering.say(f"    {points:+g} {why}")
    for level in one.thresholds:
        there = "reached" if level.is_reached else f"{level.at - one.total:g} more are needed"
        rendering.say(f"  threshold {level.name} at {level.at:g}: {there}")
    if one.next_at is not None:
        rendering.say(
            f"  left alone, it next passes a level at {one.next_at:%Y-%m-%d %H:%M} UTC", style="dim"
        )
