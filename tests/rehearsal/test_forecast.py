"""Forecasts: every decision of production, people thrown with dice that can be thrown again."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as Tree

import pytest

from engine.operations.editions import Folder
from engine.playbook.values import Value
from rehearsal.assumptions import Assumptions
from rehearsal.forecast import forecast, up
from rehearsal.house import House, edition_of
from rehearsal.plot import plot
from rehearsal.tally import Tally
from tests.rehearsal.workspaces import WORKSPACE, checked, folder

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Monday, 09:00 in Shanghai."""

TOUR = """\
enroll: {when: [manual, {event: quote.created}]}
steps:
  - email: note
    id: hello
  - wait_for: email.clicked
    from: hello
    up_to: 3 days
    then:
      - stage: mql
      - task: Call
        to: li.wei
      - end: hot
  - end: cold
"""


def run(text: str = TOUR, leads: int = 60, workspace: str = WORKSPACE, **assumed: object) -> Tally:
    given = folder(case=text)
    given = Folder({**given.files, "longplay.yaml": workspace.encode()}, given.templates)
    found = checked(given)
    plan = found.plans["case"]
    crowd: list[dict[str, Value]] = [
        {"id": f"lead{n:04}", "email": f"lead{n}@example.com"} for n in range(leads)
    ]
    assumptions = Assumptions.model_validate({"days": 30, **assumed})
    with House(edition_of(given, found, {"case": plan})) as house:
        return forecast(house, plan, crowd, assumptions, START)


@pytest.mark.parametrize(("click", "hot"), [("0%", 0), ("100%", 60)])
def test_shares_are_kept(click: str, hot: int) -> None:
    """Nobody clicks, or everybody; whoever clicks in time is hot and a task for li.wei."""
    delays = {"click": "10 minutes"}
    found = run(mails={"hello": {"click": click}}, delays=delays)
    assert found.outcomes.get("hot", 0) == hot
    assert found.outcomes.get("cold", 0) == 60 - hot
    assert found.tasks.get("li.wei", 0) == hot
    assert sum(week.get("mql", 0) for week in found.stages.values()) == hot


def test_the_same_seed_throws_the_same() -> None:
    """A forecast can be repeated; another seed is another throw."""
    mails = {"any": {"click": "40%", "open": "50%", "unsubscribe": "5%", "bounce": "5%"}}
    first = run(mails=mails, seed=3)
    assert run(mails=mails, seed=3) == first
    assert run(mails=mails, seed=4) != first
    assert 10 < first.outcomes["hot"] < 40


def test_the_rate_spreads_mail_over_days() -> None:
    """A sender of one mail an hour sends 24 a day, whoever waits."""
    slow = WORKSPACE.replace("sender:\n", "sender:\n  rate: 1 per hour\n")
    found = run(workspace=slow)
    # The first day began at nine.
    assert found.mails_a_day[:4] == (15, 24, 21, 0)


def test_a_forecast_of_coarse_steps_keeps_the_rate_of_the_whole_time() -> None:
    """Of twenty mails a minute 150 have left within the hour, though nobody looked meanwhile."""
    slow = WORKSPACE.replace("sender:\n", "sender:\n  rate: 20 per minute\n")
    found = run(leads=150, workspace=slow)
    assert found.mails_a_day[:2] == (150, 0)


def test_a_warm_up_grows_day_by_day() -> None:
    """Its volume of the day is never exceeded."""
    plan = "  warm_up: {from: 2026-03-01, start: 5, grow: 2}\n"
    found = run(workspace=WORKSPACE.replace("sender:\n", f"sender:\n{plan}"))
    assert sum(found.mails_a_day) == 60
    assert found.mails_a_day[0] <= 10
    assert found.mails_a_day[1] <= 20 + 1


def test_windows_and_holidays_hold() -> None:
    """Nothing leaves on a weekend when the window says so."""
    window = 'send: {window: {days: mon-fri, hours: "09:00-18:00", calendar: cn}}\n'
    found = run(window + TOUR, arrive="14 days")
    by_weekday = [sum(found.mails_a_day[day::7]) for day in range(7)]
    assert by_weekday[5:] == [0, 0]
    assert sum(by_weekday) == 60


def test_leads_come_over_time_and_with_an_event() -> None:
    """Spread evenly; the event takes them in by the playbook's own trigger."""
    start = {"event": "quote.created", "properties": {"amount": 5}}
    found = run(arrive="10 days", start=start)
    assert found.entered == 60
    assert max(found.mails_a_day) <= 8


def test_left_to_the_triggers_cron_takes_them_in() -> None:
    """With `triggers` nobody is enrolled by hand."""
    cron = TOUR.replace("manual, {event: quote.created}", '{cron: "0 9 * * WED"}')
    cron = cron.replace("]}\nsteps", "], again: always}\nsteps", 1)
    found = run(cron, triggers=True, days=5)
    assert found.mails_a_day[:4] == (0, 0, 60, 0)


def test_bounces_and_unsubscriptions_end_runs() -> None:
    """They are what they are in production: an end, and no second mail."""
    found = run(mails={"any": {"bounce": "100%"}})
    assert found.outcomes == {"bounced": 60}
    assert found.skipped == {"bounced": 60}
    assert found.mails == {}


def test_the_picture_is_good_xml() -> None:
    """Whatever a stage or a playbook is called."""
    root = Tree.fromstring(plot(run(leads=5), "a <b> & 王"))
    assert len(root.findall(".//{http://www.w3.org/2000/svg}rect")) >= 2


def test_times_are_rounded_up() -> None:
    """A moment of the grid stays where it is."""
    hour = timedelta(hours=1)
    assert up(START, hour) == START
    assert up(START + timedelta(seconds=1), hour) == START + hour
