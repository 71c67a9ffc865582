"""`longplay stats`: a playbook in numbers."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from commands import place, rendering
from commands.rendering import AsJson

Playbook = Annotated[str, typer.Argument(metavar="PLAYBOOK", help="The playbook's name.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel="Analytics")(stats)


def stats(playbook: Playbook, as_json: AsJson = False) -> None:
    """Shows a playbook in numbers: who came in, how it ended, and how the arms of its splits do."""
    from engine.operations.statistics import stats as counted

    with place.opened() as store:
        found = counted(store, playbook)
    if as_json:
        rendering.document(found)
        return
    for line in _head(found):
        rendering.say(line)
    if found["finished"]:
        rows = [{"outcome": name, "runs": n} for name, n in found["finished"].items()]
        rendering.say()
        rendering.table(("outcome", "runs"), rows)
    rows = [row for row in found["steps"] if row["here"] or row["stopped"]]
    if rows:
        rendering.say()
        rendering.table(("step", "about", "here", "stopped"), rows)
    if found["arms"]:
        rendering.say()
        rendering.table(_ARMS, [_arm(arm) for arm in found["arms"]])


_ARMS = {
    "split": "split", "arm": "arm", "weight": "weight", "entered": "entered",
    "judged": "had the time", "converted": "converted", "rate": "rate", "interval": "95 %",
    "best": "chance to be best", "by": "by",
}  # fmt: skip


def _head(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{found['playbook']}: {found['entered']:,} entered, {found['active']:,} on the way"
    if found["stopped"]:
        yield f"{found['stopped']:,} stopped; what to do with them: longplay inbox"
    if found["goals"]:
        yield f"{found['goals']:,} reached a goal, worth {found['value']:,.2f}"
    if found["roi"] is not None:
        yield f"cost {found['cost']:,.2f}, return on it {found['roi']:.0%}"


def _arm(arm: Mapping[str, Any]) -> dict[str, object]:
    low, high = arm["interval"]
    judged = bool(arm["judged"])
    return {
        **arm,
        "weight": "former" if arm["weight"] is None else f"{arm['weight']:g}",
        "rate": f"{arm['rate']:.1%}" if judged else "–",
        "interval": f"{low:.1%} to {high:.1%}" if judged else "–",
        "best": "–" if arm["best"] is None else f"{arm['best']:.0%}",
    }
