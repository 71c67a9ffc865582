"""`longplay segments suggest`: segments of who bought how lately, how often and for how much."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.backtesting import length
from commands.rendering import AsJson
from commands.suggesting import Force, Language, ToFile, free, spoken

if TYPE_CHECKING:
    from engine.operations.segment_suggesting import Segments


def add_to(app: typer.Typer) -> None:
    """Adds the command to its group."""
    app.command()(suggest)


def suggest(
    groups: Annotated[
        int,
        typer.Option("--groups", metavar="K", help="So many groups by k-means; else by thirds."),
    ] = 0,
    event: Annotated[
        str, typer.Option("--event", metavar="EVENT", help="A purchase; else orders, or deals won.")
    ] = "",
    within: Annotated[
        str, typer.Option("--within", metavar="TIME", help="How far back purchases count.")
    ] = "365 days",
    to: ToFile = None,
    language: Language = "",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Proposes segments by recency, frequency and amount, with their conditions and in words.

    Nothing is published or changed. It needs the extra `suggest` (scikit-learn).
    """
    from engine.operations.segment_suggesting import suggest_segments

    settings = place.settings()
    free(to, force=force)
    file = settings.workspace / "longplay.yaml"
    spoke = language or spoken(file.read_bytes() if file.is_file() else b"")
    span = length(within, "--within")
    with (
        place.opened(settings) as store,
        rendering.progress("looking at purchases", quiet=as_json) as bar,
    ):
        found = suggest_segments(
            store, event=event, within=span, groups=groups, language=spoke, progress=bar
        )
    if to is not None:
        rendering.to_file(to, found.text)
    if as_json:
        rendering.document(found.as_json())
        return
    if to is None:
        rendering.raw(found.text)
    else:
        _tell(found)
        rendering.say(f"written to {to}; copy what you want of it into longplay.yaml")
    if found.silhouettes:
        clear = ", ".join(f"{k}: {value:.2f}" for k, value in found.silhouettes.items())
        rendering.note(f"how clearly groups stand apart (silhouette), by their number: {clear}")


def _tell(found: "Segments") -> None:
    rendering.say(
        f"{found.buyers:,} of {found.leads:,} leads have a '{found.event}' within {found.within}",
        style="bold",
    )
    rows: list[dict[str, object]] = [
        {"name": one.name, "leads": f"{one.leads:,}", "about": one.about} for one in found.segments
    ]
    rendering.table(("name", "leads", "about"), rows)
