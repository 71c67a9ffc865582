"""Explaining: what a lead got and did not get, and why, from what is on record."""

import pytest

from engine.errors import NotFoundError
from engine.operations import braking
from engine.operations.edit_leads import change_lead
from engine.operations.explain import explain
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
