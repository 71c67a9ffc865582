"""Bulk enrollments: slices, pauses, deaths and lame leads, on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import bulk
from engine.operations.bulk import Driver
from engine.operations.enrolling_by_hand import enroll, enroll_all
from engine.operations.sweeper import neglected
from engine.store import leads
from tests.runtime.stage import Stage

BY_HAND = "enroll: {when: [manual], again: always}\nsteps:\n  - tag: in\n"
NURTURE = "enroll: {when: [manual]}\nsteps:\n  - tag: in\n"


@pytest.fixture
def crowd(stage: Stage) -> Stage:
    """Thirty leads and a playbook that takes them by hand."""
    stage.publish(tour=BY_HAND, once=NURTURE)
    stage.crowd(30)
    return stage


def drive(driver: Driver, steps: int = 1_000) -> int:
    """Steps until it is done; answers how many."""
    for number in range(1, steps + 1):
        if not driver.step():
            return number
    return steps


def test_everybody_enters_once_slice_by_slice(crowd: Stage) -> None:
    """The numbers add up, and the enrollments go into the bulk lane."""
    began = bulk.begin(crowd.store, "tour", actor="ann")
    assert drive(Driver(crowd.store, began.id, size=7)) > 4
    row = bulk.show(crowd.store, began.id)
    assert (row["state"], row["enrolled"], row["looked"], row["total"]) == ("finished", 30, 30, 30)
    runs = crowd.runs()
    assert len({run["record"] for run in runs}) == len(runs) == 30
    assert all("/bulk/" in run["cohort"] for run in runs)


def test_a_condition_selects_and_the_others_are_counted(crowd: Stage) -> None:
    """Those it does not hold of are skipped, with the reason."""
    answer = enroll(crowd.store, "tour", where='lead.email in ["lead3@example.com", "x@y.cn"]')
    assert (answer.enrolled, answer.skipped) == (1, {"where": 29})
    assert enroll(crowd.store, "once", where="lead.score >= 0").enrolled == 30
    again = enroll(crowd.store, "once", where="lead.score >= 0")
    assert (again.enrolled, again.skipped) == (0, {"already-in": 30})


@pytest.mark.parametrize("size", [4, 30])
def test_a_process_that_dies_repeats_and_leaves_out_nobody(crowd: Stage, size: int) -> None:
    """Another one goes on from the row; two at once do no harm either."""
    began = bulk.begin(crowd.store, "tour")
    first, second = (Driver(crowd.store, began.id, size=size) for _ in range(2))
    first.step()
    while second.step():
        first.step()
    row = bulk.show(crowd.store, began.id)
    assert (row["state"], row["enrolled"], row["looked"]) == ("finished", 30, 30)
    assert len(crowd.runs()) == 30


def test_a_slice_that_another_has_worked_off_is_dropped(crowd: Stage) -> None:
    """What was selected behind an old cursor enrolls nobody a second time."""
    began = bulk.begin(crowd.store, "tour")
    stale = crowd.store.read(lambda tx: bulk._look(tx, began.id, 10))
    assert stale is not None
    Driver(crowd.store, began.id, size=10).step()
    assert crowd.store.write(lambda tx: bulk._enroll(began.id, stale, tx))
    assert len(crowd.runs()) == 10


def test_pausing_stops_it_and_resuming_goes_on(crowd: Stage) -> None:
    """Nobody enters while it is paused."""
    began = bulk.begin(crowd.store, "tour")
    driver = Driver(crowd.store, began.id, size=10)
    driver.step()
    bulk.control(crowd.store, began.id, "pause")
    assert not driver.step()
    assert len(crowd.runs()) == 10
    nudged: set[str] = set()
    crowd.store.on_commit(nudged.update)
    bulk.control(crowd.store, began.id, "resume")
    assert nudged == {f"longplay-bulk-{began.id}"}
    assert enroll_all(crowd.store, began.id).enrolled == 30


def test_cancelling_keeps_who_has_entered_and_is_final(crowd: Stage) -> None:
    """It cannot be resumed."""
    began = bulk.begin(crowd.store, "tour")
    driver = Driver(crowd.store, began.id, size=10)
    driver.step()
    assert bulk.control(crowd.store, began.id, "cancel")["state"] == "cancelled"
    assert not driver.step()
    assert len(crowd.runs()) == 10
    with pytest.raises(InputError, match="cancelled already"):
        bulk.control(crowd.store, began.id, "resume")


def test_what_cannot_be_begun_is_said(crowd: Stage) -> None:
    """A misspelt playbook or condition leaves no row behind."""
    with pytest.raises(NotFoundError, match="no playbook 'toru'"):
        bulk.begin(crowd.store, "toru")
    with pytest.raises(InputError, match=r"lead\.scor"):
        bulk.begin(crowd.store, "tour", where="lead.scor > 3")
    with pytest.raises(NotFoundError, match="no bulk enrollment 'x'"):
        bulk.show(crowd.store, "x")
    assert crowd.store.read(bulk.listing) == []


def test_a_playbook_that_is_retired_ends_it_with_the_reason(crowd: Stage) -> None:
    """It says so, and does not go on for ever."""
    began = bulk.begin(crowd.store, "tour")
    Driver(crowd.store, began.id, size=10).step()
    crowd.publish(once=NURTURE)
    with pytest.raises(InputError, match="no playbook 'tour'"):
        enroll_all(crowd.store, began.id)
    assert bulk.show(crowd.store, began.id)["state"] == "failed"


def test_one_nobody_is_at_gets_its_driver_back(crowd: Stage) -> None:
    """The sweeper nudges what was left lying for a quarter of a minute, and nothing sooner."""
    began = bulk.begin(crowd.store, "tour")
    driver = f"longplay-bulk-{began.id}"
    assert driver not in neglected(crowd.store)
    crowd.turn(seconds=20)
    assert driver in neglected(crowd.store)
    enroll_all(crowd.store, began.id)
    crowd.turn(seconds=20)
    assert driver not in neglected(crowd.store)


def test_a_lame_lead_is_left_out_alone(crowd: Stage) -> None:
    """One row that cannot be read stops nobody else."""
    (row,) = crowd.read(sa.select(leads.table.c.id).where(leads.table.c.email_key.like("lead5@%")))
    crowd.store.write(
        lambda tx: tx.conn.exec_driver_sql(f"UPDATE lead SET fields = '[]' WHERE id = '{row[0]}'")
    )
    began = bulk.begin(crowd.store, "tour")
    answer = enroll_all(crowd.store, began.id)
    assert (answer.enrolled, answer.skipped) == (29, {"failed": 1})


def test_who_comes_while_it_goes_on_is_looked_at_too(crowd: Stage) -> None:
    """Ids ascend, so that a lead made meanwhile stands behind the cursor."""
    began = bulk.begin(crowd.store, "tour")
    Driver(crowd.store, began.id, size=10).step()
    crowd.turn(seconds=timedelta(seconds=1).total_seconds())
    crowd.event("page.viewed", "late")
    answer = enroll_all(crowd.store, began.id)
    assert answer.enrolled == 31
