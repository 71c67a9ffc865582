"""`longplay simulate`: one record's way through a playbook, or a forecast for a crowd."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import rendering
from commands.rehearsing import quiet
from commands.rendering import AsJson

if TYPE_CHECKING:
    from engine.playbook.plan import Plan
    from rehearsal.assumptions import Assumptions
    from rehearsal.house import House
    from rehearsal.play import Part, Played
    from rehearsal.tally import Tally

_File = typer.Option(metavar="FILE")


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel="Write playbooks")(simulate)


def simulate(
    playbook: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="Its name, or its file.")],
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="One lead: YAML or JSON.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option("--events", metavar="FILE", help="What happens to it.")
    ] = None,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="When it begins; now when left out.")
    ] = "",
    leads: Annotated[
        Path | None,
        typer.Option("--leads", metavar="FILE", help="A crowd: a file for `leads import`."),
    ] = None,
    assume: Annotated[
        Path | None, typer.Option("--assume", metavar="FILE", help="How the crowd behaves.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw the forecast into this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows the way of one record through a playbook, or what thousands would come to."""
    from commands.authoring import checked_plan
    from rehearsal.house import House, edition_of
    from rehearsal.suite import parts_of

    _refuse_mixtures(record, events, leads, assume, svg)
    folder, checked, plan = checked_plan(playbook)
    with quiet(), House(edition_of(folder, checked, parts_of(plan, checked.plans))) as house:
        if record is not None:
            _one(house, plan, record, events, at, as_json=as_json)
        elif leads is not None:
            _crowd(house, plan, leads, assume, at, svg, as_json=as_json)


def _refuse_mixtures(
    record: Path | None,
    events: Path | None,
    leads: Path | None,
    assume: Path | None,
    svg: Path | None,
) -> None:
    from engine.errors import EnvironmentFault

    if (record is None) == (leads is None):
        raise EnvironmentFault(
            "simulate needs one record, or a crowd of leads",
            help="add `--record FILE`, or `--leads FILE --assume FILE`",
        )
    wrong = {"--events": events} if leads is not None else {"--assume": assume, "--svg": svg}
    for name, value in wrong.items():
        if value is not None:
            other = "--record" if leads is not None else "--leads"
            raise EnvironmentFault(f"'{name}' goes with '{other}'", help="leave it out")


def _one(
    house: "House", plan: "Plan", record: Path, events: Path | None, at: str, *, as_json: bool
) -> None:
    from rehearsal.play import play

    played = play(house, plan.playbook, _part(house, record, events, at))
    timeline = [row.as_json() for row in played.rows]
    if as_json:
        rendering.document({"timeline": timeline, "outcome": played.outcome})
        return
    zone = house.current.zone
    shown = [{**row.as_json(), "at": f"{row.at.astimezone(zone):%Y-%m-%d %H:%M}"}
             for row in played.rows]  # fmt: skip
    rendering.table(("at", "step", "did", "detail"), shown, nothing="nothing happened")
    rendering.say()
    rendering.card({"outcome": played.outcome, "lasted": _span(played)})


def _span(played: "Played") -> str:
    if not played.rows:
        return ""
    length = played.rows[-1].at - played.at
    hours, minutes = divmod(round(length.total_seconds() / 60), 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "days"), (hours, "hours"), (minutes, "minutes"))
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "no time at all"


def _part(house: "House", record: Path, events: Path | None, at: str) -> "Part":
    from rehearsal.play import part_of_record
    from rehearsal.record_files import read_events, read_record

    given = read_record(record)
    more = read_events(events) if events is not None else ()
    return part_of_record(house, given, more, _begin(at))


def _begin(at: str) -> datetime:
    from datetime import UTC

    from commands.reading import moment

    # The command is where the world begins: rehearsals have no clock of their own to ask.
    return moment(at).astimezone(UTC) if at else datetime.now(UTC).replace(microsecond=0)


def _crowd(
    house: "House",
    plan: "Plan",
    leads: Path,
    assume: Path | None,
    at: str,
    svg: Path | None,
    *,
    as_json: bool,
) -> None:
    from rehearsal.assumptions import Assumptions, check_assumptions
    from rehearsal.crowd import read_crowd
    from rehearsal.forecast import forecast
    from rehearsal.play import instant
    from rehearsal.record_files import read_mapping

    assumptions = Assumptions()
    if assume is not None:
        assumptions = read_mapping(assume, Assumptions, "assumptions")
    check_assumptions(assumptions, plan, house.current.workspace.events)
    crowd = read_crowd(leads, house.current)
    start = instant(house, assumptions.at) if assumptions.at and not at else _begin(at)
    with rendering.progress("days", quiet=as_json) as step:
        found = forecast(
            house, plan, crowd.leads, assumptions, start,
            lambda days: step(days, assumptions.days),
        )  # fmt: skip
    if svg is not None:
        from rehearsal.plot import plot

        title = f"{plan.playbook}: {len(crowd.leads):,} leads, {assumptions.days} days"
        rendering.to_file(svg, plot(found, title))
    if as_json:
        rendering.document({"leads": len(crowd.leads), "left_out": crowd.left_out,
                            **found.as_json()})  # fmt: skip
        return
    if crowd.left_out:
        rendering.note(f"{crowd.left_out} rows are left out: {crowd.reason}")
    _tell(found, assumptions, len(crowd.leads))
    if svg is not None:
        rendering.say(f"drawn into '{svg}'", style="dim")


def _tell(found: "Tally", assumptions: "Assumptions", leads: int) -> None:
    busiest = max(found.mails_a_day, default=0)
    rendering.card(
        {
            "leads": f"{leads:,}",
            "enrolled": f"{found.entered:,}",
            "mails": f"{sum(found.mails.values()):,}, at most {busiest:,} a day",
            "days": assumptions.days,
        }
    )
    stages = list(dict.fromkeys(stage for week in found.stages.values() for stage in week))
    rendering.say()
    rendering.table(("week", "from", "mails", *stages), list(_weeks(found, stages)))
    for heading, counts in (
        ("step", found.mails), ("left out because", found.skipped), ("owner", found.tasks),
        ("outcome", found.outcomes),
    ):  # fmt: skip
        if counts:
            what = {"step": "mails", "owner": "tasks", "outcome": "enrollments"}.get(
                heading, "mails"
            )
            rendering.say()
            rows = [{heading: name, what: f"{number:,}"} for name, number in counts.items()]
            rendering.table((heading, what), rows)


def _weeks(found: "Tally", stages: Sequence[str]) -> "Sequence[dict[str, object]]":
    from datetime import timedelta

    rows: list[dict[str, object]] = []
    for week in range(found.days // 7 + 1):
        mails = sum(found.mails_a_day[week * 7 : week * 7 + 7])
        entered = found.stages.get(week, {})
        if mails or entered:
            row = {"week": week + 1, "from": found.start + timedelta(weeks=week), "mails": mails}
            rows.append({**row, **{stage: entered.get(stage, 0) for stage in stages}})
    return rows
