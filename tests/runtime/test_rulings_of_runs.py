"""Rulings of the language that take more than one run, or events that no scenario can say."""

from datetime import timedelta

import pytest

from engine.operations.following import Followed, click
from engine.operations.intake import IncomingEvent, take_in
from tests.runtime.stage import NOON, Stage, steps


def _outcomes(stage: Stage) -> list[str]:
    runs = sorted(stage.runs(), key=lambda run: (run["entered_at"], run["ended_at"] is None))
    return [run["outcome"] or run["state"] for run in runs]


def test_an_event_ends_a_run_and_begins_the_next(stage: Stage) -> None:
    """`exit` comes before `enroll` on one event, so that `again: always` restarts."""
    stage.publish(
        cart=steps(
            "enroll: {when: [{event: page.viewed}], again: always}",
            "exit: [{event: page.viewed, goal: back}]",
            "steps: [{wait: 5 days}]",
        )
    )
    for _ in range(3):
        stage.event("page.viewed")
        stage.work()
        stage.turn(hours=1)
    assert _outcomes(stage) == ["back", "back", "waiting"]


def test_two_triggers_that_fit_one_event_make_one_run(stage: Stage) -> None:
    """Two items of `when` that match one event make one enrollment."""
    stage.publish(
        both=steps(
            "enroll:",
            "  when: [{event: page.viewed}, {event: page.viewed, if: event.path == '/pricing'}]",
            "  again: always",
            "steps: [{tag: a}]",
        )
    )
    stage.event("page.viewed", properties={"path": "/pricing"})
    stage.work()
    assert _outcomes(stage) == ["completed"]


def test_crossings_in_one_batch_fire_once(stage: Stage) -> None:
    """Several crossings of a score in one batch of events make one run, with `always` too."""
    stage.publish(
        points=steps(
            "enroll: {when: [{event: page.viewed}], again: always}",
            "steps: [{score: +10}, {score: -10}, {score: +10}, {score: -10}, {score: +10}]",
        ),
        hot=steps(
            "enroll: {when: [{score: '>= 10'}], again: never}",
            "steps: [{tag: hot}]",
        ),
    )
    stage.event("page.viewed")
    stage.work()
    assert len(stage.runs(playbook="hot")) == 1


def test_what_machines_click_satisfies_nothing(stage: Stage) -> None:
    """Clicks and opens by machines are recorded, and end no wait, no run and start none."""
    stage.publish(
        mail=steps(
            "enroll: {when: [{event: form.submitted}]}",
            "exit: [{event: email.clicked, goal: clicked}]",
            "steps:",
            "  - email: note",
            "    id: hello",
            "  - wait_for: email.clicked",
            "    from: hello",
            "    up_to: 1 day",
            "    then: [{tag: human}]",
            "    else: [{tag: quiet}]",
        ),
        clicked=steps("enroll: {when: [{event: email.clicked}]}", "steps: [{tag: started}]"),
    )
    stage.event("form.submitted")
    stage.work()
    link = Followed(stage.job()["id"], 0, "https://www.example.com/start")
    click(stage.store, link, machine=True)
    stage.work()
    assert stage.run(playbook="mail")["state"] == "waiting"
    stage.turn(days=1, seconds=1)
    stage.work()
    assert stage.lead()["tags"] == ["quiet"]
    assert stage.runs(playbook="clicked") == []


@pytest.mark.parametrize(("hours", "count"), [(23, 1), (25, 0)])
def test_old_events_start_nothing(sqlite_stage: Stage, hours: int, count: int) -> None:
    """An event older than 24 hours is kept, and starts nothing."""
    stage = sqlite_stage
    stage.publish(
        late=steps("enroll: {when: [{event: form.submitted}]}", "steps: [{tag: a}]"),
    )
    at = NOON - timedelta(hours=hours)
    take_in(stage.store, [IncomingEvent("form.submitted", {"email": "ann@example.com"}, at=at)])
    assert len(stage.runs()) == count


def test_leave_names_a_key(stage: Stage) -> None:
    """`leave` with a key ends the run of that key alone."""
    stage.publish(
        order=steps(
            "enroll: {when: [{event: order.placed}], key: event.id}",
            "steps: [{wait: 9 days}]",
        ),
        refund=steps(
            "enroll: {when: [{event: form.submitted}], again: always}",
            "steps: [{leave: order, key: event.order}]",
        ),
    )
    for number in ("A1", "A2"):
        stage.event("order.placed", properties={"id": number, "amount": 1})
    stage.work()
    stage.event("form.submitted", properties={"order": "A2"})
    stage.work()
    ended = {run["key"]: run["outcome"] or run["state"] for run in stage.runs(playbook="order")}
    assert ended == {"A1": "waiting", "A2": "left"}


def test_a_dropped_trigger_is_explained(stage: Stage) -> None:
    """A trigger while a run of the same key is active is dropped."""
    stage.publish(
        one=steps(
            "enroll: {when: [{event: form.submitted}], again: always}", "steps: [{wait: 1 day}]"
        )
    )
    stage.event("form.submitted")
    stage.work()
    answer = stage.event("form.submitted")
    assert len(stage.runs()) == 1
    ((_, playbook, decline),) = answer.reaction.declined
    assert playbook == "one"
    assert "active" in decline.why or "in the playbook" in decline.why, decline.why


def test_after_counts_from_the_end(sqlite_stage: Stage) -> None:
    """`again: after 90 days` counts from the end of the last run, not from its beginning."""
    stage = sqlite_stage
    stage.publish(
        slow=steps(
            "enroll: {when: [{event: form.submitted}], again: after 90 days}",
            "steps: [{wait: 30 days}]",
        )
    )
    counts = []
    for days in (0, 31, 60, 31):
        stage.turn(days=days)
        stage.work()
        stage.event("form.submitted")
        stage.work()
        counts.append(len(stage.runs()))
    assert counts == [1, 1, 1, 2]
