"""Enrolling by hand: whom a condition means, and who was named."""

import pytest

from engine.errors import InputError
from engine.operations.enrolling_by_hand import enroll
from engine.store import leads
from tests.runtime.stage import Stage

BY_HAND = "enroll: {when: [manual], again: always}\nsteps:\n  - tag: in\n"


def a_stage(stage: Stage) -> Stage:
    stage.publish(tour=BY_HAND)
    stage.event("order.placed", "ann")
    stage.event("page.viewed", "bob")
    return stage


def test_a_condition_that_counts_events_sees_them(stage: Stage) -> None:
    """`--where` selects by what leads did, as everywhere else."""
    a_stage(stage)
    answer = enroll(stage.store, "tour", where="(lead | count('order.placed', '9 days')) >= 1")
    assert (answer.enrolled, answer.skipped) == (1, {"where": 1})


def test_a_lead_that_is_named_twice_is_enrolled_once(stage: Stage) -> None:
    """By another spelling of its address, or by its id too."""
    a_stage(stage)
    (lead,) = [one["id"] for one in stage.all(leads.table, email="ann@example.com")]
    answer = enroll(stage.store, "tour", names=["ann@example.com", "Ann@Example.com", lead])
    assert answer.enrolled == 1


def test_a_lead_that_nobody_knows_is_named(stage: Stage) -> None:
    """And nobody is enrolled."""
    a_stage(stage)
    with pytest.raises(InputError, match="no lead 'eve@"):
        enroll(stage.store, "tour", names=["ann@example.com", "eve@example.com"])
    assert stage.runs() == []
