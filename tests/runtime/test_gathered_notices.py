"""`notify.every` and quiet hours: many notices are one, later, and nobody waits for them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from activities._advance import advance
from engine.ids import derived_id
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import (
    DeferralClass,
    Deferred,
    Outcome,
    Rejected,
    RejectionClass,
    Reply,
)
from engine.operations import inbox, published
from engine.operations.doctor import examine
from engine.operations.gathering import Kept, keep
from engine.operations.turns import take_turn
from engine.store import jobs, notices
from tests.runtime.stage import Stage, soundness

TEAM = """\
workspace: acme
timezone: Asia/Shanghai
sender: {from: "Acme <hello@acme.example>", postal_address: "1 Funnel Street"}
calendars:
  cn: {hours: {mon-fri: "08:30-18:00"}, timezone: Asia/Shanghai}
  us: {hours: {mon-fri: "09:00-17:00"}, timezone: America/New_York}
team:
  owners:
    li.wei: {name: 李伟, email: li.wei@acme.example, manager: chen.jie, calendar: cn}
    sam.lee: {email: sam@acme.example, calendar: us, quiet: "20:00-08:00"}
    chen.jie: {email: chen@acme.example, calendar: cn, quiet: off-hours}
"""


def telling(who: str, *options: str) -> str:
    """A playbook that tells somebody, and goes on."""
    lines = [f"  - notify: {who}", *(f"    {one}" for one in options)]
    head = "enroll: {when: [{event: form.submitted}], again: always}\n"
    return head + "steps:\n" + "\n".join(lines) + "\n  - tag: told\n"


LOOK = 'message: "Call {{ lead.first_name }}"'


def mails(stage: Stage) -> list[tuple[str, str]]:
    """Who got mail, and the whole of it as text."""
    return [(one.recipient, one.content.decode()) for one in stage.transport.sent]


def answering(stage: Stage, outcome: Outcome | None) -> None:
    """Lets the mail server answer so from now on."""
    stage.transport = MemoryTransport(lambda _: outcome)
    stage.courier = replace(stage.courier, transport=stage.transport)


def digest(stage: Stage) -> dict[str, Any]:
    (found,) = [one for one in stage.jobs() if one["params"].get(notices.GATHERED)]
    return found


def test_a_storm_is_one_message(sqlite_stage: Stage) -> None:
    """Thirty leads in an hour are one mail at the full hour, and every run has gone on at once."""
    stage = sqlite_stage
    stage.publish(TEAM, tell=telling("li.wei", LOOK, "every: 1 hour"))
    for number in range(30):
        stage.event("form.submitted", f"lead{number}", fields={"first_name": f"Lead{number}"})
        stage.turn(seconds=70)
    stage.work()
    assert stage.transport.sent == []
    assert {run["outcome"] for run in stage.runs()} == {"completed"}
    stage.turn(minutes=24)
    stage.work()
    assert stage.transport.sent == []
    stage.turn(minutes=2)
    stage.work()
    ((who, text),) = mails(stage)
    assert who == "li.wei@acme.example"
    assert all(f"Call Lead{number}" in text for number in range(30))
    assert "Subject: 30 notices: Call Lead" in text
    soundness(stage)
    assert [one.name for one in examine(stage.store) if not one.ok] == []


def test_the_next_hour_has_a_message_of_its_own(sqlite_stage: Stage) -> None:
    """What comes after the hour is told with the next one; ids differ, and each goes once."""
    stage = sqlite_stage
    stage.publish(TEAM, tell=telling("li.wei", LOOK, "every: 1 hour"))
    for number in range(3):
        stage.event("form.submitted", f"lead{number}")
        stage.work()
        stage.turn(hours=1, seconds=1)
        stage.work()
    assert len(mails(stage)) == 3
    assert len({one["message_id"] for one in stage.jobs()}) == 3


def test_two_playbooks_are_told_together(sqlite_stage: Stage) -> None:
    """What one person is told at one moment is one message, whichever playbook says it."""
    stage = sqlite_stage
    one, other = telling("li.wei", LOOK, "every: 1 hour"), telling("li.wei", LOOK, "every: 1 hour")
    stage.publish(TEAM, one=one, other=other)
    stage.event("form.submitted")
    stage.work()
    stage.turn(hours=1)
    stage.work()
    assert len(mails(stage)) == 1


@pytest.mark.parametrize(
    ("who", "options", "hours", "told_after"),
    [
        ("sam.lee", (), 0, 9),  # 23:00 in New York, quiet until 08:00
        ("sam.lee", (), 12, 12),  # 11:00 in New York
        ("chen.jie", (), 0, 0),  # noon in Shanghai
        ("chen.jie", (), 8, 20.5),  # 20:00, opens at 08:30
        ("li.wei", ("every: morning",), 0, 20.5),
        ("li.wei", ('every: "17:00"',), 0, 5),
        ("li.wei", ('every: "17:00"',), 6, 29),
        ("li.wei", ("every: 1 week",), 0, 164.5),  # Monday, 08:30
        ("sam.lee", ("every: 1 hour",), 0, 9),
    ],
)
def test_who_is_told_when(
    sqlite_stage: Stage, who: str, options: tuple[str, ...], hours: int, told_after: float
) -> None:
    """Quiet hours and mornings are those of whoever is told, where that person is.

    The stage begins on a Monday at noon in Shanghai.
    """
    stage = sqlite_stage
    began = stage.store.read(lambda tx: tx.now)
    stage.publish(TEAM, tell=telling(who, LOOK, *options))
    stage.turn(hours=hours)
    stage.event("form.submitted")
    stage.work()
    due = began + timedelta(hours=told_after)
    if told_after > hours:
        assert stage.transport.sent == []
        assert stage.run()["outcome"] == "completed"
        assert digest(stage)["not_before"] == due
        stage.turn(hours=told_after - hours)
        stage.work()
    assert len(mails(stage)) == 1


def test_a_message_that_is_refused_lands_in_the_inbox(sqlite_stage: Stage) -> None:
    """All that it carried, each with its own text, in the inbox of whoever was to be told."""
    stage = sqlite_stage
    stage.publish(TEAM, tell=telling("li.wei", LOOK, "every: 1 hour"))
    for name in ("ann", "bob"):
        stage.event("form.submitted", name, fields={"first_name": name.title()})
    stage.work()
    answering(stage, Rejected(Reply(550, "5.1.1", "unknown"), RejectionClass.HARD_BOUNCE, True))
    stage.turn(hours=1)
    stage.work()
    found = sorted((one["owner"], one["kind"], one["subject"]) for one in stage.tasks())
    assert found == [("li.wei", "notice", "Call Ann"), ("li.wei", "notice", "Call Bob")]


def test_a_message_that_is_deferred_goes_later_under_its_id(sqlite_stage: Stage) -> None:
    """Whoever is told twice can see that it is the same."""
    stage = sqlite_stage
    stage.publish(TEAM, tell=telling("li.wei", LOOK, "every: 1 hour"))
    stage.event("form.submitted")
    stage.work()
    later = Deferred(Reply(451, "4.7.1", "later"), DeferralClass.GREYLISTED, timedelta())
    answering(stage, later)
    stage.turn(hours=1)
    stage.work()
    before = digest(stage)
    assert (before["state"], before["attempt"]) == ("deferred", 1)
    answering(stage, None)
    stage.turn(minutes=2)
    stage.work()
    assert digest(stage)["message_id"] == before["message_id"]
    assert digest(stage)["state"] == "accepted"


def test_what_leads_write_is_text(sqlite_stage: Stage) -> None:
    """No markup and no template of a lead's is carried out in a gathered message."""
    stage = sqlite_stage
    stage.publish(TEAM, tell=telling("li.wei", LOOK, "every: 1 hour"))
    stage.event("form.submitted", fields={"first_name": "<b>{{ 7 * 7 }}</b>"})
    stage.work()
    stage.turn(hours=1)
    stage.work()
    ((_, text),) = mails(stage)
    assert "&lt;b&gt;{{ 7 * 7 }}" in text and "49" not in text.partition("text/html")[0]


def test_a_person_who_is_asked_is_told(sqlite_stage: Stage) -> None:
    """A yes or no is asked for by mail, too; answered in between, it is not."""
    stage = sqlite_stage
    text = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - approve: "Discount for {{ lead.email }}?"
    by: sam.lee
    up_to: 3 days
    then: [{tag: yes-said}]
"""
    stage.publish(TEAM, ask=text)
    stage.event("form.submitted")
    stage.event("form.submitted", "bob")
    stage.work()
    first = next(one for one in stage.tasks() if "ann@" in one["subject"])
    inbox.answer(stage.store, first["id"], yes=True, actor="sam.lee")
    stage.turn(hours=9)
    stage.work()
    ((who, said),) = mails(stage)
    assert who == "sam@acme.example"
    assert "bob@example.com" in said and "ann@example.com" not in said
    assert said.count("/a/") >= 2


def test_a_sender_that_died_is_followed_by_the_same_message(sqlite_stage: Stage) -> None:
    """Nobody knows whether it went: it goes again, under its id."""
    stage = sqlite_stage
    stage.publish(TEAM, tell=telling("li.wei", LOOK, "every: 1 hour"))
    stage.event("form.submitted")
    stage.work()
    stage.turn(hours=1)
    (batch,) = stage.open_batches()
    guard = stage.courier.guard
    turn = partial(take_turn, batch=batch, token="dead", guard=guard, sent=[])
    window = stage.store.write(lambda tx: turn(tx, first=True, last=False))
    assert [one.is_gathered for one in window.letters] == [True]
    stage.turn(minutes=3)
    stage.work()
    found = digest(stage)
    assert (found["state"], found["attempt"], len(stage.transport.sent)) == ("accepted", 2, 1)
    assert stage.transport.sent[0].message_id == found["message_id"]


def test_two_workers_make_one_message(stage: Stage) -> None:
    """On both databases: cohorts that are walked at once gather for the same moment."""
    tell = telling("li.wei", LOOK, "every: 1 week")
    stage.publish(TEAM, one=tell, other=tell)
    stage.crowd(40)
    barrier = threading.Barrier(2)

    def walk(cohort: str) -> None:
        barrier.wait()
        advance(stage.store, cohort)

    books = ("one@", "other@")
    cohorts = [next(c for c in stage.cohorts() if c.startswith(book)) for book in books]
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(walk, one) for one in cohorts]:
            done.result()
    stage.work()
    found = [one for one in stage.jobs() if one["params"].get(notices.GATHERED)]
    assert len(found) == 1
    kept = stage.all(notices.table)
    assert len(kept) == 80 and {one["digest"] for one in kept} == {found[0]["id"]}


def test_a_notice_that_comes_too_late_for_its_message_has_one_of_its_own(stage: Stage) -> None:
    """The message has left in this very moment: what is kept for it afterwards is told at once."""
    stage.publish(TEAM, tell=telling("li.wei", LOOK, "every: 1 hour"))
    stage.event("form.submitted")
    stage.work()
    (first,) = stage.all(notices.table)
    at = first["created_at"]
    ended = {"state": "accepted", "accepted_at": at, "ended_at": at}
    job = jobs.table
    gone = job.update().where(job.c.id == first["digest"]).values(**ended)
    stage.store.write(lambda tx: tx.conn.execute(gone))
    late = Kept(
        id=derived_id("late"), owner="li.wei", channel="", queue="longplay-notify",
        due_at=first["due_at"], text="Late", lead=first["lead"], enrollment=first["enrollment"],
        playbook="tell", step="notify",
    )  # fmt: skip
    stage.store.write(lambda tx: keep(tx, published.current(tx), [late]))
    other = next(one for one in stage.all(notices.table) if one["text"] == "Late")
    assert other["digest"] != first["digest"]
