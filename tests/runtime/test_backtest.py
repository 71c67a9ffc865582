"""Backtests: the past played through rules, what that foretold, and that nothing looks ahead."""

import csv
import random
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import NotFoundError
from engine.operations import leads_view, published
from engine.operations.backtest import Backtest, Question, backtest
from engine.operations.backtest_picture import picture
from engine.operations.edit_leads import change_lead
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.pasts import Asked, Past, walk
from engine.runtime.foretelling import Foretold, sign_test
from engine.runtime.rulebook import Rulebook
from engine.runtime.score_replay import Replay, asked_of
from engine.runtime.scoring import micros
from engine.store.database import Store
from tests.runtime.stage import Stage, edition_with

DAY = 86_400_000_000
OLD = """\
kind: scoring
range: 0..100
fit:
  - if: lead.title is matching("总监|cto")
    points: 20
behavior:
  - event: form.submitted
    points: 30
  - event: page.viewed
    if: event.path == "/pricing"
    points: 10
    at_most: 15 per 7 days
  - event: email.unsubscribed
    points: -25
decay: {half_life: 30 days}
thresholds:
  - name: hot
    at: 38
    if: not lead.country == "US"
    steps:
      - tag: hot
"""
NEW = OLD.replace("points: 30", "points: 40")


def asked_back(stage: Stage, new: str = OLD, **question: object) -> Backtest:
    edition = edition_with(points=new)
    return backtest(stage.store, edition, Question(**question))  # type: ignore[arg-type]


def did(stage: Stage, name: str, lead: str, days: float = 0, **properties: object) -> None:
    """An event so many days after now, the clock being turned there."""
    stage.turn(days=days)
    stage.event(name, lead, properties=properties)


def totals(store: Store) -> Mapping[str, int]:
    """What a replay of the published rules comes to, by address."""
    current = store.read(published.current)
    scoring = current.plans["points"].scoring
    assert scoring is not None
    book, found = Rulebook("points", scoring), {}
    now = store.read(lambda tx: micros(tx.now))

    def take(past: Past) -> None:
        replay = Replay(book, asked_of(scoring))
        replay.begin(past.scope)
        for one in past.moments():
            if one.kind == "event":
                replay.event(one.name, one.value, past.scope, one.at)
            elif one.kind == "change":
                replay.changed(one.name, past.scope, one.at)
            else:
                replay.points(one.value, past.scope, one.at)
        found[past.email] = replay.total(now)

    walk(
        store,
        current,
        Asked(frozenset(), names=book.events, scores=frozenset({"score"})),
        take=take,
    )
    return found


def test_a_replay_comes_to_the_score_that_is_kept(sqlite_stage: Stage) -> None:
    """Limits, fading, negative points, changed fields, late events, a step's points: all alike."""
    stage, dice = sqlite_stage, random.Random(1)
    adds = "kind: nurture\nenroll:\n  when:\n    - event: form.submitted\nsteps:\n  - score: +7\n"
    stage.publish(points=OLD, adds=adds)
    for _ in range(90):
        stage.turn(hours=dice.uniform(1, 60))
        lead = f"lead{dice.randrange(8)}"
        name = dice.choice(("form.submitted", "page.viewed", "page.viewed", "email.unsubscribed"))
        fields = {"title": dice.choice(("总监", "CTO", "intern"))} if dice.random() < 0.3 else {}
        assert stage.clock is not None
        late = timedelta(hours=dice.uniform(1, 200)) if dice.random() < 0.3 else timedelta()
        path = dice.choice(("/pricing", "/blog"))
        stage.event(name, lead, fields=fields, at=stage.clock.now - late, properties={"path": path})
        if name == "form.submitted":
            stage.work()
    stage.turn(days=3)
    kept = {
        row["email"]: leads_view.show(stage.store, row["id"])["score"]
        for row in leads_view.listing(stage.store)
    }
    assert totals(stage.store) == kept
    assert len(set(kept.values())) > 3


CASES = {
    "in time": (10, 50, (1, 1, 1, 1)),
    "too late to be right": (10, 110, (1, 1, 0, 0)),
    "never came": (10, None, (1, 1, 0, 0)),
    "after the outcome": (60, 50, (0, 0, 0, 0)),
    "at the very outcome": (50, 50, (0, 0, 0, 0)),
    "too young to be judged": (350, None, (1, 0, 0, 0)),
    "young, and caught": (350, 360, (1, 0, 0, 1)),
    "never crossed": (None, 50, (0, 0, 0, 0)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_crossing_counts_for(
    case: tuple[int | None, int | None, tuple[int, int, int, int]],
) -> None:
    """Precision judges what is old enough, recall every outcome, and nothing counts afterwards."""
    at, outcome, counts = case
    told = Foretold()
    told.count(
        None if at is None else at * DAY, None if outcome is None else outcome * DAY,
        365 * DAY, 90 * DAY,
    )  # fmt: skip
    assert (told.crossed, told.judged, told.right, told.caught) == counts


def test_few_say_little() -> None:
    """One of one is no certainty, and an uneven split of five may be chance."""
    told = Foretold()
    told.count(DAY, 3 * DAY, 365 * DAY, 90 * DAY)
    low, high = told.precision.interval
    assert (told.precision.value, told.lead_days) == (1, (2, 2, 2))
    assert (round(low, 2), high) == (0.21, 1)
    assert [round(sign_test(*pair), 4) for pair in ((0, 5), (2, 2), (0, 0))] == [0.0625, 1, 1]
    assert sign_test(4000, 6000) < 1e-9


def history(stage: Stage) -> Stage:
    """Ann came by a form and the prices, and bought; Ben by a form, and did not; Cy only bought."""
    stage.publish(points=OLD)
    did(stage, "form.submitted", "ann")
    did(stage, "form.submitted", "ben")
    stage.event("page.viewed", "cy", properties={"path": "/blog"})
    did(stage, "page.viewed", "ann", 2, path="/pricing")
    stage.turn(days=1)
    for lead in ("ann", "cy"):
        change_lead(stage.store, f"{lead}@example.com", {"stage": "customer"}, actor="test")
    return stage


@pytest.fixture
def told(sqlite_stage: Stage) -> Stage:
    """That history."""
    return history(sqlite_stage)


def test_rules_are_compared_over_the_same_leads(stage: Stage, tmp_path: Path) -> None:
    """Who would have crossed by the new rules, when, and how many outcomes that was ahead of."""
    told = history(stage)
    told.turn(days=200)
    edition, who = edition_with(points=NEW), tmp_path / "who.csv"
    found = backtest(told.store, edition, Question(), who=who)
    old, new = found.lines
    assert (found.leads, found.outcomes) == (3, 2)
    assert (old.told.crossed, new.told.crossed) == (1, 2)
    assert (new.told.right, new.told.judged, new.told.caught) == (1, 2, 1)
    assert [round(one) for one in new.told.lead_days or ()] == [3, 3, 3]
    both = found.compared["points", "hot"]
    assert (both.crossed, both.caught) == ([1, 0, 1], [1, 0, 0])
    rows = {row["email"]: row for row in csv.DictReader(who.read_text("utf-8-sig").splitlines())}
    assert set(rows) == {f"{name}@example.com" for name in ("ann", "ben", "cy")}
    ben, cy = rows["ben@example.com"], rows["cy@example.com"]
    assert ben["new_crossed_at"] and not ben["old_crossed_at"]
    assert cy["outcome_at"] and not cy["new_crossed_at"]
    assert rows["ann@example.com"]["new_days_before"] == "3.0"
    drawn = picture(found)
    assert drawn.startswith("<svg") and "points.hot" in drawn and "3 leads, 2 outcomes" in drawn


def test_nothing_looks_ahead(told: Stage) -> None:
    """What a lead did, or became, at or after its outcome would have foretold nothing."""
    told.turn(days=1)
    told.event("form.submitted", "cy", fields={"title": "总监"})
    told.event("form.submitted", "cy")
    told.turn(days=200)
    found = asked_back(told)
    (line,) = found.lines
    assert (line.told.crossed, line.told.caught) == (1, 1)


def test_a_field_counts_from_when_it_was_known(sqlite_stage: Stage) -> None:
    """Fit is what the lead was then, not what it is today."""
    stage = sqlite_stage
    stage.publish(points=NEW)
    stage.event("page.viewed", "ann", properties={"path": "/pricing"})
    stage.event("page.viewed", "ann", properties={"path": "/pricing"})
    stage.turn(days=1)
    change_lead(stage.store, "ann@example.com", {"title": "市场总监"}, actor="test")
    stage.turn(days=1)
    stage.event("page.viewed", "ann", properties={"path": "/pricing"})
    found = asked_back(stage, NEW.replace("at: 38", "at: 34"))
    assert [line.told.crossed for line in found.lines] == [0, 1]
    stage.turn(days=100)
    only = asked_back(stage, NEW.replace("at: 38", "at: 30"), until=None)
    assert only.lines[1].told.judged == 1


def test_conditions_of_thresholds_are_asked_where_the_past_tells(told: Stage) -> None:
    """What a lead was counts; the stage does not, because the former rules had moved it."""
    change_lead(told.store, "ben@example.com", {"country": "US"}, actor="test")
    told.turn(days=1)
    did(told, "form.submitted", "ben")
    assert asked_back(told).lines[0].told.crossed == 1
    by_stage = OLD.replace('not lead.country == "US"', 'lead.stage == "lead"')
    found = asked_back(told, by_stage)
    assert [line.told.crossed for line in found.lines] == [1, 2]
    assert any("is not asked of the past" in note for note in found.notes)


def test_a_window_and_other_outcomes(told: Stage) -> None:
    """Outcomes before the window leave their leads out; events can be outcomes as well."""
    told.turn(days=30)
    take_in(told.store, [IncomingEvent("order.placed", {"email": "ben@example.com"})])
    told.turn(days=1)
    found = asked_back(told, ends=("order.placed",))
    assert (found.leads, found.outcomes) == (3, 3)
    now = told.store.read(lambda tx: tx.now)
    later = asked_back(told, ends=("order.placed",), since=now - timedelta(days=5))
    assert (later.leads, later.outcomes, later.before) == (1, 1, 2)
    earlier = asked_back(told, until=now - timedelta(days=32))
    assert (earlier.leads, earlier.outcomes) == (3, 0)


def test_what_does_not_exist_is_named(told: Stage) -> None:
    """A misspelt stage, event or score is answered with what was probably meant."""
    edition = edition_with(points=OLD)
    for question, score, hint in (
        (Question(became="custmer"), "", "customer"),
        (Question(ends=("order.place",)), "", "order.placed"),
        (Question(), "scor", "score"),
    ):
        with pytest.raises(NotFoundError) as caught:
            backtest(told.store, edition, question, score=score)
        assert f"'{hint}'" in caught.value.help


def test_a_threshold_that_makes_its_own_outcome_is_told(told: Stage) -> None:
    """Rules that move leads to the outcome themselves prove little, and the answer says so."""
    circular = OLD.replace("- tag: hot", "- stage: opportunity")
    found = asked_back(told, circular)
    assert any("itself moves leads to an outcome" in note for note in found.notes)
