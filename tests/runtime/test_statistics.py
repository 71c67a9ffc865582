"""A playbook in numbers: what `longplay stats` promises."""

from typing import Any

import pytest

from engine.errors import NotFoundError
from engine.operations.statistics import stats
from tests.runtime.stage import Stage
from tests.runtime.test_splits import leads_in, measured

BY_GOAL = """\
cost: 100
enroll: {when: [{event: form.submitted}]}
exit: [{event: order.placed, goal: bought, value: event.amount}]
steps:
  - split: offer
    arms:
      some: {weight: 1, steps: [{tag: offered}]}
      none: {weight: 1, steps: []}
  - wait: 2 days
"""


def arms(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {arm["arm"]: arm for arm in found["arms"]}


def test_the_keys_are_those_of_the_contract(stage: Stage) -> None:
    """Scripts rely on them; a playbook without splits has no arms."""
    stage.publish(tour="enroll: {when: [{event: form.submitted}]}\nsteps: [{tag: a}]\n")
    stage.crowd(3)
    stage.advance()
    found = stats(stage.store, "tour")
    assert found == {
        "playbook": "tour", "entered": 3, "active": 0, "stopped": 0, "finished": {"completed": 3},
        "steps": found["steps"], "arms": [], "goals": 0, "value": 0.0, "cost": 0, "roi": None,
    }  # fmt: skip
    assert set(found["steps"][0]) == {"step", "about", "here", "stopped"}


def test_arms_without_a_winner_are_measured_by_the_goals_of_runs_that_ended(stage: Stage) -> None:
    """Who is still on the way has not been judged; a goal's value is the return."""
    stage.publish(tour=BY_GOAL)
    stage.crowd(40)
    stage.advance()
    buyers = leads_in(stage, "some")[:5]
    for lead in buyers:
        stage.event("order.placed", lead, properties={"amount": 50})
    found = stats(stage.store, "tour")
    assert (found["goals"], found["value"], found["cost"], found["roi"]) == (5, 250.0, 100, 1.5)
    assert (arms(found)["some"]["judged"], arms(found)["some"]["converted"]) == (5, 5)
    assert (arms(found)["none"]["judged"], arms(found)["none"]["rate"]) == (0, None)
    stage.turn(days=3)
    stage.advance()
    found = stats(stage.store, "tour")
    some, none = arms(found)["some"], arms(found)["none"]
    assert some["entered"] + none["entered"] == some["judged"] + none["judged"] == 40
    assert some["rate"] == pytest.approx(5 / some["judged"])
    assert some["interval"][0] < some["rate"] < some["interval"][1]
    assert some["best"] + none["best"] == pytest.approx(1)
    assert some["by"] == "goal"


def test_arms_with_a_winner_are_measured_by_those_who_had_the_time(stage: Stage) -> None:
    """Before that nothing is known, and nothing is said."""
    stage.publish(tour=measured(30))
    stage.crowd(30)
    stage.advance()
    stage.event("order.placed", leads_in(stage, "some")[0])
    early = arms(stats(stage.store, "tour"))
    assert [(arm["judged"], arm["best"]) for arm in early.values()] == [(0, None)] * 2
    stage.turn(days=2, minutes=1)
    late = arms(stats(stage.store, "tour"))
    assert sum(arm["judged"] for arm in late.values()) == 30
    assert (late["some"]["converted"], late["some"]["by"]) == (1, "order.placed")


def test_an_arm_of_an_older_version_is_shown_as_former(stage: Stage) -> None:
    """What it did is not lost with it."""
    stage.publish(tour=BY_GOAL)
    stage.crowd(20)
    stage.advance()
    stage.publish(tour=BY_GOAL.replace("      none:", "      nothing:"))
    found = arms(stats(stage.store, "tour"))
    assert list(found) == ["some", "nothing", "none"]
    assert (found["none"]["weight"], found["nothing"]["entered"]) == (None, 0)
    assert found["none"]["entered"] > 0


def test_a_playbook_that_is_not_there_is_told(stage: Stage) -> None:
    """With the one that was probably meant."""
    stage.publish(tour=BY_GOAL)
    with pytest.raises(NotFoundError, match="no playbook 'tuor'") as caught:
        stats(stage.store, "tuor")
    assert "tour" in caught.value.help
