"""The worked examples of the explanations, worked out anew by the code that runs."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.playbook import walltime
from engine.playbook.catalog import vocabulary
from engine.playbook.conditions import compile_condition
from engine.playbook.durations import parse_offset
from engine.playbook.moments import parse_moment
from engine.playbook.values import Scope, Value
from engine.runtime.calendar import BusinessCalendar, business_calendar
from engine.runtime.civil import add, next_moment, zone
from engine.runtime.send_window import send_window

PAGES = Path(__file__).parents[2] / "docs" / "explanation"
TIMES = (PAGES / "times-and-calendars.md").read_text(encoding="utf-8")
CONDITIONS = (PAGES / "what-a-condition-means.md").read_text(encoding="utf-8")
SHANGHAI = zone("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 4, tzinfo=UTC)
CALENDARS: Mapping[str, tuple[str, BusinessCalendar | None]] = {
    "America/New_York": ("America/New_York", None),
    "Asia/Shanghai, mon-fri 09:00-18:00": (
        "Asia/Shanghai",
        business_calendar(timezone="Asia/Shanghai"),
    ),
    "Asia/Shanghai, mon-fri 09:00-18:00, CN": (
        "Asia/Shanghai",
        business_calendar(timezone="Asia/Shanghai", country="CN"),
    ),
}


def rows(table: str) -> list[list[str]]:
    """The cells of a Markdown table's body."""
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    split = (re.split(r"(?<!\\)\|", line.strip("|")) for line in lines)
    return [[cell.strip().replace(r"\|", "|") for cell in cells] for cells in split]


def worked(name: str) -> list[list[str]]:
    """The table that a `<!-- worked: NAME -->` stands before."""
    _, _, rest = TIMES.partition(f"<!-- worked: {name} -->\n")
    return rows(rest.partition("\n\n")[0])


ADDED = [(name, *row[:3]) for name in CALENDARS for row in worked(name)]
CLAIMS = [
    (row[0].strip("`"), row[1] == "yes")
    for table in re.findall(r"(?m)^\| condition \| holds \|\n(?:\|.*\n)+", CONDITIONS)
    for row in rows(table)
]


def at(text: str, where: ZoneInfo = SHANGHAI) -> datetime:
    return walltime.instant(datetime.fromisoformat(text), where)


def test_the_pages_have_their_examples() -> None:
    """No table is lost by a change of the page's form."""
    assert len(ADDED) >= 13
    assert len(CLAIMS) >= 30
    assert {holds for _, holds in CLAIMS} == {True, False}


@pytest.mark.parametrize(("calendar", "start", "length", "expected"), ADDED)
def test_a_length_ends_where_the_page_says(
    calendar: str, start: str, length: str, expected: str
) -> None:
    """Clock changes, business time, holidays and 调休."""
    name, hours = CALENDARS[calendar]
    where = zone(name)
    assert add(at(start, where), parse_offset(length), where, hours) == at(expected, where)


@pytest.mark.parametrize("row", worked("window"), ids=lambda row: row[0])
def test_mail_goes_when_the_page_says(row: Sequence[str]) -> None:
    """A send window with a calendar."""
    rules = business_calendar(timezone="Asia/Shanghai", country="CN")
    window = send_window(days="mon-fri", hours="09:00-17:30", timezone="lead", calendar=rules)
    assert window.next_open(at(row[0]), SHANGHAI) == at(row[1])


@pytest.mark.parametrize("row", worked("moments"), ids=lambda row: row[0])
def test_a_moment_is_when_the_page_says(row: Sequence[str]) -> None:
    """Fields, offsets, weekdays and cron."""
    record: dict[str, Value] = {"lead.trial_ends_at": at("2026-12-31 12:00")}
    found = next_moment(
        parse_moment(row[0].strip("`")), at("2026-11-21 11:59"), SHANGHAI, record.get
    )
    assert found == at(row[1])


class Orders:
    """Orders placed 100, 50 and 3 days ago."""

    def occurrences(self, event: str) -> Sequence[tuple[datetime, Mapping[str, Value]]]:
        if event != "order.placed":
            return []
        return [(NOW - timedelta(days=days), {}) for days in (100, 50, 3)]


LEAD: dict[str, Value] = {
    "email": "ann@qq.com",
    "first_name": "Ann",
    "score": 45,
    "stage": "mql",
    "title": "CTO 总监",
    "tags": ["VIP", "eu"],
    "employees": 0,
    "created_at": at("2026-11-01 04:00"),
    "birthday": date(2026, 11, 30),
}


@pytest.mark.parametrize(("text", "holds"), CLAIMS, ids=[text for text, _ in CLAIMS])
def test_a_condition_holds_as_the_page_says(text: str, holds: bool) -> None:
    """Checked against the starter's fields, then asked of the page's lead."""
    words = vocabulary(lead_fields={"employees": "integer"}, has_event=False)
    scope: Scope = {"lead": LEAD, "now": NOW, "zone": SHANGHAI, "history": Orders()}
    assert compile_condition(text, words).truth(scope) is holds
