"""`longplay funnel` and `longplay report`: how leads and deals move on, and what comes of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands import place, rendering
from commands.rendering import AsJson
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.operations.funnel import Period

From = Annotated[
    str,
    typer.Option("--from", metavar="DAY", help="Only what came, or closed, since this day."),
]
To = Annotated[str, typer.Option("--to", metavar="DAY", help="Only until this day, included.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands of this group."""
    app.command(rich_help_panel="Analytics")(funnel)
    app.command(rich_help_panel="Analytics")(report)


def funnel(
    pipeline: Annotated[
        str, typer.Option(help="Of the deals of this pipeline, instead of leads.")
    ] = "",
    by: Annotated[
        str, typer.Option("--by", help="Apart by source, month, owner, team, or a field.")
    ] = "",
    from_: From = "",
    to: To = "",
    as_json: AsJson = False,
) -> None:
    """Shows how many come to each stage, how many go on, and how long that takes."""
    from engine.operations.funnel import funnel as counted

    with place.opened(nudges=False) as store:
        found = counted(store, pipeline=pipeline, by=by, period=_period(from_, to))
    if as_json:
        rendering.document(found)
        return
    rendering.table(_STAGES, [_stage(row) for row in found["stages"]])
    if found.get("again"):
        rendering.say(_again(found["again"]))
    for one in found["warnings"]:
        rendering.say(f"! {one['text']}", style="yellow")
    if found["groups"]:
        rendering.say()
        rendering.table(*_groups(found))
        if found["groups_in_all"] > len(found["groups"]):
            rendering.note(f"the largest of {found['groups_in_all']:,} groups")


def report(
    by: Annotated[
        str, typer.Option("--by", help="Apart by team, owner, source, product, or a field.")
    ] = "",
    from_: From = "",
    to: To = "",
    as_json: AsJson = False,
) -> None:
    """Shows what is to come, what was won and lost, and what customers cost and are worth."""
    from engine.operations.sales_report import report as reported

    with place.opened(nudges=False) as store:
        found = reported(store, by=by, period=_period(from_, to))
    if as_json:
        rendering.document(found)
        return
    rendering.card(dict(_summary(found)))
    for heading, columns, rows in _tables(found):
        if rows:
            rendering.say()
            rendering.say(heading, style="bold")
            rendering.table(columns, rows)


def _period(first: str, last: str) -> "Period":
    """The days that are meant.

    Raises:
        InputError: one is no day, or they are in the wrong order.
    """
    from engine.operations.funnel import Period

    return Period(_day(first, "--from"), _day(last, "--to"))


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise InputError(
            f"'{text}' is no day", help=f"write it like this: {option} 2026-01-31"
        ) from None


_STAGES = {
    "stage": "stage", "now": "now", "entered": "entered", "reached": "reached",
    "rate": "went on", "between": "95 %", "median_days": "median days", "amount": "open deals",
    "left_to": "left to",
}  # fmt: skip


def _stage(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        **row,
        "rate": percent(row["rate"]),
        "between": span(row["between"]),
        "median_days": "–" if row["median_days"] is None else f"{row['median_days']:g}",
        "amount": money(row["amount"]),
        "left_to": ", ".join(f"{name} {n:,}" for name, n in row["left_to"].items()),
    }


def _again(found: Mapping[str, Any]) -> str:
    if not found["customers"]:
        return "nobody has bought yet"
    text = (
        f"bought: {found['customers']:,}; bought again: {found['again']:,} "
        f"({percent(found['rate'])}, {span(found['between'])})"
    )
    days = found["median_days"]
    return text if days is None else f"{text}, half of them within {days:.0f} days"


def _groups(found: Mapping[str, Any]) -> tuple[Mapping[str, str], list[dict[str, object]]]:
    names = [row["stage"] for row in found["stages"]]
    columns = {"group": str(found["by"]), **{name: name for name in names}}
    rows = []
    for group in found["groups"]:
        row: dict[str, object] = {"group": group["group"]}
        for stage in group["stages"]:
            rate = "" if stage["rate"] is None else f" → {percent(stage['rate'])}"
            row[stage["stage"]] = f"{stage['reached']:,}{rate}"
        if "again" in group:
            again = group["again"]
            row["again"] = f"{again['again']:,} of {again['customers']:,}"
        rows.append(row)
    if rows and "again" in rows[0]:
        columns["again"] = "bought again"
    return columns, rows


def _summary(found: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    forecast, won, cycle = found["forecast"], found["win_rate"], found["cycle_days"]
    yield "open deals", f"{forecast['deals']:,}, {money(forecast['amount'])}"
    yield "expected by probability", money(forecast["by_probability"])
    yield "expected by history", money(forecast["by_history"])
    over = won["won"] + won["lost"]
    yield "won", (
        f"{won['won']:,} of {over:,}, {percent(won['rate'])} ({span(won['between'])}), "
        f"{money(won['amount'])}" if over else "no deal is over"
    )  # fmt: skip
    if cycle["median"] is not None:
        yield (
            "days to win",
            (f"{cycle['median']:g}; half of them between {cycle['from']:g} and {cycle['to']:g}"),
        )
    worth, again = found["clv"], found["retention"]
    if worth["customers"]:
        yield "customers", f"{worth['customers']:,}, {money(worth['revenue'])}"
        yield "a customer so far", money(worth["per_customer"])
        within = {
            f"{days} days": percent(rate)
            for days, rate in again["again_within_days"].items()
            if rate is not None
        }
        yield "bought again", f"{percent(again['rate'])}; within {rendering.clean(within)}"
    cost = found["cac"]
    if cost["per_customer"] is not None:
        yield "cost of a customer", f"{cost['per_customer']:,.2f} {cost['currency']}"
    elif any(source["cost"] is None for source in found["sources"]) and found["from"] is None:
        yield "cost of a customer", "say since when, with --from; costs are under `sources:`"


Table = tuple[str, Sequence[str], list[dict[str, object]]]


def _tables(found: Mapping[str, Any]) -> Iterator[Table]:
    yield _to_come(found)
    if found["groups"]:
        yield _by_group(found)
    lost = [{**row, "amount": money(row["amount"])} for row in found["lost_reasons"]]
    yield "lost because", ("reason", "deals", "amount"), lost
    yield _sources(found)
    cohorts: list[dict[str, object]] = [
        {"month": row["month"], "leads": row["leads"], **row["reached"],
         "bought": row["customers"], "again": row["again"]}
        for row in found["cohorts"]
    ]  # fmt: skip
    if cohorts:
        yield "leads by the month they came in", tuple(cohorts[0]), cohorts


def _to_come(found: Mapping[str, Any]) -> Table:
    months = [
        {**row, "month": row["month"] or "no date", **_expected(row)}
        for row in found["forecast"]["months"]
    ]
    columns = ("pipeline", "month", "deals", "amount", "by_probability", "by_history")
    return "to come", columns, months


def _by_group(found: Mapping[str, Any]) -> Table:
    rows: list[dict[str, object]] = [
        {
            "group": row["group"], "open": row["forecast"]["deals"],
            **_expected(row["forecast"]), "won": row["win_rate"]["won"],
            "lost": row["win_rate"]["lost"], "rate": percent(row["win_rate"]["rate"]),
            "won for": money(row["win_rate"]["amount"]),
            "days": _plain(row["cycle_days"]["median"]),
        }
        for row in found["groups"]
    ]  # fmt: skip
    return f"by {found['by']}", tuple(rows[0]), rows


def _sources(found: Mapping[str, Any]) -> Table:
    rows: list[dict[str, object]] = [
        {
            "source": row["source"] or "–", "leads": row["leads"], "customers": row["customers"],
            "rate": percent(row["rate"]), "revenue": money(row["revenue"]),
            "cost": _plain(row["cost"]), "a customer": _plain(row["cac"]),
        }
        for row in found["sources"]
    ]  # fmt: skip
    columns = ("source", "leads", "customers", "rate", "revenue", "cost", "a customer")
    return "sources", columns, rows


def _expected(row: Mapping[str, Any]) -> dict[str, object]:
    return {name: money(row[name]) for name in ("amount", "by_probability", "by_history")}


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:,.10g}"


def percent(rate: float | None) -> str:
    """A share in percent."""
    return "–" if rate is None else f"{rate:.1%}"


def span(between: Sequence[float] | None) -> str:
    """Where a share lies."""
    return "–" if between is None else f"{between[0]:.0%} to {between[1]:.0%}"


def money(amounts: Mapping[str, float] | None) -> str:
    """Amounts, each in its currency."""
    if amounts is None:
        return "not known"
    return " + ".join(f"{amount:,.0f} {currency}" for currency, amount in amounts.items()) or "–"
