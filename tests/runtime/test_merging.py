"""Merging two leads: both histories are the survivor's, and the person is mailed once."""

from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import leads_view
from engine.operations.edit_deals import put_deal
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.merging import merge, preview
from engine.operations.unsubscribing import unsubscribe
from engine.store import deals, enrollments, events, gone, leads, suppressions
from engine.store.database import Transaction
from engine.store.holdings import HOLDINGS
from engine.store.lead_writing import change_table
from tests.runtime.everything_of_a_person import dangling, fill, mentions
from tests.runtime.stage import Stage, soundness

on_sqlite = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
"""For what no database decides."""

NURTURE = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
  - wait: 3 days
  - email: other
"""
ALWAYS = NURTURE.replace("submitted}]", "submitted}], again: always")
WORKSPACE = """\
workspace: acme
timezone: Asia/Shanghai
sender: {from: "Acme <hello@acme.example>", postal_address: "1 Funnel Street"}
fields: {lead: {segment: text}, deal: {note: text}}
pipelines: {b2b: {stages: [qualify, demo, {won: {closes: won}}]}}
team: {owners: {li.wei: {name: 李伟, email: li.wei@acme.example}}}
"""


def merged(stage: Stage, survivor: str = "ann", other: str = "amy", **options: Any) -> Any:
    return merge(
        stage.store, f"{survivor}@example.com", f"{other}@example.com", actor="li.wei", **options
    )


def test_every_row_of_every_table_moves_and_none_dangles(stage: Stage) -> None:
    """The other lead is named nowhere afterwards but in what leads to the survivor."""
    stage.publish(WORKSPACE, nurture=NURTURE)
    stage.event("form.submitted", "ann")
    put_lead(stage.store, {"id": "the-other-one", "email": "amy@example.com"}, actor="x")
    fill(stage.store, "the-other-one", "deal-1", "run-1")
    digest = stage.run(playbook="nurture")["digest"]
    for table, values in ((deals.table, {"fields": {}}), (enrollments.table, {"digest": digest})):
        change = sa.update(table).values(values)
        stage.store.write(lambda tx, change=change: tx.conn.execute(change))  # type: ignore[misc]
    merged(stage)
    assert dangling(stage.store) == []
    survivor = stage.lead("ann")["id"]
    for one in HOLDINGS.values():
        if one.merge == "moves":
            assert stage.all(one.rows, **{one.names[0]: survivor}), one.table
    left = [one.partition(":")[0] for one in mentions(stage.store, ("the-other-one",))]
    # What the history says of the merge, and the way from the former id to the survivor.
    assert set(left) <= {
        "gone_lead.id", "change.after", "change.before", "change.reason", "deal_change.before",
        "deal_change.reason", "event.properties",
    }  # fmt: skip
    assert mentions(stage.store, ("the-other-one",))


@on_sqlite
def test_of_two_runs_under_way_the_older_goes_on_and_mails_once(stage: Stage) -> None:
    """The newer one ends with the reason; the second mail goes out once, to the survivor."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "amy")
    stage.work()
    stage.turn(hours=1)
    stage.event("form.submitted", "ann")
    stage.work()
    done = merged(stage)
    (ended,) = [run for run in stage.runs() if run["ended_at"]]
    assert (ended["outcome"], ended["reason"]) == (
        "merged", "merged: of two runs of one person the older goes on",
    )  # fmt: skip
    assert [id for id, _, _ in done.ended] == [ended["id"]]
    stage.turn(days=4)
    stage.work()
    went = [str(letter.recipient) for letter in stage.transport.sent]
    assert went == ["amy@example.com", "ann@example.com", "ann@example.com"]
    assert {run["lead"] for run in stage.runs()} == {stage.lead("ann")["id"]}
    soundness(stage)


@on_sqlite
def test_who_has_been_through_a_playbook_once_is_not_sent_through_it_as_the_other(
    stage: Stage,
) -> None:
    """`again: never` holds for the person, whichever address it came in with."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    for _ in range(2):
        stage.work()
        stage.turn(days=4)
    stage.event("form.submitted", "amy")
    stage.work()
    merged(stage)
    assert sorted(run["outcome"] for run in stage.runs()) == ["completed", "merged"]
    stage.event("form.submitted", "amy")
    stage.work()
    assert len(stage.runs()) == 2


@on_sqlite
def test_a_playbook_that_may_come_again_goes_on(stage: Stage) -> None:
    """With `again: always` a run of one lead does not end because the other has had one."""
    stage.publish(nurture=ALWAYS)
    stage.event("form.submitted", "ann")
    for _ in range(2):
        stage.work()
        stage.turn(days=4)
    stage.event("form.submitted", "amy")
    merged(stage)
    assert sorted(run["state"] for run in stage.runs()) == ["finished", "pending"]


def test_the_same_bulk_enrolls_the_one_person_no_second_time(stage: Stage) -> None:
    """Both came in by one cause: both rows stay, told apart, and the unique key holds."""
    stage.publish(nurture=ALWAYS)
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "amy")
    stage.store.write(
        lambda tx: tx.conn.execute(sa.update(enrollments.table).values(cause="bulk:1"))
    )
    merged(stage)
    causes = sorted(run["cause"] for run in stage.runs())
    assert causes[0] == "bulk:1"
    assert causes[1].startswith("bulk:1 (merged ")


@on_sqlite
def test_mail_that_is_queued_for_the_other_goes_to_the_survivor_or_not_at_all(
    stage: Stage,
) -> None:
    """A job of a run that ended is left out; one of a run that goes on is the survivor's."""
    stage.publish(nurture=NURTURE, second=NURTURE.replace("form.submitted", "page.viewed"))
    stage.event("form.submitted", "ann")
    stage.turn(minutes=1)
    stage.event("form.submitted", "amy")
    stage.event("page.viewed", "amy")
    batches = stage.open_batches()
    merged(stage)
    for batch in batches:
        stage.deliver(batch)
    assert [str(letter.recipient) for letter in stage.transport.sent] == ["ann@example.com"] * 2
    assert sorted(job["state"] for job in stage.jobs()) == ["accepted", "accepted", "skipped"]


def test_a_message_in_flight_is_recorded_at_the_survivor(sqlite_stage: Stage) -> None:
    """Merged while it is on its way, it lands in the survivor's ledger and history."""
    stage = sqlite_stage
    stage.publish(
        nurture=NURTURE, after="enroll: {when: [{event: email.sent}]}\nsteps: [{wait: 1 day}]\n"
    )
    stage.event("form.submitted", "amy")
    stage.event("form.submitted", "ann")
    stage.store.write(lambda tx: tx.conn.execute(sa.delete(enrollments.table).where(
        enrollments.table.c.lead == stage_lead(tx, "ann@example.com"))))  # fmt: skip
    (batch,) = stage.open_batches()
    send = stage.transport.send

    async def meanwhile(*args: Any, **options: Any) -> Any:
        merged(stage)
        return await send(*args, **options)

    stage.transport.send = meanwhile  # type: ignore[method-assign]
    stage.deliver(batch)
    assert dangling(stage.store) == []
    assert stage.job()["state"] == "accepted"
    assert stage.lead("ann")["last_sent_at"] is not None


def stage_lead(tx: Transaction, email: str) -> str:
    return str(leads.find(tx, email))


def test_the_former_id_and_address_lead_to_the_survivor(stage: Stage) -> None:
    """Whoever sends an event, an import or a question about the other reaches the survivor."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "amy")
    other = stage.lead("amy")["id"]
    merged(stage)
    survivor = stage.lead("ann")["id"]
    for name in (other, "amy@example.com", "AMY@example.com"):
        assert leads_view.show(stage.store, name)["id"] == survivor
    take_in(stage.store, [IncomingEvent("page.viewed", {"id": other})])
    stage.event("page.viewed", "amy")
    put_lead(stage.store, {"email": "amy@example.com", "city": "杭州"}, actor="x")
    assert len(stage.all(events.table, lead=survivor, name="page.viewed")) == 2
    (lead,) = stage.all(leads.table)
    assert (lead["email"], lead["city"]) == ("ann@example.com", "杭州")


@on_sqlite
def test_a_chain_of_merges_leads_to_the_last_one(stage: Stage) -> None:
    """Merged into one that is merged itself: every former name still leads to who is left."""
    stage.publish(nurture=NURTURE)
    for name in ("a", "b", "c"):
        stage.event("form.submitted", name)
    merged(stage, "b", "a")
    merged(stage, "c", "b")
    found = {leads_view.show(stage.store, f"{name}@example.com")["email"] for name in "abc"}
    assert found == {"c@example.com"}
    assert dangling(stage.store) == []


def test_what_the_person_forbade_at_one_address_is_forbidden_at_both(stage: Stage) -> None:
    """An unsubscription and a complaint go along; a bounce is about the one address alone."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "amy")

    def forbid(tx: Transaction) -> None:
        suppressions.add(tx, "amy@example.com", reason="unsubscribed", topic="product-tips")
        suppressions.add(tx, "amy@example.com", reason="bounced")
        suppressions.add(tx, "ann@example.com", reason="complained")

    stage.store.write(forbid)
    merged(stage)
    kept = {
        (one["email_key"], one["reason"], one["topic"]) for one in stage.all(suppressions.table)
    }
    assert kept == {
        ("amy@example.com", "unsubscribed", "product-tips"), ("amy@example.com", "bounced", ""),
        ("ann@example.com", "unsubscribed", "product-tips"), ("ann@example.com", "complained", ""),
        ("amy@example.com", "complained", ""),
    }  # fmt: skip


@on_sqlite
def test_the_link_in_an_older_mail_still_unsubscribes_both(stage: Stage) -> None:
    """A mail that went to the other's address stops the survivor's mail as well."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "amy")
    stage.work()
    stage.event("page.viewed", "ann")
    merged(stage)
    assert unsubscribe(stage.store, stage.job()["id"]) is not None
    keys = {one["email_key"] for one in stage.all(suppressions.table)}
    assert keys == {"amy@example.com", "ann@example.com"}


@on_sqlite
def test_deals_and_their_runs_go_along_with_their_history(stage: Stage) -> None:
    """The deal's contact is the survivor, and the deal's history says why."""
    stage.publish(
        WORKSPACE,
        follow="for: deal\nenroll: {when: [{event: deal.created}]}\nsteps: [{wait: 1 day}]\n",
    )
    stage.event("form.submitted", "ann")
    put_deal(stage.store, {"name": "Plan", "lead": "amy@example.com"}, actor="x")
    merged(stage, reason="same card")
    survivor = stage.lead("ann")["id"]
    assert (stage.all(deals.table)[0]["lead"], stage.run()["lead"]) == (survivor, survivor)
    (line,) = stage.all(deals.change_table, field="lead")
    assert (line["actor"], line["after"]) == ("li.wei", survivor)
    assert line["reason"].endswith("was merged: same card")


@on_sqlite
def test_the_history_says_who_merged_what_and_why(stage: Stage) -> None:
    """What the other lead was stands in the survivor's history, with actor and reason."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann", fields={"city": "北京"})
    stage.event("form.submitted", "amy", fields={"city": "杭州", "company": "Acme"})
    merged(stage, reason="same phone")
    (line,) = stage.all(change_table, field="merged")
    assert (line["actor"], line["reason"], line["before"]["city"]) == (
        "li.wei",
        "same phone",
        "杭州",
    )
    assert (stage.lead("ann")["city"], stage.lead("ann")["company"]) == ("北京", "Acme")


@on_sqlite
def test_a_preview_changes_nothing_and_says_what_would(stage: Stage) -> None:
    """It names the fields that would change and the runs that would end."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "amy", fields={"city": "杭州"})
    seen = preview(stage.store, "ann@example.com", "amy@example.com", take=["email"])
    assert seen.fields["city"] == (None, "杭州")
    assert seen.fields["email"] == ("ann@example.com", "amy@example.com")
    assert len(seen.ended) == 1
    assert len(stage.all(leads.table)) == 2
    done = merged(stage, take=["email"])
    assert done.fields.keys() == seen.fields.keys()
    assert leads_view.show(stage.store, "ann@example.com")["email"] == "amy@example.com"


@pytest.mark.parametrize(
    ("survivor", "other", "take", "said"),
    [
        ("ann", "ann", (), "are one lead already"),
        ("ann", "amy", ("scor",), "a lead has no field 'scor'"),
        ("ann", "amy", ("score",), "'score' cannot be taken"),
        ("ann", "nobody", (), "there is no lead 'nobody@example.com'"),
    ],
)
def test_what_cannot_be_merged_changes_nothing(
    sqlite_stage: Stage, survivor: str, other: str, take: tuple[str, ...], said: str
) -> None:
    """The fault is named and both leads stay as they were."""
    stage = sqlite_stage
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "amy")
    with pytest.raises((InputError, NotFoundError), match=said.replace("(", r"\(")):
        merged(stage, survivor, other, take=take)
    assert len(stage.all(leads.table)) == 2
    assert stage.all(gone.table) == []


@on_sqlite
def test_merging_starts_no_playbook_but_ends_runs_by_their_exits(stage: Stage) -> None:
    """The further stage is no entry into it; an exit that holds now is obeyed."""
    stage.publish(
        nurture=NURTURE.replace("steps:", 'exit: [{if: lead.stage == "mql"}]\nsteps:'),
        reached="enroll: {when: [{stage: mql}], again: always}\nsteps: [{wait: 1 day}]\n",
    )
    stage.event("form.submitted", "ann")
    stage.event("page.viewed", "amy")
    change_lead(stage.store, "amy@example.com", {"stage": "mql"}, actor="x")
    stage.work()
    assert len(stage.runs(playbook="reached")) == 1
    merged(stage)
    stage.work()
    assert len(stage.runs(playbook="reached")) == 1
    assert stage.run(playbook="nurture")["outcome"] == "exited"
    assert stage.lead("ann")["stage"] == "mql"


def test_a_writer_that_waited_for_the_lead_begins_anew(postgres_stage: Stage) -> None:
    """On PostgreSQL an event that found the other lead a moment too early reaches the survivor."""
    stage = postgres_stage
    stage.publish(nurture=NURTURE)
    stage.event("page.viewed", "ann")
    stage.event("page.viewed", "amy")
    found = leads.find_by_key
    calls = []

    def a_moment_later(tx: Transaction, keys: Any) -> Any:
        answer = found(tx, keys)
        calls.append(answer)
        if len(calls) == 1:
            merged(stage)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leads, "find_by_key", a_moment_later)
        stage.event("page.viewed", "amy")
    assert calls[-1] == {"amy@example.com": stage.lead("ann")["id"]}
    assert len(stage.all(events.table, lead=stage.lead("ann")["id"], name="page.viewed")) == 3
    assert dangling(stage.store) == []
