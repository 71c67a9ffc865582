"""`wait: {until: …}`: it follows the field, and what came while nobody was there has come."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.runtime.clockwork import FIELDS, in_, put, turn
from tests.runtime.stage import Stage, steps

START = "enroll: {when: [{event: form.submitted}], again: always}\n"
WAIT = START + steps(
    "steps:",
    "  - wait: {until: 2 days before lead.trial_ends_at}",
    "    id: soon",
    "    on_past: %s",
    "    on_missing: %s",
    "    then:",
    "      - tag: then",
    "  - wait: 1 day",
    "    id: rest",
    "  - tag: after",
)
SKIP = WAIT % ("skip", "skip")


def enter(stage: Stage, playbook: str = SKIP, **span: float) -> None:
    """A lead whose trial ends in `span` comes to the wait."""
    stage.publish(FIELDS, until=playbook)
    put(stage, trial_ends_at=in_(stage, **span) if span else None)
    stage.event("form.submitted")
    stage.work()


def did(stage: Stage) -> list[str]:
    return [f"{step} {outcome}" for step, outcome in stage.log()]


def test_what_comes_then_is_done_when_the_moment_comes(stage: Stage) -> None:
    """Two days before the end, and the next wait counts from there."""
    enter(stage, days=9)
    turn(stage, days=6, hours=23)
    stage.work()
    assert did(stage) == []
    turn(stage, hours=2)
    stage.work()
    assert did(stage) == ["soon waited", "tag-then tagged"]
    turn(stage, hours=23)
    stage.work()
    assert did(stage)[-1] == "end completed"


MOVED: list[tuple[Mapping[str, float] | None, float, list[str]]] = [
    ({"days": 20}, 9, []),
    ({"days": 4}, 2, ["soon waited", "tag-then tagged"]),
    ({"days": 1}, 0, ["soon skip"]),
    (None, 0, ["soon skip"]),
]


@pytest.mark.parametrize(
    ("moved", "days", "done"), MOVED, ids=["later", "earlier", "into the past", "taken away"]
)
def test_the_wait_follows_the_field(
    stage: Stage, moved: Mapping[str, float] | None, days: float, done: list[str]
) -> None:
    """Moved into the past or taken away, `on_past` and `on_missing` say what to do."""
    enter(stage, days=9)
    put(stage, trial_ends_at=in_(stage, **moved) if moved else None)
    turn(stage, days=days, seconds=1)
    stage.work()
    assert did(stage)[:2] == done


def test_after_a_field_is_taken_away_the_next_wait_begins_then(stage: Stage) -> None:
    """Not at the beginning of the wait that is no more."""
    enter(stage, days=90)
    turn(stage, days=30)
    put(stage, trial_ends_at=None)
    stage.work()
    assert did(stage) == ["soon skip"]
    turn(stage, hours=25)
    stage.work()
    assert did(stage)[-1] == "end completed"


def test_a_moment_that_came_while_nobody_was_there_has_come(stage: Stage) -> None:
    """It is no past moment: the run had reached the wait before, and `then` is done late."""
    enter(stage, days=9)
    turn(stage, days=8)
    stage.work()
    assert did(stage)[:2] == ["soon waited", "tag-then tagged"]


def test_a_field_moved_while_nobody_was_there_still_comes(stage: Stage) -> None:
    """Moved to a time that was still to come when it was moved, and has come since."""
    enter(stage, days=9)
    put(stage, trial_ends_at=in_(stage, days=5))
    turn(stage, days=4)
    stage.event("page.viewed")
    stage.work()
    assert did(stage)[:2] == ["soon waited", "tag-then tagged"]


def test_a_run_that_came_late_to_its_wait_loses_nothing(stage: Stage) -> None:
    """The step before ended while nobody was there, and so did the wait: both have been."""
    playbook = SKIP.replace("steps:\n", "steps:\n  - wait: 1 day\n    id: first\n")
    enter(stage, playbook, days=5)
    turn(stage, days=4)
    stage.work()
    assert did(stage)[:3] == ["first waited", "soon waited", "tag-then tagged"]


def test_next_monday_is_counted_from_the_end_of_the_step_before(sqlite_stage: Stage) -> None:
    """However late somebody looks: the loop has its three mondays, none is left out."""
    stage = sqlite_stage
    mondays = START + steps(
        "steps:",
        "  - repeat: {times: 3}",
        "    steps:",
        "      - wait: {until: next monday 09:00}",
        "        id: monday",
        "      - score: +1",
    )
    stage.publish(FIELDS, mondays=mondays)
    stage.event("form.submitted")
    stage.work()
    stage.turn(days=16)
    stage.work()
    assert stage.lead()["score"] == 2
    stage.turn(days=7)
    stage.work()
    assert stage.run()["outcome"] == "completed"


MISSING = [("end", "date-missing"), ("continue", "completed"), ("skip", "completed")]


@pytest.mark.parametrize(("policy", "outcome"), MISSING)
def test_what_a_missing_field_means(stage: Stage, policy: str, outcome: str) -> None:
    """The run ends, goes on with `then`, or leaves it out."""
    enter(stage, WAIT % ("skip", policy))
    turn(stage, days=1, seconds=1)
    stage.work()
    assert stage.run()["outcome"] == outcome
    assert ("then" in stage.lead()["tags"]) == (policy == "continue")


ZONES: list[tuple[str, str]] = [
    ("timezone: lead", "2026-03-02T14:00:00+00:00"),
    ("timezone: Europe/Berlin", "2026-03-02T08:00:00+00:00"),
    ("note: nothing said", "2026-03-02T14:00:00+00:00"),
]


@pytest.mark.parametrize(("option", "until"), ZONES, ids=["lead", "a zone", "none"])
def test_the_zone_of_a_wait(sqlite_stage: Stage, option: str, until: str) -> None:
    """The lead's, unless the step names one."""
    stage = sqlite_stage
    stage.publish(
        FIELDS, nine=START + f"steps:\n  - wait: {{until: next monday 09:00}}\n    {option}\n"
    )
    put(stage, timezone="America/New_York")
    stage.event("form.submitted")
    stage.work()
    assert stage.run()["until_at"] == datetime.fromisoformat(until)


def test_a_lead_that_moves_moves_the_wait(sqlite_stage: Stage) -> None:
    """Nine o'clock is nine o'clock where the lead is now."""
    stage = sqlite_stage
    stage.publish(FIELDS, nine=START + "steps:\n  - wait: {until: 2026-03-05 09:00}\n")
    stage.event("form.submitted")
    stage.work()
    before = stage.run()["until_at"]
    put(stage, timezone="America/New_York")
    stage.work()
    assert stage.run()["until_at"] - before == timedelta(hours=13)


EXPIRES: list[tuple[str, Mapping[str, Any], str]] = [
    ("7 days", {}, "2026-03-09T04:00:00+00:00"),
    ("1440 minutes", {}, "2026-03-03T04:00:00+00:00"),
    ("2 business days", {}, "2026-03-04T04:00:00+00:00"),
    ("2026-03-05 09:00", {}, "2026-03-05T01:00:00+00:00"),
    ("next friday 18:00", {}, "2026-03-06T10:00:00+00:00"),
    ("1 day before lead.trial_ends_at", {"trial_ends_at": "2026-03-20 12:00"},
     "2026-03-19T04:00:00+00:00"),
    ("lead.trial_ends_at", {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("expires", "fields", "at"), EXPIRES, ids=[one[0] for one in EXPIRES])
def test_a_mail_expires_after_a_length_or_at_a_time(
    sqlite_stage: Stage, expires: str, fields: Mapping[str, Any], at: str
) -> None:
    """As `send:` says it for all mails; a field that is empty sets no end."""
    stage = sqlite_stage
    stage.publish(FIELDS, mail=START + f"send: {{expires: {expires}}}\nsteps:\n  - email: note\n")
    put(stage, **fields)
    stage.event("form.submitted")
    stage.open_batches()
    assert stage.job()["params"].get("expires_at", "") == at


def test_a_task_is_due_after_a_length_or_at_a_time(sqlite_stage: Stage) -> None:
    """Both are written in the same place."""
    stage = sqlite_stage
    stage.publish(
        FIELDS,
        call=START + "steps:\n  - task: Call\n    due: 1 business day\n"
        "  - task: Ask\n    due: 2 days before lead.trial_ends_at\n",
    )
    put(stage, trial_ends_at="2026-03-20 12:00")
    stage.event("form.submitted")
    stage.work()
    due = {task["subject"]: task["due_at"].isoformat() for task in stage.tasks()}
    assert due == {
        "Call": "2026-03-03T04:00:00+00:00",
        "Ask": "2026-03-18T04:00:00+00:00",
    }


AGAIN = [("30 days", 29, 31), ("5 business days", 6, 8)]


@pytest.mark.parametrize(("span", "early", "late"), AGAIN)
def test_again_counts_from_the_end_of_the_last_time(
    sqlite_stage: Stage, span: str, early: float, late: float
) -> None:
    """Not from its beginning; business days are days that the calendar works on."""
    stage = sqlite_stage
    start = START.replace("always", f"after {span}")
    stage.publish(FIELDS, slow=start + "steps:\n  - wait: 10 days\n")
    stage.event("form.submitted")
    stage.work()
    stage.turn(days=10)
    stage.work()
    for days, runs in ((early, 1), (late - early, 2)):
        stage.turn(days=days)
        stage.event("form.submitted")
        stage.work()
        assert len(stage.runs()) == runs
