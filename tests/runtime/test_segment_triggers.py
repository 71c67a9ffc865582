"""Segment triggers: on the edge, by a change, an event, or time alone."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.operations.clocks import LOOKS, table
from engine.operations.edit_leads import change_lead
from engine.operations.firing import fire_due
from engine.operations.segment_looks import look
from engine.store import leads
from engine.store.database import Transaction
from tests.runtime.stage import WORKSPACE, Stage

SLEEPY = "(lead.last_seen_at | days_since) >= 30"
STEPS = "steps:\n  - tag: in\n"


def on(segment: str, *, again: str = "never") -> str:
    return f'enroll: {{when: [{{segment: "{segment}"}}], again: {again}}}\n{STEPS}'


def hourly(stage: Stage) -> None:
    """Does what the clocks' driver does when an hour has passed."""
    stage.turn(hours=1, seconds=1)
    for _ in range(50):
        if not fire_due(stage.store).more:
            return
    raise AssertionError("it does not come to rest")


def seen(stage: Stage, name: str = "ann", **ago: float) -> None:
    """A lead that was last seen so long ago."""
    stage.event("page.viewed", name)

    def work(tx: Transaction) -> None:
        mine = leads.table.c.email == f"{name}@example.com"
        at = tx.now - timedelta(**ago)
        tx.conn.execute(sa.update(leads.table).where(mine).values(last_seen_at=at))

    stage.store.write(work)


def test_time_alone_lets_a_lead_in_within_the_hour(stage: Stage) -> None:
    """Nobody touches it; the hourly look finds it, once."""
    stage.publish(wake=on(SLEEPY))
    seen(stage, days=29, hours=23.5)
    seen(stage, "bob", days=3)
    assert stage.runs() == []
    hourly(stage)
    assert stage.run()["cause"].startswith("segment:0:")
    hourly(stage)
    assert len(stage.runs()) == 1


def test_who_is_in_it_at_the_apply_is_left_alone(stage: Stage) -> None:
    """Triggers fire on what happens after the apply."""
    stage.publish(other=f"enroll: {{when: [manual]}}\n{STEPS}")
    seen(stage, days=40)
    stage.publish(wake=on(SLEEPY, again="always"))
    hourly(stage)
    assert stage.runs() == []


def test_a_named_segment_that_names_another_is_looked_at_too(stage: Stage) -> None:
    """Whether time matters is asked through every name."""
    segments = f'segments: {{sleepy: "{SLEEPY}", cold: "segment.sleepy and lead.score < 5"}}\n'
    stage.publish(WORKSPACE + segments, wake=on("cold"))
    seen(stage, days=29, hours=23.5)
    hourly(stage)
    assert len(stage.runs()) == 1


def test_a_change_in_between_neither_hides_nor_doubles_it(stage: Stage) -> None:
    """Time let it in, then a change came before the look: it fires at the change, and once."""
    stage.publish(wake=on(f"{SLEEPY} or lead.title == 'CTO'", again="always"))
    seen(stage, days=29, hours=23.5)
    stage.turn(minutes=45)
    change_lead(stage.store, "ann@example.com", {"title": "CTO"}, actor="test")
    assert len(stage.runs()) == 1
    hourly(stage)
    assert len(stage.runs()) == 1


def test_without_such_a_segment_nothing_is_looked_at(stage: Stage) -> None:
    """The look is armed by the apply that needs it, and ended by the one that does not."""
    stage.publish(wake=on(SLEEPY))
    assert len(stage.all(table, kind="look")) == 1
    stage.publish(wake=on("lead.score >= 50"))
    assert stage.all(table, kind="look") == []
    assert LOOKS["segments"] is look


@pytest.mark.parametrize("within", ["", ", '90 days'"])
def test_an_event_alone_lets_a_lead_in(stage: Stage, within: str) -> None:
    """A segment that counts events is looked at when one comes, though no field changes."""
    stage.publish(buyer=on(f"(lead | count('order.placed'{within})) >= 2", again="always"))
    stage.event("order.placed")
    assert stage.runs() == []
    stage.event("order.placed")
    assert len(stage.runs()) == 1
    stage.work()
    stage.event("order.placed")
    assert len(stage.runs()) == 1


def test_a_segment_within_a_segment_is_asked_as_it_was(stage: Stage) -> None:
    """The lead before the change is what the named segment is asked about."""
    segments = "segments: {chinese: \"lead.country == 'CN'\"}\n"
    stage.publish(WORKSPACE + segments, wake=on("segment.chinese and lead.score >= 0"))
    stage.event("page.viewed")
    assert stage.runs() == []
    change_lead(stage.store, "ann@example.com", {"country": "CN"}, actor="test")
    assert len(stage.runs()) == 1


def test_applying_another_text_of_a_named_segment_fires_nothing(stage: Stage) -> None:
    """Who is in it by the new text is in it already; later changes fire by the new text."""
    stage.publish(WORKSPACE + 'segments: {hot: "lead.score >= 50"}\n', wake=on("hot"))
    stage.event("page.viewed")
    stage.publish(WORKSPACE + 'segments: {hot: "lead.score >= 0"}\n', wake=on("hot"))
    change_lead(stage.store, "ann@example.com", {"city": "Hangzhou"}, actor="test")
    assert stage.runs() == []
