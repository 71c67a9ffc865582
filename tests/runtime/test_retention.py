"""What is over goes when longplay.yaml says so; what something still asks for never does."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities._caught import tidy_once
from engine.mail.catcher import caught, keep_mail
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import InDoubt
from engine.operations import clocks, doctor, pacer, retention, slowness, throttles
from engine.operations.firing import fire_due
from engine.store import enrollments, events, jobs, refusals
from engine.store.database import Transaction
from engine.store.retention_tables import PastEvent
from tests.runtime.stage import WORKSPACE, Stage, soundness, steps

POLICY = """\
retention: {events: 100 days, messages: 100 days, steps: 100 days, enrollments: 100 days}
"""
MAIL = """\
enroll: {when: [{event: form.submitted}], again: always}
steps:
  - email: note
  - tag: told
"""
past: sa.Table = PastEvent.__table__  # type: ignore[attr-defined]


def published(stage: Stage, playbook: str = MAIL, policy: str = POLICY) -> None:
    stage.publish(WORKSPACE + policy, hello=playbook)


def tidy(stage: Stage) -> None:
    """A pass from its beginning to its end."""
    cursor = look(stage, "")
    for _ in range(100):
        if cursor is None:
            return
        cursor = look(stage, cursor)
    raise AssertionError("the pass does not end")


def look(stage: Stage, cursor: str) -> str | None:
    return stage.store.write(lambda tx: retention.look(tx, cursor))


def names(stage: Stage) -> list[str]:
    return sorted(row["name"] for row in stage.all(events.table))


def faults(stage: Stage) -> list[str]:
    well = ("worker", "clock")
    return [one.name for one in doctor.examine(stage.store) if not one.ok and one.name not in well]


def test_what_is_over_goes_after_its_time_and_nothing_before(stage: Stage) -> None:
    """A lead that came twice: of the first run only the ledger's empty line is left."""
    published(stage)
    stage.event("form.submitted", id="one")
    stage.work()
    tidy(stage)
    assert names(stage) == ["form.submitted"]
    stage.turn(days=101)
    stage.event("form.submitted", id="two")
    stage.work()
    tidy(stage)
    assert [row["id"] for row in stage.all(events.table)] == ["two"]
    old, new = sorted(stage.jobs(), key=lambda job: str(job["created_at"]))
    assert (old["address"], old["subject"], old["reason"]) == ("", "", "")
    assert old["links"] and old["accepted_at"] is not None
    assert new["address"] == "ann@example.com"
    assert [run["event"] for run in stage.runs()] == ["two"]
    assert {line["enrollment"] for line in stage.all(enrollments.log_table)} == {new["enrollment"]}
    soundness(stage)
    assert faults(stage) == []


def test_an_event_that_went_is_not_taken_for_new(stage: Stage) -> None:
    """A client that sends it again after years enrolls nobody a second time."""
    published(stage)
    stage.event("form.submitted", id="one")
    stage.work()
    stage.turn(days=101)
    tidy(stage)
    assert names(stage) == []
    assert stage.event("form.submitted", id="one").duplicates == 1
    assert len(stage.runs()) == 1
    assert [row["id"] for row in stage.all(past)] == ["one"]


def test_the_last_enrollment_stays_because_again_asks_for_it(stage: Stage) -> None:
    """`again: never` holds for ever, though the step log has gone; the doctor knows."""
    published(stage, MAIL.replace("again: always", "again: never"))
    stage.event("form.submitted")
    stage.work()
    stage.turn(days=101)
    tidy(stage)
    assert stage.all(enrollments.log_table) == []
    stage.event("form.submitted")
    stage.work()
    assert len(stage.runs()) == 1
    assert faults(stage) == []


def test_a_log_that_is_missing_for_no_reason_is_still_named(stage: Stage) -> None:
    """Only who ended before the last pass may be without lines."""
    published(stage)
    stage.event("form.submitted", "old")
    stage.work()
    stage.turn(days=101)
    tidy(stage)
    stage.event("form.submitted", "new")
    stage.work()
    (run,) = [run for run in stage.runs() if stage.lead("new")["id"] == run["lead"]]
    mine = enrollments.log_table.c.enrollment == run["id"]
    stage.store.write(lambda tx: tx.conn.execute(sa.delete(enrollments.log_table).where(mine)))
    assert faults(stage) == ["step-log"]


@pytest.mark.parametrize(
    "playbook",
    [
        pytest.param(
            steps(
                "enroll: {when: [{event: form.submitted}]}",
                "steps:",
                "  - wait: 300 days",
                "  - tag: '{{ event.form }}'",
            ),
            id="a running enrollment came in by it",
        ),
        pytest.param(
            steps(
                "enroll: {when: [{event: page.viewed}]}",
                "steps:",
                "  - if: (lead | count('form.submitted')) > 0",
                "    then: [{tag: known}]",
            ),
            id="a condition counts it",
        ),
    ],
)
def test_events_that_something_asks_for_stay(stage: Stage, playbook: str) -> None:
    """Whatever their age."""
    published(stage, playbook)
    stage.event("form.submitted", properties={"form": "trial"})
    stage.event("email.replied")
    stage.work()
    stage.turn(days=101)
    tidy(stage)
    assert names(stage) == ["form.submitted"]


def test_what_runs_or_is_in_doubt_keeps_its_message(stage: Stage) -> None:
    """A person may still have to decide about it, and must see to whom it went."""
    published(stage, MAIL + "  - wait: 300 days\n")
    stage.event("form.submitted")
    stage.work()
    doubtful = Stage(stage.store, stage.clock, MemoryTransport(lambda _: InDoubt("cut")))
    doubtful.publish(WORKSPACE + POLICY, hello=MAIL)
    doubtful.event("form.submitted", "ben")
    doubtful.work()
    stage.turn(days=101)
    tidy(stage)
    kept = {job["address"]: job["state"] for job in stage.jobs()}
    assert kept == {"ann@example.com": "accepted", "ben@example.com": "in_doubt"}


def test_traces_of_the_machinery_go(stage: Stage) -> None:
    """Batches that are done, but never one that is open."""
    published(stage)
    stage.event("form.submitted")
    stage.work()
    stage.turn(days=101)
    stage.event("form.submitted", "ben")
    open_batches = stage.open_batches()
    tidy(stage)
    assert [row["id"] for row in stage.all(jobs.batch_table)] == open_batches


def test_why_records_were_not_let_in_goes_with_the_traces(stage: Stage) -> None:
    """Old reasons go, those of the last weeks stay."""
    published(stage, MAIL.replace("again: always", "again: never"))
    for name in ("ann", "ben"):
        stage.event("form.submitted", name)
        stage.work()
        stage.event("form.submitted", name)
        stage.work()
        assert len(stage.all(refusals.table)) == 1
        tidy(stage)
        stage.turn(days=91 if name == "ann" else 20)
        if name == "ann":
            kept = {row["record"] for row in stage.all(refusals.table)}
            tidy(stage)
            assert stage.all(refusals.table) == []
    [row] = stage.all(refusals.table)
    assert row["record"] not in kept


def test_paces_that_limit_nothing_any_more_go(stage: Stage) -> None:
    """Of rates, of destinations that throttled, and of slow ones; what is of today stays."""
    published(stage)
    stage.event("form.submitted")
    stage.work()
    old, new = timedelta(days=102), timedelta()

    def fill(tx: Transaction) -> None:
        for name, since in (("old", old), ("new", new)):
            at = tx.now - since
            tx.conn.execute(sa.insert(pacer.table), {"scope": name, "next_at": at})
            tx.conn.execute(
                sa.insert(slowness.table), {"destination": name, "seconds": 2.0, "at": at}
            )
            row = {"destination": name, "level": 1, "until": at, "reason": "", "at": at}
            tx.conn.execute(sa.insert(throttles.table), row)

    stage.turn(days=101)
    stage.store.write(fill)
    tidy(stage)
    assert [row["scope"] for row in stage.all(pacer.table)] == ["new"]
    assert [row["destination"] for row in stage.all(slowness.table)] == ["new"]
    assert [row["destination"] for row in stage.all(throttles.table)] == ["new"]


def test_caught_mails_go_when_messages_do(sqlite_stage: Stage, tmp_path: Path) -> None:
    """Those that are older than the policy says; without one, none."""
    stage = sqlite_stage
    for content in (b"old", b"new"):
        keep_mail(
            tmp_path, b"Subject: " + content + b"\r\n\r\n", "a@acme.example", ("b@b.example",)
        )
    [old, new] = [tmp_path / f"{one.id}.eml" for one in reversed(caught(tmp_path))]
    then = (datetime.now(UTC) - timedelta(days=120)).timestamp()
    os.utime(old, (then, then))
    published(stage, policy="")
    assert tidy_once(stage.store, tmp_path) == 0
    published(stage)
    stage.clock.now = datetime.now(UTC)  # type: ignore[union-attr]
    assert tidy_once(stage.store, tmp_path) == 1
    assert [new.exists(), old.exists()] == [True, False]


def test_pages_are_bounded_and_a_crash_between_them_costs_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page is a transaction; begun again anywhere, the pass ends the same."""
    monkeypatch.setattr(retention, "PAGE", 7)
    published(stage)
    stage.crowd(30, "form.submitted")
    stage.work()
    stage.turn(days=101)
    cursor = look(stage, "")
    while cursor:
        look(stage, cursor)
        cursor = look(stage, cursor)
    assert names(stage) == []
    assert stage.all(enrollments.log_table) == []
    assert len(stage.runs()) == 30
    assert all(job["address"] == "" for job in stage.jobs())


def test_the_schedules_do_it_once_a_day(sqlite_stage: Stage) -> None:
    """Armed by the apply, and not at all where nothing is to go."""
    stage = sqlite_stage
    published(stage)
    stage.event("form.submitted")
    stage.work()
    stage.turn(days=101)
    while fire_due(stage.store).more:
        pass
    assert names(stage) == []
    stage.event("email.replied")
    stage.turn(hours=3)
    before = {one.kind: one.looked_at for one in retention.kept(stage.store)}
    fire_due(stage.store)
    assert {one.kind: one.looked_at for one in retention.kept(stage.store)} == before
    stage.turn(days=1)
    while fire_due(stage.store).more:
        pass
    after = {one.kind: one.looked_at for one in retention.kept(stage.store)}
    assert all(str(after[kind]) > str(at) for kind, at in before.items())
    published(stage, policy="")
    assert fire_due(stage.store).wake_in is None


def test_the_dry_run_counts_what_would_go_and_removes_nothing(stage: Stage) -> None:
    """Kind by kind; what has no length is kept for good."""
    published(stage, policy="retention: {events: 100 days}\n")
    stage.crowd(12)
    stage.work()
    stage.turn(days=101)
    found = {one.kind: one for one in retention.kept(stage.store)}
    assert found["events"].would_go == 12
    assert found["messages"].before is None and found["messages"].keep == ""
    assert len(names(stage)) == 12
    assert found["events"].before is not None
    tidy(stage)
    again = {one.kind: one for one in retention.kept(stage.store)}["events"]
    assert (again.would_go, again.removed) == (0, 12)


def test_a_shadow_keeps_what_it_is_played_from(stage: Stage) -> None:
    """Whatever came since it was cast stays, however long that is ago."""
    published(stage)
    stage.event("form.submitted")
    stage.work()
    since = sa.text(
        "INSERT INTO shadow (playbook, digest, since, actor) VALUES ('hello','x',:at,'')"
    )
    at = stage.store.read(lambda tx: tx.now) - timedelta(days=1)
    stamp = sa.bindparam("at", type_=enrollments.table.c.entered_at.type)
    stage.store.write(lambda tx: tx.conn.execute(since.bindparams(stamp), {"at": at}))
    stage.turn(days=101)
    tidy(stage)
    assert names(stage) == ["form.submitted"]


def test_a_look_that_fails_keeps_no_other_clock_from_firing(
    sqlite_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is passed over for an hour, and tried again then."""
    stage = sqlite_stage
    published(stage, "enroll: {when: [{cron: '0 * * * *'}]}\nsteps:\n  - tag: hourly\n")
    stage.event("page.viewed")
    tries = []

    def fails(tx: Transaction, cursor: str) -> str | None:
        tries.append(tx.now)
        raise RuntimeError("no page can be read")

    monkeypatch.setitem(clocks.LOOKS, retention.LOOK, fails)
    stage.turn(minutes=70)
    while fire_due(stage.store).more:
        pass
    assert len(stage.runs()) == 1
    before = len(tries)
    assert before > 0
    stage.turn(minutes=61)
    while fire_due(stage.store).more:
        pass
    assert len(tries) > before
