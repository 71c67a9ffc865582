"""`longplay scoring backtest`: what rules would have foretold, as tables, JSON or a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from engine.operations.backtest import Backtest, Line
    from engine.operations.editions import Edition
    from engine.runtime.foretelling import Matched, Share

FEW = 20
"""Outcomes below which the shares are little more than anecdotes."""

Within = Annotated[
    str, typer.Option("--within", metavar="TIME", help="How soon the outcome must come.")
]
Became = Annotated[
    str,
    typer.Option(
        "--became", metavar="STAGE", help="The outcome: this stage or a later one, or a won deal."
    ),
]
Ends = Annotated[
    list[str] | None,
    typer.Option("--or-event", metavar="EVENT", help="An event that is an outcome as well."),
]


def add_to(app: typer.Typer) -> None:
    """Adds the command to its group."""
    app.command()(backtest)


def backtest(
    score: Annotated[
        str, typer.Argument(metavar="[SCORE]", help="Its name; left out: every score.")
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", help="The new rules: this playbook; else those of the workspace."),
    ] = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="Count from then on.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Count up to then.")] = "",
    within: Within = "90 days",
    became: Became = "",
    ends: Ends = None,
    who: Annotated[
        Path | None, typer.Option("--who", metavar="FILE", help="Who crossed when: a CSV file.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="A picture, into this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plays the past through the published rules and the new ones: what would they have foretold?

    Nothing is changed. Only what happened before an outcome counts for foretelling it.
    """
    from engine.operations.backtest import Question
    from engine.operations.backtest import backtest as play
    from engine.operations.backtest_picture import picture

    settings = place.settings()
    question = Question(
        _time(since), _time(until), length(within, "--within"), became, tuple(ends or ())
    )
    edition = proposed(settings.workspace, file)
    with (
        place.opened(settings) as store,
        rendering.progress("playing the past", quiet=as_json) as bar,
    ):
        found = play(store, edition, question, score=score, who=who, progress=bar)
    if svg is not None:
        rendering.to_file(svg, picture(found))
    if as_json:
        rendering.document(found.as_json())
        return
    _tell(found)
    for path in filter(None, (who, svg)):
        rendering.say(f"written to {path}", style="dim")


def proposed(folder: Path, file: Path | None) -> "Edition":
    """The workspace, with this file in the place of the playbook of its name.

    Raises:
        InputError: something is wrong with the file or with the workspace.
    """
    if file is None:
        from commands.publishing import checked_edition

        return checked_edition(folder)
    from engine.operations.editions import read_folder
    from engine.operations.proposals import edition_with_file

    return edition_with_file(read_folder(folder), file)


def length(text: str, option: str) -> "timedelta":
    """A length of time that an option says, a day being 24 hours.

    Raises:
        InputError: it is none.
    """
    from engine.errors import InputError
    from engine.playbook.durations import DurationError, parse_duration

    try:
        found = parse_duration(text)
    except DurationError as error:
        raise InputError(f"{option}: {error.message}", help=error.help) from None
    if found.is_zero or found.is_business:
        raise InputError(f"{option}: '{text}' is no length of time", help="write it like `90 days`")
    return found.rough


def _time(text: str) -> "datetime | None":
    from commands.reading import moment

    return moment(text) if text else None


def _tell(found: "Backtest") -> None:
    stages = " or ".join(filter(None, (found.stages[0], *found.ends, "a won deal")))
    days = found.within.total_seconds() / 86_400
    rendering.say(
        f"{found.leads:,} leads, {found.outcomes:,} of them came to {stages}; "
        f"a crossing is right if that follows within {days:g} days", style="bold",
    )  # fmt: skip
    if found.before:
        rendering.say(f"{found.before:,} leads had come there before, and are left out")
    rendering.table(_COLUMNS, [_row(one, found.outcomes) for one in found.lines],
                    nothing="no threshold to look at")  # fmt: skip
    for (playbook, threshold), one in found.compared.items():
        _tell_compared(f"{playbook}.{threshold}", one)
    if found.outcomes < FEW:
        rendering.note(
            f"only {found.outcomes} outcomes: believe the intervals, not the shares before them"
        )
    for note in found.notes:
        rendering.note(note)


_COLUMNS = {
    "threshold": "threshold", "rules": "rules", "at": "at", "crossed": "crossed",
    "young": "too young", "precision": "precision", "precise": "95 %", "recall": "recall",
    "recalled": "95 % ", "days": "days before (middle half)",
}  # fmt: skip


def _row(line: "Line", outcomes: int) -> dict[str, object]:
    told, days = line.told, line.told.lead_days
    precision, recall = told.precision, told.recall(outcomes)
    return {
        "threshold": f"{line.playbook}.{line.threshold}", "rules": line.side, "at": f"{line.at:g}",
        "crossed": f"{told.crossed:,}", "young": f"{told.crossed - told.judged:,}",
        "precision": _share(precision), "precise": _interval(precision),
        "recall": _share(recall), "recalled": _interval(recall),
        "days": f"{days[1]:.1f} ({days[0]:.1f} to {days[2]:.1f})" if days else "–",
    }  # fmt: skip


def _share(share: "Share") -> str:
    return "–" if share.value is None else f"{share.value:.1%} ({share.hits:,} of {share.of:,})"


def _interval(share: "Share") -> str:
    low, high = share.interval
    return f"{low:.1%} to {high:.1%}" if share.of else "–"


def _tell_compared(name: str, one: "Matched") -> None:
    both, old, new = one.crossed
    rendering.say(
        f"{name}: {both:,} leads cross by both rules, {old:,} only by the old, {new:,} only by "
        f"the new; of the outcomes {one.caught[1]:,} are foretold only by the old, "
        f"{one.caught[2]:,} only by the new"
    )
    if one.caught[1] or one.caught[2]:
        sure = "hardly chance" if one.chance < 0.05 else "it may well be chance"
        rendering.say(f"  a difference like that comes by chance in {one.chance:.1%}: {sure}")
