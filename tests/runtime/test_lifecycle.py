"""The lifecycle at work: whoever moves a lead is judged alike, and every move is remembered."""

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.operations import lead_stages
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.import_leads import import_leads
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.lead_rows import rules_of
from engine.operations.published import current
from tests.runtime.stage import WORKSPACE, Stage

LIFECYCLE = (
    WORKSPACE
    + """\
lifecycle:
  - visitor
  - lead
  - mql:
      about: 合适并且有兴趣的线索。Fits, and has shown interest.
      enter_if: "(lead | count('page.viewed', '30 days')) >= 2"
      requires: [company]
      back_to: [lead]
  - sql
  - customer
"""
)
NURTURE = """\
enroll: {when: [{stage: lead}], again: always}
steps: [{wait: 1 day}]
"""


@pytest.fixture
def ready(sqlite_stage: Stage) -> Stage:
    sqlite_stage.publish(LIFECYCLE, nurture=NURTURE)
    sqlite_stage.event("page.viewed", fields={"company": "Acme"})
    return sqlite_stage


def moved(stage: Stage, to: str, **options: Any) -> None:
    change_lead(stage.store, "ann@example.com", {"stage": to}, actor="li.wei", **options)


def test_a_person_moves_a_lead_when_its_criteria_hold_events_counted(ready: Stage) -> None:
    """One view is too few; with the second the move is made."""
    with pytest.raises(InputError, match="mql is entered only if"):
        moved(ready, "mql")
    ready.event("page.viewed")
    moved(ready, "mql")
    assert ready.lead()["stage"] == "mql"


def test_back_to_nurture_with_a_reason_starts_the_nurture_again(ready: Stage) -> None:
    """Recycling is a move like others: it says why, and the stage's trigger hears it."""
    ready.event("page.viewed")
    ready.work()
    ready.turn(days=2)
    ready.work()
    moved(ready, "mql")
    with pytest.raises(InputError, match="no reason is given"):
        moved(ready, "lead")
    moved(ready, "lead", reason="no budget this year")
    assert len(ready.runs(playbook="nurture")) == 2
    lines = lead_stages.history(ready.store, "ann@example.com")
    newest = max(lines, key=lambda line: (line["back"], line["at"]))
    assert (newest["from"], newest["to"], newest["actor"], newest["reason"], newest["back"]) == (
        "mql", "lead", "li.wei", "no budget this year", True,
    )  # fmt: skip


def test_back_where_the_stage_does_not_say_so_takes_force(ready: Stage) -> None:
    """A reason alone is not enough, and force alone is not, either."""
    moved(ready, "customer")
    for options in ({"reason": "x"}, {"force": True}):
        with pytest.raises(InputError):
            moved(ready, "lead", **options)
    moved(ready, "lead", reason="a test account", force=True)
    assert ready.lead()["stage"] == "lead"


def test_a_step_is_judged_alike_and_what_is_left_out_is_explained(ready: Stage) -> None:
    """A playbook's move that is not allowed is left out, with the reason in its log."""
    ready.publish(
        LIFECYCLE,
        mover="enroll: {when: [{event: form.submitted}], again: always}\nsteps: [{stage: mql}]\n",
        back="enroll: {when: [{event: page.viewed}], again: always}\nsteps: [{stage: lead}]\n",
    )
    ready.event("form.submitted")
    ready.work()
    (run,) = ready.runs(playbook="mover")
    assert ready.log(run["id"])[0] == ("stage-mql", "left out")
    moved(ready, "customer")
    ready.event("page.viewed")
    ready.work()
    (run,) = ready.runs(playbook="back")
    assert ready.log(run["id"])[0] == ("stage-lead", "left out")
    assert ready.lead()["stage"] == "customer"


def test_an_import_sends_no_lead_back_unless_it_is_told_to(ready: Stage, tmp_path: Path) -> None:
    """The row is rejected with the reason; with force it is taken."""
    moved(ready, "customer")
    file = tmp_path / "leads.csv"
    file.write_text("email,阶段,city\nann@example.com,lead,北京\nbob@example.com,mql,上海\n")
    for force, rejected in ((False, 2), (True, 1)):
        rules = rules_of(ready.store.read(current).workspace, force=force)
        found = import_leads(ready.store, file, rules, language="zh-CN")
        assert found.rejected == rejected
    assert ready.lead()["stage"] == "lead"
    assert "mql" in Path(f"{file}.errors.csv").read_text(encoding="utf-8-sig")


def test_an_event_sends_no_lead_back(ready: Stage) -> None:
    """An event that would is refused as a whole, and says why; forward it may move one."""
    moved(ready, "sql")
    given = {"email": "ann@example.com", "stage": "lead"}
    answer = take_in(ready.store, [IncomingEvent("page.viewed", given)])
    assert "is backward" in answer.rejected[0][1].message
    take_in(ready.store, [IncomingEvent("page.viewed", {**given, "stage": "customer"})])
    assert ready.lead()["stage"] == "customer"


def test_a_new_lead_is_put_only_where_it_may_be(ready: Stage) -> None:
    """Criteria hold for leads that come with a stage, too."""
    with pytest.raises(InputError, match="mql is entered only if"):
        put_lead(ready.store, {"email": "bob@example.com", "stage": "mql"}, actor="x")
    put_lead(ready.store, {"email": "bob@example.com", "stage": "sql"}, actor="x")
    assert ready.lead("bob")["stage"] == "sql"


def test_the_team_reads_what_it_means_by_its_stages(ready: Stage) -> None:
    """Definition, criteria and how many are there now, in order."""
    shown = lead_stages.definitions(ready.store)
    assert [one["stage"] for one in shown] == ["visitor", "lead", "mql", "sql", "customer"]
    assert shown[2]["about"].startswith("合适")
    assert (shown[2]["usually"], shown[3]["usually"][:15]) == ("", "Sales qualified")
    assert (shown[2]["requires"], shown[2]["back_to"], shown[1]["now"]) == (
        ["company"],
        ["lead"],
        1,
    )
