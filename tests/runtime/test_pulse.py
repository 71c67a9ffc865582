"""The runtime's pulse: true counts on both databases, read along indexes, kept for a moment."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine import metrics
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import DeferralClass, Deferred, InDoubt, Outcome, Reply
from engine.operations import braking, heartbeats
from engine.operations.exposition import KEPT, StoreReading
from engine.operations.heartbeats import Vitals
from engine.operations.pacer import HAS_PLACE, HAS_SLOT
from engine.operations.pulse import Glance, Pulse, glance, pulse
from engine.operations.reasons import OTHER, why_deferred, why_skipped
from engine.store.database import Store
from tests.runtime.stage import Stage

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
WAITS = ON_FORM + "steps:\n  - wait: 1 hour\n  - tag: waited\n"
MAILS = ON_FORM + "steps:\n  - {email: note, as: transactional, in_doubt: hold}\n  - wait: 1 day\n"
ENDS = ON_FORM + "steps:\n  - tag: seen\n"


def pulse_of(stage: Stage) -> Pulse:
    return stage.store.read(pulse)


def test_states_due_and_late_are_counted_by_playbook(stage: Stage) -> None:
    """Who waits is open; who is due is due at once, late after five seconds; who is through is
    counted no more."""
    stage.publish(waits=WAITS, ends=ENDS)
    stage.crowd(7)
    fresh = pulse_of(stage).playbooks["waits"]
    assert (fresh.states, fresh.due, fresh.late) == ({"pending": 7}, 7, 0)
    stage.work()
    resting = pulse_of(stage).playbooks
    assert (resting["waits"].states, resting["waits"].due) == ({"waiting": 7}, 0)
    assert (resting["ends"].open, resting["ends"].states) == (0, {})
    assert pulse_of(stage).oldest_due == 0
    stage.turn(hours=1, seconds=30)
    late = pulse_of(stage)
    assert (late.playbooks["waits"].due, late.playbooks["waits"].late) == (7, 7)
    assert 25 < late.oldest_due < 300


def test_messages_batches_and_the_brake_are_seen(stage: Stage) -> None:
    """Open batches with their age, what is put off and why, what is in doubt."""
    stage.publish(mails=MAILS)
    greylisted = Deferred(
        Reply(451, "4.7.1", "ann@example.com"), DeferralClass.GREYLISTED, timedelta(minutes=9)
    )
    outcomes: Sequence[Outcome] = [greylisted, InDoubt("the link broke")]
    left = list(outcomes)
    stage.transport = MemoryTransport(lambda _: left.pop(0) if left else None)
    stage.courier = replace(stage.courier, transport=stage.transport)
    stage.crowd(4)
    stage.advance()
    before = pulse_of(stage)
    assert set(before.queues) == {"longplay-email"}
    stage.work()
    seen = glance(stage.store)
    assert (seen.pulse.deferred, seen.pulse.in_doubt) == (1, 1)
    assert dict(seen.reasons) == {"greylisted": 1} and not seen.very_many
    assert seen.pulse.queues == {}
    braking.pull(stage.store, "mails", actor="test")
    assert pulse_of(stage).brake == {"mails"}


def test_a_glance_is_json_and_names_nobody(stage: Stage) -> None:
    """What scripts get holds counts and ids of processes."""
    stage.publish(mails=MAILS)
    stage.event("form.submitted", "ann")
    told = json.dumps(glance(stage.store).as_json(), default=str)
    assert "ann" not in told and "@" not in told
    assert json.loads(told)["playbooks"][0]["due"] == 1


def test_an_empty_store_has_a_pulse(stage: Stage) -> None:
    """Before anything is published there is nothing, and no fault."""
    found: Glance = glance(stage.store)
    assert (found.workspace, found.pulse.playbooks, found.reasons) == ("", {}, {})


def test_sqlite_reads_nothing_but_indexes(sqlite_stage: Stage) -> None:
    """No statement walks a table of enrollments, jobs or steps."""
    sqlite_stage.publish(mails=MAILS)
    sqlite_stage.crowd(3)
    asked: list[tuple[str, object]] = []

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def _note(_c: object, _k: object, statement: str, values: object, *_: object) -> None:
        asked.append((statement, values))

    try:
        glance(sqlite_stage.store)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", _note)
    plans = []
    with sqlite_stage.store.engine.connect() as conn:
        for statement, values in asked:
            if statement.startswith("SELECT"):
                plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
                plans += [str(row[3]) for row in plan]
    assert len(plans) > 8
    walked = [one for one in plans if one.startswith("SCAN") and "INDEX" not in one]
    assert not [one for one in walked if one.split()[1] in {"enrollment", "job", "step_log"}]


def test_the_store_is_not_asked_again_for_a_moment(sqlite_store: Store) -> None:
    """For five seconds, or for twenty times as long as it took: being watched costs little."""
    now, asked = [0.0], [0]

    class Slow(Store):
        def read(self, work):  # type: ignore[no-untyped-def]
            asked[0] += 1
            now[0] += 2.0
            return super().read(work)

    store = Slow(sqlite_store.url)
    reading = StoreReading(store, clock=lambda: now[0])
    list(reading.collect())
    now[0] += KEPT
    list(reading.collect())
    assert asked[0] == 1
    now[0] += 40.0
    list(reading.collect())
    assert asked[0] == 2
    store.close()


def test_vitals_are_of_the_last_minute() -> None:
    """What was done before is forgotten; what was done since is told."""
    now = [0.0]
    vitals = Vitals("build-1", clock=lambda: now[0])
    assert json.loads(vitals.detail())["steps"] == 0
    metrics.STEPS.count("p", by=50)
    now[0] = 10
    assert json.loads(vitals.detail()) == {"build": "build-1", "steps": 50, "mails": 0}
    metrics.MESSAGES.count("email", "accepted", by=3)
    metrics.MESSAGES.count("email", "bounced")
    for now[0] in (30, 60, 70):
        told = json.loads(vitals.detail())
    assert (told["steps"], told["mails"]) == (0, 3)


def test_silent_processes_are_forgotten(stage: Stage) -> None:
    """A day after its last sign of life a process leaves the table."""
    heartbeats.beat(stage.store, "old:1", "sender")
    stage.turn(days=2)
    heartbeats.beat(stage.store, "new:1", "sender")
    assert [row["process"] for row in stage.all(heartbeats.table)] == ["new:1"]
    assert [one.name for one in pulse_of(stage).processes] == ["new:1"]


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("paused", "brake"),
        ("the enrollment is paused", "enrollment_paused"),
        ("outside the send window", "window"),
        ("outside the send window; it expires before that", "window"),
        ("over the cap of 2 per 7 days", "cap"),
        (HAS_SLOT, "rate"),
        (HAS_PLACE, "room"),
        ("greylisted: 451 4.7.1 <ann@example.com>", "greylisted"),
        ("in doubt: the link broke", "in_doubt"),
        ("answered 503: no", "answer"),
        ("no connection: refused", "not_sent"),
        ("<ann@example.com> says no", OTHER),
        ("", OTHER),
    ],
)
def test_sentences_become_words(sentence: str, word: str) -> None:
    """Each reason that the ledger gives is a word that the metric declares."""
    assert why_deferred(sentence) == word
    assert f"`{word}`" in metrics.DEFERRALS.labels["reason"]


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("the enrollment has left this step", "left_step"),
        ("the lead has no address", "no_address"),
        ("the address is suppressed: bounced", "suppressed"),
        ("unsubscribed from all", "unsubscribed"),
        ("expired", "expired"),
        ("over the cap of 2 per day", "cap"),
    ],
)
def test_skips_become_words(sentence: str, word: str) -> None:
    """The same of what is never sent."""
    assert why_skipped(sentence) == word
    assert f"`{word}`" in metrics.SKIPS.labels["reason"]
