"""`longplay scoring suggest`: rules of a score learnt from history, as a playbook's file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.backtesting import Became, Ends, length
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.operations.suggestion import Check, Suggested

ToFile = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Write it there; else to standard output."),
]
Force = Annotated[bool, typer.Option("--force", help="Even if the file is there already.")]
Language = Annotated[
    str, typer.Option("--language", metavar="TAG", help="Of the reasons: en or zh-CN.")
]


def add_to(app: typer.Typer) -> None:
    """Adds the command to its group."""
    app.command()(suggest)


def suggest(
    score: Annotated[str, typer.Argument(metavar="[SCORE]", help="Its name.")] = "score",
    to: ToFile = None,
    after: Annotated[
        str, typer.Option("--after", metavar="TIME", help="Judge a lead so long after it came.")
    ] = "14 days",
    within: Annotated[
        str, typer.Option("--within", metavar="TIME", help="How soon the outcome must come.")
    ] = "90 days",
    became: Became = "",
    ends: Ends = None,
    half_life: Annotated[
        str,
        typer.Option("--half-life", metavar="TIME", help="Of behavior points; else as it is now."),
    ] = "",
    language: Language = "",
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Learns a score's rules from what leads did and what became of them, and writes a proposal.

    Nothing is published or changed. It needs the extra `suggest` (scikit-learn).
    """
    from engine.operations.editions import read_folder
    from engine.operations.suggesting import suggest as learn
    from engine.operations.suggestion import Wanted
    from engine.operations.suggestion_file import written

    if half_life:
        length(half_life, "--half-life")
    wanted = Wanted(
        score, length(after, "--after"), length(within, "--within"), became, tuple(ends or ()),
        half_life,
    )  # fmt: skip
    settings = place.settings()
    free(to, force=force)
    folder = read_folder(settings.workspace)
    with (
        place.opened(settings) as store,
        rendering.progress("looking back", quiet=as_json) as bar,
    ):
        found = learn(store, wanted, bar)
    found.text = written(found, folder, language or spoken(folder.files["longplay.yaml"]))
    if to is not None:
        rendering.to_file(to, found.text)
    if as_json:
        rendering.document(found.as_json())
        return
    if to is None:
        rendering.raw(found.text)
        return
    _tell(found)
    rendering.say(f"written to {to}; compare it: longplay scoring backtest --file {to}")


def free(to: Path | None, *, force: bool) -> None:
    """Keeps a file from being written over by mistake.

    Raises:
        InputError: it is there, and nobody said that it may go.
    """
    from engine.errors import InputError

    if to is not None and to.exists() and not force:
        raise InputError(
            f"'{to}' is there already", help="name another file, or write over it with --force"
        )


def spoken(workspace: bytes) -> str:
    """The language that a workspace's people write: its own, or that of the place where it is."""
    from engine.operations.file_language import file_language
    from engine.playbook.workspace import load_workspace

    found = load_workspace(workspace).workspace
    return file_language(found) if found is not None else "en"


def _tell(found: "Suggested") -> None:
    rendering.say(
        f"{found.leads:,} leads, {found.outcomes:,} of whom came to {found.stages[0]}", style="bold"
    )
    rows: list[dict[str, object]] = [
        {
            "rule": one.sign.name, "points": f"{one.points:+g}",
            "interval": "as it was" if one.is_kept else f"{one.low:+.0f} to {one.high:+.0f}",
            "leads": f"{one.having.of:,}",
            "came": f"{one.having.value or 0:.1%}", "others": f"{one.others.value or 0:.1%}",
        }
        for one in found.rules
    ]  # fmt: skip
    rendering.table(_COLUMNS, rows)
    if found.check is None:
        rendering.note("too few outcomes to hold some back: how well these rules do is not known")
    else:
        _tell_check(found.check)


_COLUMNS = {
    "rule": "rule", "points": "points", "interval": "95 %", "leads": "leads", "came": "came",
    "others": "of the others",
}  # fmt: skip


def _tell_check(check: "Check") -> None:
    rows: list[dict[str, object]] = [
        {"what": what, "auc": f"{one.area:.3f}", "interval": f"{one.low:.3f} to {one.high:.3f}"}
        for what, one in (
            ("the rules suggested", check.points),
            ("before rounding to points", check.model),
            ("the rules of today", check.present),
        )
        if one is not None
    ]
    rendering.say(f"on the newest quarter ({check.leads:,} leads, {check.outcomes:,} outcomes):")
    if check.is_chance:
        rendering.note("that is no better than chance: do not publish these rules")
    rendering.table({"what": "rules", "auc": "area under the curve", "interval": "95 %"}, rows)
