"""Scores: points, limits, fading, thresholds; what is late, and what is old."""

from datetime import timedelta

from engine.operations import firing, leads_view, merging, publish, rescoring, scoring_view
from engine.operations.edit_leads import change_lead
from engine.operations.intake import IncomingEvent, take_in
from engine.store import enrollments, scores
from tests.runtime.stage import Stage, edition_with

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


def selected(stage: Stage, where: str) -> int:
    return leads_view.count(stage.store, where)


def test_points_have_reasons_and_fade(sqlite_stage: Stage) -> None:
    """An event's points are in the ledger with their reason, and fade by half in a half-life."""
    stage = sqlite_stage
    stage.publish(points=RULES)
    stage.event("form.submitted")
    stage.event("page.viewed", properties={"path": "/pricing"})
    stage.event("page.viewed", properties={"path": "/blog"})
    assert (shown(stage)["score"], shown(stage)["grade"]) == (40, "B")
    assert sorted(ledger(stage)) == [
        (10, 'page.viewed if event.path == "/pricing"'), (30, "asked for something"),
    ]  # fmt: skip
    assert stage.clock is not None
    stage.clock.turn(timedelta(days=30))
    assert (shown(stage)["score"], selected(stage, "lead.score == 20")) == (20, 1)


def test_limits_cut_what_is_given(stage: Stage) -> None:
    """A rule gives no more than its limit in a period, and says so."""
    stage.publish(points=RULES)
    for _ in range(3):
        stage.event("page.viewed", properties={"path": "/pricing"})
    given = [points for points, _ in ledger(stage)]
    assert (sorted(given), shown(stage)["score"]) == ([0, 5, 10], 15)
    rows = scoring_view.explain(stage.store, "ann@example.com").lines
    assert any("at most 15 in 7 days" in row.reason for row in rows)


def test_fit_follows_the_lead(stage: Stage) -> None:
    """Fit is worked out when the lead changes, and never piles up."""
    stage.publish(points=RULES)
    stage.event("page.viewed", fields={"title": "市场总监"})
    stage.event("page.viewed", fields={"title": "市场总监"})
    assert shown(stage)["score"] == 20
    change_lead(stage.store, "ann@example.com", {"title": "实习生"}, actor="test")
    assert shown(stage)["score"] == 0
    assert sorted(points for points, _ in ledger(stage)) == [-20, 20]


def test_a_threshold_fires_once_a_crossing(sqlite_stage: Stage) -> None:
    """A threshold fires when it is reached, and again only after the total fell below it."""
    stage = sqlite_stage
    stage.publish(points=RULES)
    stage.event("form.submitted")
    assert runs(stage) == 0
    stage.event("form.submitted")
    assert runs(stage) == 1
    stage.work()
    assert shown(stage)["tags"] == ["hot"]
    stage.event("form.submitted")
    stage.work()
    assert runs(stage) == 1
    assert stage.clock is not None
    stage.clock.turn(timedelta(days=90))
    assert shown(stage)["score"] == 11
    stage.event("form.submitted")
    assert runs(stage) == 2


def test_both_must_become_true(stage: Stage) -> None:
    """A total that is reached while the condition is false fires when that becomes true."""
    stage.publish(points=RULES)
    stage.event("page.viewed", fields={"stage": "visitor"})
    stage.event("form.submitted")
    stage.event("form.submitted")
    assert runs(stage) == 0
    change_lead(stage.store, "ann@example.com", {"stage": "lead"}, actor="test")
    assert runs(stage) == 1


def test_crossings_in_one_batch_fire_once(stage: Stage) -> None:
    """Several crossings in one batch of events fire once."""
    stage.publish(points=RULES)
    names = ["form.submitted", "form.submitted", "email.unsubscribed", "form.submitted"]
    batch = [IncomingEvent(name, {"email": "ann@example.com"}) for name in names]
    assert take_in(stage.store, batch).accepted == 4
    assert (runs(stage), shown(stage)["score"]) == (1, 65)


def test_old_events_score_and_start_nothing(sqlite_stage: Stage) -> None:
    """An event that is older than a day is scored at its own time, and starts nothing."""
    stage = sqlite_stage
    stage.publish(points=RULES)
    assert stage.clock is not None
    long_ago = stage.clock.now - timedelta(days=30)
    for _ in range(4):
        stage.event("form.submitted", at=long_ago)
    assert (shown(stage)["score"], runs(stage)) == (60, 0)
    stage.event("form.submitted")
    assert (shown(stage)["score"], runs(stage)) == (90, 0)


def test_a_late_event_counts_at_its_own_time(sqlite_stage: Stage) -> None:
    """Events come in any order; the score, the ledger and the limits are those of their times."""
    stage = sqlite_stage
    stage.publish(points=RULES)
    assert stage.clock is not None
    now = stage.clock.now
    views = [
        IncomingEvent(
            "page.viewed",
            {"email": f"{who}@example.com"},
            id=f"{who}{days}",
            properties={"path": "/pricing"},
            at=now - timedelta(days=days),
        )
        for who, order in (("ann", (9, 5, 1)), ("bo", (1, 5, 9)))
        for days in order
    ]
    for one in views:
        take_in(stage.store, [one])
    first, other = (sorted(ledger(stage, f"{who}@example.com")) for who in ("ann", "bo"))
    assert first == other
    assert shown(stage)["scores"] == shown(stage, "bo@example.com")["scores"]


def test_the_ledger_comes_to_the_same(sqlite_stage: Stage) -> None:
    """Working a score out from the ledger finds nothing different."""
    stage = sqlite_stage
    stage.publish(points=RULES)
    assert stage.clock is not None
    for number in range(6):
        stage.event("page.viewed", properties={"path": "/pricing"}, fields={"title": "cto"})
        stage.event("form.submitted" if number % 2 else "email.unsubscribed")
        stage.clock.turn(timedelta(days=2, hours=number))
    found = rescoring.from_ledger(stage.store, None, [], dry=True)
    assert (found.leads, found.differences) == (1, 0)


def test_steps_of_playbooks_add_points(stage: Stage) -> None:
    """`score: +10` adds behavior points that fade like others, and may reach a threshold."""
    more = "enroll: {when: [{event: page.viewed}], again: always}\nsteps: [{score: +20}]\n"
    stage.publish(points=RULES, more=more)
    stage.event("form.submitted")
    stage.event("page.viewed", properties={"path": "/blog"})
    stage.work()
    assert (shown(stage)["score"], runs(stage)) == (50, 1)
    assert (20, "more/score-20") in ledger(stage)


def test_an_apply_scores_anew_and_fires_nothing(stage: Stage) -> None:
    """A change of rules counts for all leads; who reaches a threshold by it is passed over."""
    stage.publish(points=RULES)
    stage.event("form.submitted")
    stage.event("form.submitted", "bo")
    stage.publish(points=RULES.replace("at: 40", "at: 25").replace("C: 0", "C: 0, D: -5"))
    while firing.fire_due(stage.store).more:
        pass
    stage.event("page.viewed", properties={"path": "/blog"})
    assert runs(stage) == 0


def test_an_apply_may_fire(stage: Stage) -> None:
    """An apply that says so runs the steps for those who reach a threshold by it."""
    stage.publish(points=RULES)
    stage.event("form.submitted")
    edition = edition_with(points=RULES.replace("at: 40", "at: 25"))
    publish.publish(stage.store, edition, fires=True)
    while firing.fire_due(stage.store).more:
        pass
    assert runs(stage) == 1


def test_a_fall_is_found_in_time(sqlite_stage: Stage) -> None:
    """Whoever waits for a total to fall is woken when it does, and the grade is another."""
    stage = sqlite_stage
    cold = (
        "enroll: {when: [{event: form.submitted}]}\n"
        "steps: [{wait_for: {if: lead.score < 12}, up_to: forever}, {tag: cold}]\n"
    )
    stage.publish(points=RULES, cold=cold)
    stage.event("form.submitted")
    stage.event("form.submitted", "bo")
    stage.work()
    assert stage.clock is not None
    stage.clock.turn(timedelta(days=41))
    firing.fire_due(stage.store)
    stage.work()
    assert shown(stage)["tags"] == []
    stage.clock.turn(timedelta(days=1))
    firing.fire_due(stage.store)
    stage.work()
    assert (shown(stage)["tags"], shown(stage)["grade"]) == (["cold"], "C")


def test_idle_leads_lose_points(sqlite_stage: Stage) -> None:
    """With points for idleness, some are taken after a time without any, and again and again."""
    stage = sqlite_stage
    idle = RULES.replace("{half_life: 30 days}", "{points: -5, every: 7 days, idle: 14 days}")
    stage.publish(points=idle)
    stage.event("form.submitted")
    assert stage.clock is not None
    found = []
    for days in (13, 1, 7, 60):
        stage.clock.turn(timedelta(days=days))
        firing.fire_due(stage.store)
        found.append((shown(stage)["score"], selected(stage, "lead.score >= 25")))
    assert found == [(30, 1), (25, 1), (20, 0), (0, 0)]


def test_merged_leads_have_their_points_together(stage: Stage) -> None:
    """Of two leads that are one person the points add up, and the ledger comes to the same."""
    stage.publish(points=RULES)
    stage.event("form.submitted", fields={"title": "cto"})
    stage.event("form.submitted", "amy")
    merging.merge(stage.store, "ann@example.com", "amy@example.com", actor="test")
    assert (shown(stage)["score"], shown(stage)["grade"]) == (80, "A")
    assert rescoring.from_ledger(stage.store, None, [], dry=True).differences == 0


def test_a_plan_counts_who_would_cross(stage: Stage) -> None:
    """Before rules are applied it is told how many leads would cross which threshold."""
    stage.publish(points=RULES)
    for lead in ("ann", "bo", "amy"):
        stage.event("form.submitted", lead)
    stage.event("form.submitted", "bo")
    lower = edition_with(points=RULES.replace("at: 40", "at: 25"))
    found = publish.preview(stage.store, lower).scores["points"]
    assert [(one.up, one.down, one.above) for one in found.crossings] == [(2, 0, 3)]
    higher = edition_with(points=RULES.replace("at: 40", "at: 70"))
    found = publish.preview(stage.store, higher).scores["points"]
    assert [(one.up, one.down, one.above) for one in found.crossings] == [(0, 1, 0)]
    known = "fit:\n  - {if: lead.email is defined, points: 15}\n"
    richer = edition_with(points=RULES.replace("fit:\n", known))
    found = publish.preview(stage.store, richer).scores["points"]
    assert (found.changed, found.crossings[0].up) == (3, 2)
    assert publish.preview(stage.store, edition_with(points=RULES)).scores == {}


def test_named_scores_stand_beside_the_first(stage: Stage) -> None:
    """A second playbook keeps a score of its own name, with its own range and thresholds."""
    intent = (
        "kind: scoring\nscore: intent\nrange: 0..20\n"
        "behavior: [{event: form.submitted, points: 15}]\n"
        "thresholds: [{name: keen, at: 20, steps: [{tag: keen}]}]\n"
    )
    stage.publish(points=RULES, intent=intent)
    stage.event("form.submitted")
    stage.event("form.submitted")
    stage.work()
    scores_of = shown(stage)["scores"]
    assert isinstance(scores_of, dict)
    assert (scores_of["intent"]["total"], scores_of["score"]["total"]) == (20, 60)
    where = "lead.scores.intent.total == 20 and lead.scores.intent.behavior > 29"
    assert selected(stage, where) == 1
    assert sorted(str(shown(stage)["tags"]).split("'")[1::2]) == ["hot", "keen"]


def test_taken_points_that_fade_lift_a_lead(sqlite_stage: Stage) -> None:
    """Negative points fade as others do: the total rises, and reaches a threshold in time."""
    stage = sqlite_stage
    fit = RULES.replace("points: 20", "points: 45")
    stage.publish(points=fit)
    stage.event("email.unsubscribed", fields={"title": "cto"})
    assert (shown(stage)["score"], runs(stage)) == (20, 0)
    assert stage.clock is not None
    stage.clock.turn(timedelta(days=74))
    firing.fire_due(stage.store)
    assert (shown(stage)["score"], runs(stage)) == (40, 1)
