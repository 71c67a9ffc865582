"""Commands that run playbooks before they run: their scenarios, one record, a crowd."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import place, rendering
from commands.rendering import AsJson

if TYPE_CHECKING:
    from rehearsal.suite import Outcome, Verdict

_PANEL = "Write playbooks"


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel=_PANEL)(test)


def test(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Only the scenarios of these.")
    ] = None,
    word: Annotated[
        str, typer.Option("-k", metavar="WORD", help="Only those whose name has this word.")
    ] = "",
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML for CI.")
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Name the steps that no scenario reaches.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Runs the scenarios of the playbooks, in memory, with time skipped."""
    import os

    from commands.authoring import files_of
    from engine.operations.editions import check, read_folder
    from rehearsal.suite import Suite

    root = place.settings().workspace
    folder = read_folder(root)
    files = files_of(root, folder.files, paths or ())
    suite = Suite(folder, check(folder, os.environ), files, word)
    total = len(suite)
    with quiet(), rendering.progress("scenarios", quiet=as_json) as step:
        outcome = suite.run(lambda done: step(done, total))
    if junit is not None:
        from rehearsal.junit import junit as written

        rendering.to_file(junit, written(outcome.verdicts))
    if as_json:
        rendering.document(_document(outcome, coverage=coverage))
    else:
        _tell(outcome.verdicts)
        if coverage:
            _tell_coverage(outcome)
    if outcome.failed:
        raise typer.Exit(1)


@contextmanager
def quiet() -> Iterator[None]:
    """What goes wrong in a rehearsal is part of its answer, and needs no line in a log."""
    was = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(was)


def _document(outcome: "Outcome", *, coverage: bool) -> dict[str, object]:
    passed = len(outcome.verdicts) - outcome.failed
    found: dict[str, object] = {
        "passed": passed,
        "failed": outcome.failed,
        "scenarios": [one.as_json() for one in outcome.verdicts],
    }
    if coverage:
        found["coverage"] = [one.as_json() for one in outcome.coverages]
    return found


def _tell(verdicts: "Sequence[Verdict]") -> None:
    if not verdicts:
        rendering.say("no scenarios: write them under `scenarios:` in a playbook's file")
        return
    for one in verdicts:
        if one.ok:
            continue
        rendering.say(f"failed  {one.playbook}: {one.name}", style="red bold")
        rendering.say("".join(f"  {line}\n" for line in one.diff.splitlines()))
    failed = [one for one in verdicts if not one.ok]
    for playbook in dict.fromkeys(one.playbook for one in verdicts):
        mine = [one for one in verdicts if one.playbook == playbook]
        bad = sum(not one.ok for one in mine)
        said = f"{len(mine) - bad} passed" + (f", {bad} failed" if bad else "")
        rendering.say(f"{playbook}: {said}", style="red" if bad else "green")
    if len(failed) < len(verdicts) or len({one.playbook for one in verdicts}) > 1:
        seconds = sum(one.seconds for one in verdicts)
        said = f"{len(verdicts) - len(failed)} passed, {len(failed)} failed in {seconds:.1f} s"
        rendering.say(said, style="red bold" if failed else "green bold")


def _tell_coverage(outcome: "Outcome") -> None:
    for one in outcome.coverages:
        rendering.say(f"{one.playbook}: {one.steps - one.missed} of {one.steps} steps reached")
        for gap in one.gaps:
            rendering.say(f"  {gap.said}", style="dim" if gap.way else "yellow")
