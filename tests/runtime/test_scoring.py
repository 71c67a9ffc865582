"""Scores: points, limits, fading, thresholds; what is late, and what is old."""

from datetime import timedelta

import pytest

from engine.errors import InputError
from engine.operations import leads_view
from engine.operations.edit_leads import change_lead
from engine.store import enrollments, scores
from tests.runtime.stage import Stage

RULES = """\
kind: scoring
range: 0..100
fit:
  - if: lead.title is matching("总监|cto")
    points: 20
behavior:
  - event: form.submitted
    points: 30
    note: asked for something
  - event: page.viewed
    if: event.path == "/pricing"
    points: 10
    at_most: 15 per 7 days
  - event: email.unsubscribed
    points: -25
decay: {half_life: 30 days}
grades: {A: 80, B: 40, C: 0}
thresholds:
  - name: hot
    at: 40
    if: lead.stage == "lead"
    steps:
      - tag: hot
"""


def shown(stage: Stage, lead: str = "ann@example.com") -> dict[str, object]:
    return leads_view.show(stage.store, lead)


def ledger(stage: Stage, lead: str = "ann@example.com") -> list[tuple[float, str]]:
    id = str(shown(stage, lead)["id"])
    rows = stage.store.read(lambda tx: scores.of_lead(tx, id))
    return [(row["points"], row["reason"]) for row in rows]


def runs(stage: Stage, playbook: str = "points.hot") -> int:
    return len(stage.store.read(lambda tx: enrollments.page(tx, playbook=playbook)))


def test_points_have_reasons_and_fade(stage: Stage) -> None:
    """An event's points are in the ledger with their reason, and fade by half in a half-life."""
    stage.publish(points=RULES)
    stage.event("form.submitted")
    stage.event("page.viewed", properties={"path": "/pricing"})
    stage.event("page.viewed", properties={"path": "/blog"})
    assert (shown(stage)["score"], shown(stage)["grade"]) == (40, "B")
    assert ledger(stage) == [
        (30, "asked for something"), (10, 'page.viewed if event.path == "/pricing"'),
    ]  # fmt: skip
    assert stage.clock is not None
    stage.clock.turn(timedelta(days=30))
    assert shown(stage)["score"] == 20
