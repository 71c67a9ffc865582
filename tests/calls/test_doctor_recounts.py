"""The doctor over everything that a playbook can do: it adds up at every rest, and damage shows."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from engine.operations import bulk, control, inbox, moving, shadows
from engine.operations.bulk import Driver
from engine.operations.doctor import examine
from engine.operations.edit_deals import put_deal
from engine.store import enrollments, jobs, leads
from tests.calls.conftest import Listening
from tests.calls.listener import Says
from tests.runtime.stage import WORKSPACE, Stage, _edition, soundness

HOUSE = WORKSPACE + "pipelines: {b2b: {stages: [qualify, demo, won: {closes: won}]}}\n"
EVERYTHING = """\
enroll: {when: [{event: form.submitted}, manual]}
steps:
  - split: tone
    arms:
      plain: {weight: 50, steps: [{email: note}]}
      bold: {weight: 50, steps: [{email: other}, {tag: bold}]}
  - webhook: %s
    id: tell
  - approve: "{{ lead.email }}?"
    id: discount
    by: li.wei
    up_to: 2 days
    then: [{deal: {pipeline: b2b, name: Licenses}}]
    else: [{tag: refused}]
  - wait: 3 days
  - end: done
"""
DEALS = """\
for: deal
enroll: {when: [{stage: demo}]}
steps:
  - wait: 1 day
  - email: other
"""


def ill(stage: Stage) -> list[str]:
    soundness(stage)
    return [f"{one.name}: {one.detail}" for one in examine(stage.store) if not one.ok]


@pytest.fixture
def house(stage: Stage, listening: Listening) -> Stage:
    """Twenty leads in bulk and five by their events, up to the question."""
    server = listening(Says(503), Says(200, {"ok": True}))
    text = EVERYTHING % server.url("/hook")
    stage.publish(HOUSE, all=text)
    stage.crowd(20, "page.viewed")
    driver = Driver(stage.store, bulk.begin(stage.store, "all").id, size=7)
    while driver.step():
        assert ill(stage) == []
    for number in range(20, 25):
        stage.event("form.submitted", f"lead{number}")
    assert ill(stage) == []
    for batch in stage.open_batches():
        stage.deliver(batch)
        assert ill(stage) == []
    stage.work()
    stage.turn(minutes=2)
    stage.work()
    assert ill(stage) == []
    later = text.replace("3 days", "1 day")
    shadows.cast(stage.store, _edition(HOUSE, (("all", f"playbook: all\n{later}"),)))
    assert ill(stage) == []
    stage.publish(HOUSE, all=later, deals=DEALS)
    moving.move(stage.store)
    return stage


def test_it_adds_up_at_every_rest_of_a_rich_life(house: Stage) -> None:
    """Splits, calls that were repeated, questions, deals, moves, shadows, bulk and control."""
    assert ill(house) == []
    questions = house.tasks(kind="approval", state="open")
    assert len(questions) == 25
    for number, one in enumerate(questions[:20]):
        inbox.answer(house.store, one["id"], yes=number % 2 == 0, actor="li.wei")
    first, second = [run["id"] for run in house.runs(state="waiting")][:2]
    control.pause(house.store, first)
    control.cancel(house.store, second)
    assert ill(house) == []
    house.work()
    assert ill(house) == []
    put_deal(
        house.store,
        {"name": "Seats", "lead": "lead3@example.com", "stage": "demo", "pipeline": "b2b"},
        actor="tests",
    )
    house.work()
    assert ill(house) == []
    house.turn(days=6)
    house.work()
    assert ill(house) == []
    outcomes = {run["outcome"] for run in house.runs(playbook="all") if run["id"] != first}
    assert outcomes <= {"done", "cancelled"}, outcomes


DAMAGE: dict[str, tuple[str, Callable[[dict[str, Any]], sa.Executable]]] = {
    "a call that is gone": (
        "jobs",
        lambda run: sa.delete(jobs.table).where(jobs.table.c.enrollment == run["id"]),
    ),
    "a question that is gone": (
        "questions", lambda run: sa.text("DELETE FROM task WHERE kind = 'approval'"),
    ),
    "a draw's line that is gone": (
        "step-log",
        lambda run: sa.delete(enrollments.log_table).where(
            enrollments.log_table.c.enrollment == run["id"], enrollments.log_table.c.seq == 0
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_a_rich_life_is_found(house: Stage, damage: str) -> None:
    """By the check that is there for it."""
    check, statement = DAMAGE[damage]
    run = house.runs(state="waiting")[0]
    if check == "jobs":
        waits = sa.update(enrollments.table).where(enrollments.table.c.id == run["id"])
        house.store.write(lambda tx: tx.conn.execute(waits.values(blocked_on="job")))
    house.store.write(lambda tx: tx.conn.execute(statement(run)))
    assert check in {one.partition(":")[0] for one in _ill_only(house)}
    assert house.all(leads.table)


def _ill_only(stage: Stage) -> list[str]:
    return [f"{one.name}: {one.detail}" for one in examine(stage.store) if not one.ok]
