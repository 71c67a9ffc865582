"""What people do about escalations: acknowledge, snooze, pause, resume, done."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import control, escalations, inbox
from engine.store import deals, events
from engine.store import escalations as acts
from engine.store.database import Transaction
from tests.runtime.stage import Stage, soundness
from tests.runtime.stalling import SALES, STALLED, levels, line, move, opened, turn


def _activities(tx: Transaction) -> list[Any]:
    return list(
        tx.conn.execute(sa.select(events.table).where(events.table.c.name == "deal.activity"))
        .mappings()
        .all()
    )


def deal_of(stage: Stage) -> str:
    (row,) = stage.all(deals.table)
    return str(row["id"])


def test_an_acknowledgement_holds_further_levels_back(stage: Stage) -> None:
    """The clock goes on: what has come due meanwhile fires when the time is over."""
    stage.publish(SALES, stalled=STALLED.replace("resets_on", "acknowledge: 3 days, resets_on"))
    opened(stage)
    turn(stage, days=2)
    told = escalations.acknowledge(stage.store, line(stage)["id"], actor="li.wei")
    assert (told["act"], told["level"]) == ("acknowledged", 1)
    assert line(stage)["text"].startswith("acknowledged by li.wei until 20")
    turn(stage, days=2)
    assert levels(stage) == [("fired", 1, 1), ("acknowledged", 1, 1)]
    turn(stage, days=1)
    assert levels(stage)[-1] == ("fired", 2, 1)


def test_a_snooze_lets_the_clock_stand_still(stage: Stage) -> None:
    """What was left of the time is left afterwards; the inbox shows it again then."""
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    turn(stage, days=2)
    until = stage.store.read(lambda tx: tx.now) + timedelta(days=5)
    escalations.snooze(stage.store, line(stage)["id"], until, actor="li.wei")
    assert inbox.listing(stage.store, kinds=("escalation",)) == []
    turn(stage, days=6, hours=23)
    assert [act for act, *_ in levels(stage)] == ["fired", "snoozed"]
    turn(stage, hours=1)
    assert levels(stage)[-1] == ("fired", 2, 1)


def test_a_pause_keeps_its_reason_until_somebody_resumes(sqlite_stage: Stage) -> None:
    """It has no end of its own; resumed, the clock goes on where it stood."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    stage.work()
    run = stage.run()["id"]
    escalations.pause(stage.store, run, "等客户回复", actor="li.wei")
    turn(stage, days=30)
    assert levels(stage) == [("paused", 0, 1)]
    escalations.resume(stage.store, run, actor="li.wei")
    turn(stage, days=1, hours=23)
    assert len(levels(stage)) == 2
    turn(stage, hours=1)
    assert levels(stage)[-1] == ("fired", 1, 1)
    rows = stage.store.read(lambda tx: acts.acts_of(tx, runs=[run]))
    assert [(row["act"], row["by"], row["reason"]) for row in rows][:2] == [
        ("paused", "li.wei", "等客户回复"), ("resumed", "li.wei", ""),
    ]  # fmt: skip


def test_what_a_pause_waited_for_ends_it(sqlite_stage: Stage) -> None:
    """Another round begins with a clock that runs."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    deal = opened(stage)
    stage.work()
    escalations.pause(stage.store, stage.run()["id"])
    stage.event("deal.activity", deal=deal)
    stage.work()
    stage.turn(days=2)
    stage.work()
    assert levels(stage)[-1] == ("fired", 1, 1)


@pytest.mark.parametrize("stops", [True, False], ids=["a watch that contact ends", "another"])
def test_done_counts_as_activity(stage: Stage, stops: bool) -> None:
    """It ends the watch that activity ends; any other begins anew, with the first round."""
    clock = "stops_on" if stops else "rounds: 5, resets_on"
    stage.publish(SALES, stalled=STALLED.replace("resets_on", clock))
    opened(stage)
    turn(stage, days=2)
    id = line(stage)["id"]
    escalations.done(stage.store, id, result="he signs on Friday", actor="li.wei")
    stage.work()
    (event,) = stage.store.read(_activities)
    assert (event["properties"]["result"], event["deal"]) == ("he signs on Friday", deal_of(stage))
    assert inbox.listing(stage.store, kinds=("escalation",)) == []
    turn(stage, days=2)
    again = [("fired", 1, 1)] if not stops else []
    assert levels(stage) == [("fired", 1, 1), ("done", 1, 1), *again]


def test_what_people_do_is_refused_where_it_means_nothing(sqlite_stage: Stage) -> None:
    """An escalation that is over, a time that is past, a clock that runs, an id of nothing."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    deal = opened(stage)
    stage.work()
    run = stage.run()["id"]
    with pytest.raises(InputError, match="its clock is running"):
        escalations.resume(stage.store, run)
    with pytest.raises(InputError, match="is past"):
        escalations.snooze(stage.store, run, stage.store.read(lambda tx: tx.now))
    with pytest.raises(InputError, match="longer than 500"):
        escalations.pause(stage.store, run, "x" * 501)
    with pytest.raises(NotFoundError, match="no escalation has the id 'nothing'"):
        escalations.acknowledge(stage.store, "nothing")
    move(stage, deal, "review")
    with pytest.raises(InputError, match="the escalation is over"):
        escalations.acknowledge(stage.store, run)


def test_a_run_that_is_held_stands_still_and_skip_fires_the_next_level(sqlite_stage: Stage) -> None:
    """Pausing the enrollment is a stop of the clock; skipping its wait ends it."""
    stage = sqlite_stage
    stage.publish(SALES, stalled=STALLED)
    opened(stage)
    stage.work()
    run = stage.run()["id"]
    control.pause(stage.store, run)
    turn(stage, days=5)
    control.resume(stage.store, run)
    stage.work()
    assert levels(stage) == []
    control.skip(stage.store, run)
    stage.work()
    assert levels(stage) == [("fired", 1, 1)]
    soundness(stage)
