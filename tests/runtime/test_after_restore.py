"""A store brought back from a copy: whoever was mailed since is not mailed again."""

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.operations import after_restore, braking, firing
from engine.operations.sent_logs import mailed_in
from engine.store import snapshots
from engine.store.database import Store
from tests.runtime.stage import Clock, Stage

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
TWO = ON_FORM + "steps:\n  - email: note\n  - wait: 1 hour\n  - email: other\n"
SLEEPY = ON_FORM + "steps:\n  - wait: 5 days\n  - email: note\n"
ORDER = ON_FORM + "steps:\n  - {email: note, as: transactional}\n"
DAILY = 'enroll: {when: [{cron: "0 13 * * *"}]}\nsteps:\n  - email: note\n'
Lose = Callable[[Stage], Stage]


@pytest.fixture
def copy_of(tmp_path: Path, clock: Clock) -> Iterator[Callable[[Stage], Stage]]:
    """Copies a stage as it is now; the copy is not begun yet."""
    opened: list[Store] = []

    def copy(stage: Stage) -> Stage:
        path = tmp_path / f"copy{len(opened)}.db"
        source = Path(stage.store.url.removeprefix("sqlite:///"))
        snapshots.copy_at_once(stage.store, [(source, path)])
        opened.append(Store(f"sqlite:///{path}", clock=clock))
        return Stage(opened[-1], clock)

    yield copy
    for store in opened:
        store.close()


def bring_back(stage: Stage, copied_at: datetime) -> None:
    stage.store.write(lambda tx: after_restore.begin(tx, copied_at=copied_at))


def resume(stage: Stage) -> None:
    braking.let_go(stage.store)
    stage.work()


def subjects(stage: Stage) -> list[str]:
    return sorted(one.message_id for one in stage.transport.sent)


def test_what_may_have_gone_is_held_and_its_run_goes_on(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose
) -> None:
    """Without a list of what went, marketing is in doubt, and a person may send it."""
    stage = sqlite_stage
    stage.publish(two=TWO)
    stage.event("form.submitted")
    copy, at = copy_of(stage), clock.now
    clock.turn(timedelta(minutes=5))
    bring_back(copy, at)
    copy.work()
    assert not copy.transport.sent, "nothing goes before somebody has looked"
    resume(copy)
    (held,) = copy.jobs()
    assert (held["state"], copy.transport.sent) == ("in_doubt", [])
    assert held["reason"].startswith("after a restore: it may have gone between 2026-03-02T04:00")
    copy.turn(hours=1)
    copy.work()
    assert [job["state"] for job in copy.jobs()] == ["in_doubt", "in_doubt"]
    assert copy.run()["state"] == "finished"
    assert after_restore.release_held(copy.store) == 2
    copy.work()
    assert len(copy.transport.sent) == 2


def test_what_is_transactional_goes_again_as_the_same_message(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose
) -> None:
    """Under the Message-ID that it had, because it is made of the enrollment and the step."""
    stage = sqlite_stage
    stage.publish(order=ORDER)
    stage.event("form.submitted")
    copy, at = copy_of(stage), clock.now
    stage.work()
    bring_back(copy, at)
    resume(copy)
    assert subjects(copy) == subjects(stage) != []


def test_a_list_of_what_went_settles_it(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose, tmp_path: Path
) -> None:
    """Named in whatever log, it is accepted, also what the run comes to only later."""
    stage = sqlite_stage
    stage.publish(two=TWO)
    for lead in ("ann", "bea"):
        stage.event("form.submitted", lead)
    copy, at = copy_of(stage), clock.now
    stage.work()
    stage.turn(hours=1)
    stage.work()
    log = tmp_path / "mail.log"
    log.write_text("".join(f"cleanup: message-id={id}\n" for id in subjects(stage)[:3]))
    bring_back(copy, at)
    ids = list(mailed_in([log], "acme.example"))
    assert len(ids) == 3
    told = after_restore.tell_mailed(copy.store, ids, complete=True)
    assert told == {"new": 3, "settled": 0}
    resume(copy)
    copy.turn(hours=1)
    copy.work()
    assert sorted(job["state"] for job in copy.jobs()) == ["accepted"] * 4
    assert subjects(copy) == subjects(stage)[3:], "only what is not in the list goes"
    assert subjects(copy)[0] not in subjects(stage)[:3]


def test_messages_in_hand_at_the_copy_are_settled_at_once(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose
) -> None:
    """Queued or in doubt in the ledger, and named by the list: accepted, and the run goes on."""
    stage = sqlite_stage
    stage.publish(two=TWO)
    stage.event("form.submitted")
    stage.advance()
    copy, at = copy_of(stage), clock.now
    bring_back(copy, at)
    (job,) = copy.jobs()
    assert after_restore.tell_mailed(copy.store, [job["id"]]) == {"new": 1, "settled": 1}
    assert after_restore.tell_mailed(copy.store, [job["id"]]) == {"new": 0, "settled": 0}
    copy.advance()
    assert copy.job()["reason"] == "it went before the restore"
    assert copy.run()["blocked_on"] == "wait"


def test_whoever_slept_all_the_while_is_mailed(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose
) -> None:
    """A wait that ends after the loss cannot have been over before it."""
    stage = sqlite_stage
    stage.publish(sleepy=SLEEPY)
    stage.event("form.submitted")
    stage.work()
    copy, at = copy_of(stage), clock.now
    clock.turn(timedelta(hours=3))
    bring_back(copy, at)
    braking.let_go(copy.store)
    copy.turn(days=5)
    copy.work()
    assert len(copy.transport.sent) == 1


@pytest.mark.parametrize(
    ("happened", "sent"), [(-1, 0), (+1, 1)], ids=["sent again", "fresh"]
)  # fmt: skip
def test_new_runs_go_by_when_their_event_happened(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose, happened: int, sent: int
) -> None:
    """An event of the lost time that is sent again may have led to the same mail before."""
    stage = sqlite_stage
    stage.publish(two=TWO)
    copy, at = copy_of(stage), clock.now
    clock.turn(timedelta(hours=2))
    bring_back(copy, at)
    lost = clock.now
    clock.turn(timedelta(hours=2))
    copy.event("form.submitted", at=lost + timedelta(hours=happened))
    resume(copy)
    assert len(copy.transport.sent) == sent
    assert copy.job()["state"] == ("accepted" if sent else "in_doubt")


@pytest.mark.parametrize(
    ("id", "sent"), [("form-1", 1), (None, 0)], ids=["with its id", "without one"]
)
def test_a_complete_list_knows_runs_that_are_made_anew(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose, id: str | None, sent: int
) -> None:
    """An event that is sent again under its id makes the same messages: one went, one goes."""
    stage = sqlite_stage
    options: dict[str, Any] = {"id": id, "at": clock.now + timedelta(minutes=1)}
    stage.publish(two=TWO)
    copy, at = copy_of(stage), clock.now
    clock.turn(timedelta(minutes=2))
    stage.event("form.submitted", **options)
    stage.work()
    (went,) = subjects(stage)
    clock.turn(timedelta(minutes=5))
    bring_back(copy, at)
    after_restore.tell_mailed(copy.store, [went[1:21]], complete=True)
    copy.event("form.submitted", **options)
    resume(copy)
    copy.turn(hours=1)
    copy.work()
    assert len(copy.transport.sent) == sent
    wanted = ["accepted"] * 2 if sent else ["in_doubt"] * 2
    assert [job["state"] for job in copy.jobs()] == wanted
    assert went not in subjects(copy)


def test_a_clock_that_fell_due_in_the_lost_time_mails_nobody_twice(
    sqlite_stage: Stage, clock: Clock, copy_of: Lose
) -> None:
    """It fires, because nobody knows whether it did; the mails are in doubt. The next day's go."""
    stage = sqlite_stage
    stage.publish(two=TWO)
    stage.event("form.submitted")
    stage.publish(daily=DAILY)
    copy, at = copy_of(stage), clock.now
    clock.turn(timedelta(hours=2))
    bring_back(copy, at)
    braking.let_go(copy.store)
    firing.fire_due(copy.store)
    copy.work()
    assert {job["state"] for job in copy.jobs(playbook="daily")} == {"in_doubt"}
    copy.turn(days=3)
    copy.event("order.placed", "bea")
    firing.fire_due(copy.store)
    copy.work()
    assert "accepted" in {job["state"] for job in copy.jobs(playbook="daily")}


def test_doubts_end_when_they_are_over(sqlite_stage: Stage, clock: Clock, copy_of: Lose) -> None:
    """After as long as was lost and a day, or when somebody says so, all mail goes as ever."""
    stage = sqlite_stage
    stage.publish(two=TWO)
    stage.event("form.submitted")
    copy, at = copy_of(stage), clock.now
    clock.turn(timedelta(hours=1))
    bring_back(copy, at)
    after_restore.end(copy.store)
    resume(copy)
    assert len(copy.transport.sent) == 1
    assert copy.store.read(after_restore.standing) is None


def test_a_complete_list_that_names_nothing_is_a_slip(
    sqlite_stage: Stage, clock: Clock, tmp_path: Path
) -> None:
    """The wrong file would let everything go again."""
    sqlite_stage.publish(two=TWO)
    wrong = tmp_path / "wrong.log"
    wrong.write_bytes(b"<06h04jw9m6x32tq0jvkf@elsewhere.example>\n\xff\xfe" * 10)
    ids = list(mailed_in([wrong], "acme.example"))
    with pytest.raises(InputError, match="not restored from a copy"):
        after_restore.tell_mailed(sqlite_stage.store, ids)
    bring_back(sqlite_stage, clock.now)
    with pytest.raises(InputError, match="names no message of this sender"):
        after_restore.tell_mailed(sqlite_stage.store, ids, complete=True)
    found = sqlite_stage.store.read(after_restore.standing)
    assert found is not None and not found.is_told


def test_lists_of_any_kind_are_read(tmp_path: Path) -> None:
    """Packed or not, of one line or of many megabytes, a file or a folder; each id where it is."""
    ids = [f"06h04jw9m6x32tq0jv{n:02}" for n in range(10, 40)]
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "a.eml").write_text(f"Message-ID: <{ids[0]}@acme.example>\r\n")
    with gzip.open(folder / "b.log.gz", "wb") as packed:
        for id in ids[1:]:
            packed.write(b"x" * 99_991 + f'{{"id":"<{id}@acme.example>"}}'.encode())
    (folder / "c.csv").write_text(f"{ids[0]}@acme.example.org,x{ids[1]}@acme.example,")
    assert sorted(set(mailed_in([folder], "acme.example"))) == ids
    with pytest.raises(InputError, match="there is no"):
        list(mailed_in([tmp_path / "none"], "acme.example"))


def test_moments_must_be_in_order(stage: Stage) -> None:
    """A copy of tomorrow, or a loss before it, is a slip."""
    late = datetime(2100, 1, 1, tzinfo=UTC)
    with pytest.raises(InputError, match="now it is"):
        bring_back(stage, late)


def test_both_databases_know_what_they_are_a_copy_of(stage: Stage) -> None:
    """Begun, told of mails, shown and ended; told again it begins anew."""
    stage.publish(two=TWO)
    stage.event("form.submitted")
    for _ in range(2):
        bring_back(stage, datetime(2026, 1, 1, tzinfo=UTC))
    stage.advance()
    (job,) = stage.jobs()
    assert after_restore.tell_mailed(stage.store, [job["id"], "0" * 20])["settled"] == 1
    found = stage.store.read(after_restore.standing)
    assert found is not None
    assert (found.enrollments, found.mailed, found.held, found.until) == (1, 2, 0, None)
    resume(stage)
    assert stage.transport.sent == []
    after_restore.end(stage.store)
