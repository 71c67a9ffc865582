"""Triggers and exits: what an event or a change sets off, on the edge and never on the level."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.playbook.plan import End, Enroll, Exit, Plan, Trigger
from engine.runtime.matching import (
    Edge,
    Fired,
    Happened,
    exit_by_event,
    fired_by_change,
    fired_by_event,
)

FORM = Happened("e1", "form.submitted", {"form": "trial"})


def a_plan(*triggers: Trigger, exits: tuple[Exit, ...] = ()) -> Plan:
    return Plan(
        playbook="tour",
        enroll=Enroll(triggers=triggers),
        exits=exits,
        ops=(End(step="end", outcome="completed"),),
    )


def on(event: str, cond: str = "") -> Trigger:
    return Trigger(kind="event", event=event, cond=cond)


def scope_of(lead: Mapping[str, Any], happened: Happened | None = None) -> dict[str, object]:
    return {"lead": lead, "event": happened.properties if happened else {}}


def change(plan: Plan, edge: Edge) -> Fired | None:
    was = scope_of(edge.before or {})
    return fired_by_change(plan, edge, scope_of(edge.after), lambda at: was, {})


@pytest.mark.parametrize(
    ("triggers", "fired"),
    [
        ((on("form.submitted"),), Fired(0, "event", "event:e1")),
        ((on("page.viewed"),), None),
        ((on("form.submitted", "event.form == 'trial'"),), Fired(0, "event", "event:e1")),
        ((on("form.submitted", "event.form == 'demo'"),), None),
        (
            (on("form.submitted", "event.form == 'demo'"), on("form.submitted")),
            Fired(1, "event", "event:e1"),
        ),
        ((on("form.submitted"), on("form.submitted")), Fired(0, "event", "event:e1")),
        ((Trigger(kind="manual"), Trigger(kind="cron", cron="0 9 * * *")), None),
    ],
    ids=["its name", "another", "its if", "not its if", "the second", "two are one", "no event"],
)
def test_an_event_sets_off_the_first_trigger_that_it_fits(
    triggers: tuple[Trigger, ...], fired: Fired | None
) -> None:
    """Two items matching one event make one enrollment, whose cause is the event."""
    assert fired_by_event(a_plan(*triggers), FORM, scope_of({}, FORM)) == fired


STAGE = Trigger(kind="stage", stage="lead")
SCORE = Trigger(kind="score", level=40)
FIT = Trigger(kind="score", score="fit", level=10)
SEGMENT = Trigger(kind="segment", cond="lead.country == 'CN' and lead.plan == 'free'")

EDGES: list[Any] = [
    pytest.param(STAGE, {"stage": "visitor"}, {"stage": "lead"}, True, id="enters the stage"),
    pytest.param(STAGE, {"stage": "lead"}, {"stage": "lead"}, False, id="is in the stage"),
    pytest.param(STAGE, {"stage": "mql"}, {"stage": "lead"}, True, id="comes back to it"),
    pytest.param(STAGE, None, {"stage": "lead"}, True, id="is created in it"),
    pytest.param(STAGE, {"stage": "lead"}, {"stage": "mql"}, False, id="leaves it"),
    pytest.param(SCORE, {"score": 39}, {"score": 40}, True, id="reaches the level"),
    pytest.param(SCORE, {"score": 5}, {"score": 90}, True, id="passes the level"),
    pytest.param(SCORE, {"score": 40}, {"score": 60}, False, id="is above it"),
    pytest.param(SCORE, {"score": 60}, {"score": 40}, False, id="falls to it"),
    pytest.param(SCORE, {"score": 60}, {"score": 5}, False, id="falls below it"),
    pytest.param(SCORE, None, {"score": 40}, True, id="is created above it"),
    pytest.param(SCORE, {}, {"score": 40}, True, id="had no score"),
    pytest.param(
        FIT, {"scores": {"fit": {"total": 5}}}, {"scores": {"fit": {"total": 15}}}, True,
        id="another score",
    ),
    pytest.param(FIT, {"score": 5}, {"score": 15}, False, id="not the score it names"),
    pytest.param(
        SEGMENT, {"country": "CN", "plan": "pro"}, {"country": "CN", "plan": "free"}, True,
        id="comes into the segment",
    ),
    pytest.param(
        SEGMENT, {"country": "CN", "plan": "free"}, {"country": "CN", "plan": "free", "city": "X"},
        False, id="is in the segment",
    ),
    pytest.param(
        SEGMENT, None, {"country": "CN", "plan": "free"}, True, id="is created in the segment"
    ),
    pytest.param(
        SEGMENT, {"country": "CN", "plan": "free"}, {"country": "CN"}, False, id="leaves it too"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("trigger", "before", "after", "fires"), EDGES)
def test_a_change_fires_on_the_edge(
    trigger: Trigger, before: dict[str, Any] | None, after: dict[str, Any], fires: bool
) -> None:
    """When it becomes so, and not while it is so."""
    fired = change(a_plan(trigger), Edge(before, after, "c1"))
    assert fired == (Fired(0, trigger.kind, f"{trigger.kind}:0:c1") if fires else None)


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("looked_at", "fires"),
    [
        pytest.param(NOON - timedelta(days=2), True, id="it came in since the last look"),
        pytest.param(NOON - timedelta(hours=1), False, id="it was in at the last look"),
    ],
)
def test_who_came_in_by_time_alone_is_told_at_a_change(looked_at: datetime, fires: bool) -> None:
    """A change must not hide that time had let a record in, unseen by the hourly look."""
    text = "(lead.seen | days_since) >= 30 or lead.score > 50"
    lead = {"seen": NOON - timedelta(days=31)}

    def at(moment: datetime | None, **more: Any) -> dict[str, object]:
        return {"lead": {**lead, **more}, "now": moment or NOON}

    plan = a_plan(Trigger(kind="segment", cond=text))
    edge = Edge(lead, {**lead, "score": 60}, "c1")
    fired = fired_by_change(plan, edge, at(None, score=60), at, {text: looked_at})
    assert (fired is not None) is fires


def test_a_triggers_own_condition_must_hold_as_well() -> None:
    """A score that is crossed by a lead of the wrong country fires nothing, or the next item."""
    chinese = Trigger(kind="score", level=40, cond="lead.country == 'CN'")
    edge = Edge({"score": 5}, {"score": 50, "country": "US"}, "c1")
    assert change(a_plan(chinese), edge) is None
    either = a_plan(chinese, SCORE)
    assert change(either, edge) == Fired(1, "score", "score:1:c1")


BOUGHT = Exit(event="order.placed", cond="event.amount > 10", goal="bought")
ANY = Exit(event="order.placed")


@pytest.mark.parametrize(
    ("exits", "amount", "found"),
    [((BOUGHT, ANY), 50, BOUGHT), ((BOUGHT, ANY), 5, ANY), ((BOUGHT,), 5, None), ((), 50, None)],
    ids=["the goal", "the next", "none holds", "none"],
)
def test_the_first_exit_that_the_event_means(
    exits: tuple[Exit, ...], amount: int, found: Exit | None
) -> None:
    """In the order they are written."""
    order = Happened("e2", "order.placed", {"amount": amount})
    assert exit_by_event(a_plan(exits=exits), order, scope_of({}, order)) == found


def test_an_exit_by_condition_is_no_exit_by_event() -> None:
    """It is looked at by the walk."""
    plan = a_plan(exits=(Exit(cond="lead.score > 1"),))
    assert exit_by_event(plan, FORM, scope_of({"score": 5}, FORM)) is None
