"""Explaining: what a lead got and did not get, and why, from what is on record."""

from datetime import timedelta

import pytest

from engine.errors import NotFoundError
from engine.operations import braking
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.enrolling_by_hand import enroll
from engine.operations.explain import explain
from engine.store import refusals
from tests.runtime.clockwork import fire
from tests.runtime.stage import Stage

TOUR = """\
enroll:
  when: [{event: form.submitted}]
  if: lead.stage == "lead"
exit: [{if: 'lead.stage == "customer"', goal: bought}]
steps:
  - email: note
  - if: lead.score > 10
    then: [{tag: warm}]
  - assign: {to: li.wei}
  - score: +5
  - wait: 2 days
"""


def told(stage: Stage, playbook: str = "") -> dict[str, str]:
    """What was decided about Ann, with the reasons."""
    found = explain(stage.store, "ann@example.com", playbook=playbook)
    assert [one.at for one in found] == sorted(one.at for one in found)
    return {one.what: one.why for one in found}


def test_a_run_is_told_from_its_trigger_to_where_it_stands(stage: Stage) -> None:
    """Trigger, mail, branch with its values, owner, points, and the wait it is in."""
    stage.publish(tour=TOUR)
    stage.event("form.submitted")
    stage.work()
    decisions = told(stage)
    assert decisions["enrolled in tour"] == "trigger: event form.submitted"
    assert "tour / email-note: accepted" in decisions
    assert "lead.score is 0" in decisions["tour / if-lead-score-10: no"]
    assert decisions["assigned to li.wei"] == "li.wei was named"
    assert decisions["+5 score"].startswith("tour")
    assert any(what.startswith("tour / wait-2-days: waiting until") for what in decisions)


def test_changes_by_people_and_exits_are_told(stage: Stage) -> None:
    """Who changed what, and what ended the run."""
    stage.publish(tour=TOUR)
    stage.event("form.submitted")
    stage.work()
    change_lead(stage.store, "ann@example.com", {"stage": "customer"}, actor="li.wei")
    stage.work()
    decisions = told(stage)
    assert decisions["stage: lead → customer"] == "li.wei"
    assert any("bought" in what for what in decisions)


def test_a_mail_that_waits_says_why(stage: Stage) -> None:
    """The brake, a window, a cap: whatever deferred it."""
    stage.publish(tour=TOUR)
    stage.event("form.submitted")
    braking.pull(stage.store)
    stage.work()
    deferred = next(why for what, why in told(stage).items() if "email deferred until" in what)
    assert "paused" in deferred


def test_what_a_lead_never_got_is_told_too(stage: Stage) -> None:
    """No trigger fired, and whether the rules would let it in now."""
    stage.publish(tour=TOUR, other=TOUR.replace("form.submitted", "order.placed"))
    stage.event("page.viewed", fields={"stage": "sql"})
    why = told(stage)["not enrolled in other"]
    assert "event order.placed" in why
    assert "lead.stage is 'sql'" in why


REFUSING = """\
enroll:
  when:
    - {event: form.submitted, if: event.form == "pricing"}
    - {stage: mql, if: lead.country == "CN"}
    - {event: page.viewed}
  if: lead.score >= 0
  again: after 30 days
steps:
  - tag: in
"""


def refused(stage: Stage) -> list[tuple[str, str]]:
    rows = stage.all(refusals.table)
    return sorted((row["reason"], row["why"]) for row in rows)


def test_who_was_not_let_in_is_told_when_and_why(stage: Stage) -> None:
    """A trigger's own `if`, by an event and by a change; and the rules of entry."""
    stage.publish(tour=REFUSING)
    stage.event("form.submitted", properties={"form": "demo"})
    ((reason, why),) = refused(stage)
    assert reason == "trigger"
    assert "event.form is 'demo'" in why
    stage.turn(hours=2)
    change_lead(stage.store, "ann@example.com", {"stage": "mql"}, actor="test")
    ((_, why),) = refused(stage)
    assert why.startswith('mql: if: lead.country == "CN"')
    stage.event("page.viewed")
    stage.work()
    stage.event("page.viewed")
    assert [one for one, _ in refused(stage)] == ["again-later", "trigger"]
    found = [one for one in explain(stage.store, "ann@example.com") if "not let" in one.what]
    assert [one.what for one in found] == ["not let into tour"] * 2
    assert any("again is after 30 days" in one.why for one in found)


def test_refusals_are_bounded_and_written_once_an_hour(sqlite_stage: Stage) -> None:
    """The latest of each kind is kept; the oldest go with the next; a batch tells nothing plain."""
    stage = sqlite_stage
    stage.publish(tour=REFUSING)
    for _ in range(3):
        for number in range(2):
            stage.event("form.submitted", properties={"form": f"demo-{number}"})
        stage.turn(hours=2)
    (row,) = stage.all(refusals.table)
    assert "demo-0" in row["why"]
    assert row["at"] == stage.store.read(lambda tx: tx.now) - timedelta(hours=2)
    stage.event("page.viewed")
    stage.turn(days=91)
    enroll(stage.store, "tour")
    stage.event("page.viewed")
    assert [one for one, _ in refused(stage)] == ["already-in"]
    enroll(stage.store, "tour")
    assert [one for one, _ in refused(stage)] == ["already-in"]


def test_the_moments_to_come_are_told_and_the_refusal_at_one(sqlite_stage: Stage) -> None:
    """A birthday whose `if` fails on the day leaves its line."""
    stage = sqlite_stage
    stage.publish(
        trial="enroll:\n  when:\n    - {date: 2 days before lead.trial_ends_at, "
        "if: lead.score > 5}\nsteps: [{tag: in}]\n"
    )
    ends = stage.store.read(lambda tx: tx.now) + timedelta(days=5)
    put_lead(stage.store, {"email": "ann@example.com", "trial_ends_at": ends}, actor="test")
    (what,) = [what for what in told(stage) if "will be looked at on" in what]
    assert what.startswith("trial: will be looked at on 2026-03-05T04:00:00")
    stage.turn(days=3, minutes=1)
    assert fire(stage) == 0
    why = told(stage)["not let into trial"]
    assert "lead.score is 0" in why
    assert not [what for what in told(stage) if "will be looked at on" in what]


def test_one_playbook_tells_of_itself_alone(stage: Stage) -> None:
    """Changes and points of others are left out."""
    stage.publish(tour=TOUR, other=TOUR)
    stage.event("form.submitted")
    stage.work()
    assert all("tour" in what for what in told(stage, "tour"))


def test_whom_nobody_knows_is_told(stage: Stage) -> None:
    """The lead or the playbook that is not there."""
    stage.publish(tour=TOUR)
    with pytest.raises(NotFoundError, match="no lead 'bob@"):
        explain(stage.store, "bob@example.com")
    stage.event("page.viewed")
    with pytest.raises(NotFoundError, match="no playbook 'tuor'"):
        explain(stage.store, "ann@example.com", playbook="tuor")


def test_a_trigger_is_named_once(stage: Stage) -> None:
    """A level of the score named 'score' is not called so twice."""
    stage.publish(hot="enroll: {when: [{score: '>= 60'}]}\nsteps: [{tag: hot}]\n")
    stage.event("form.submitted")
    assert "(score >= 60)" in told(stage, "hot")["not enrolled in hot"]
