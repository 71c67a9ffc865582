"""Erasing a lead: nothing of the person is left in any table, and every sum stays true."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.errors import NotFoundError
from engine.operations import clocks, erasing, firing, leads_view
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.merging import merge
from engine.operations.overview import playbook_count
from engine.store import deals, enrollments, erasures, events, forgotten, jobs, leads, tasks
from engine.store.bulk_tables import BulkEnrollment
from engine.store.holdings import HOLDINGS, STRANGERS
from engine.store.lead_writing import change_table
from tests.runtime.everything_of_a_person import (
    SECRETS,
    TELLING,
    dangling,
    fill,
    is_json,
    is_text,
    mentions,
    secret,
    tables,
)
from tests.runtime.stage import Stage

on_sqlite = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
"""For what no database decides."""

NURTURE = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
  - wait: 3 days
  - email: other
"""
WORKSPACE = """\
workspace: acme
timezone: Asia/Shanghai
sender: {from: "Acme <hello@acme.example>", postal_address: "1 Funnel Street"}
fields: {lead: {segment: text}, deal: {note: text}}
pipelines: {b2b: {stages: [qualify, demo, {won: {closes: won}}]}}
team: {owners: {li.wei: {name: 李伟, email: li.wei@acme.example}}}
"""


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_every_table_says_what_it_holds_of_a_person(table: sa.Table) -> None:
    """A table that names a lead is known to merging and erasing, column by column."""
    holding = HOLDINGS.get(table.name)
    if holding is None:
        telling = sorted(TELLING & set(table.c.keys()))
        assert table.name in STRANGERS or not telling, (
            f"'{table.name}' has {telling}: say in engine/store/holdings.py what it holds"
        )
        return
    if holding.erase == "removed" or table.name in {"lead", "gone_lead", "suppression"}:
        return
    texts = {column.name for column in table.c if is_text(column) or is_json(column)}
    said = {*holding.names, *holding.empties, *holding.words}
    assert texts <= said, f"neither emptied nor known to be ours: {sorted(texts - said)}"


def person(stage: Stage) -> str:
    """Somebody of whom everything is known, in every table, under an id that tells it, too."""
    stage.publish(WORKSPACE, nurture=NURTURE)
    stage.event("form.submitted", "other")
    put_lead(
        stage.store,
        {"id": "lead-of-secretive", "email": SECRETS[0], "phone": SECRETS[1],
         "full_name": SECRETS[2], "company": SECRETS[3], "tags": [SECRETS[3]],
         "segment": SECRETS[3], "owner": "li.wei"},
        actor="test",
    )  # fmt: skip
    fill(stage.store, "lead-of-secretive", "deal-1", "run-1")
    return "lead-of-secretive"


def erase_all(stage: Stage, name: str, **options: Any) -> erasing.Erased:
    return erasing.erase(stage.store, name, actor="li.wei", patience=timedelta(0), **options)


def test_nothing_of_the_person_is_left_in_any_column_of_any_table(stage: Stage) -> None:
    """Every table is filled with the person's strings; afterwards none holds one, nor the id."""
    lead = person(stage)
    stage.store.write(lambda tx: tx.conn.execute(sa.insert(BulkEnrollment), _bulk(tx.now, lead)))
    assert len(mentions(stage.store, SECRETS)) >= 25
    done = erase_all(stage, lead)
    assert done.is_over
    assert mentions(stage.store, (*SECRETS, "secretive", "13800138000")) == []
    assert dangling(stage.store) == []
    assert stage.all(leads.table, id=lead) == []


def _bulk(now: object, lead: str) -> dict[str, Any]:
    return {
        "id": "b", "playbook": "nurture", "record": "lead", "state": "finished", "total": 1,
        "condition": f'lead.email == "{SECRETS[0]}"', "properties": {"who": secret(2)}, "key": None,
        "cause": "bulk:b", "actor": "li.wei", "cursor": lead, "looked": 1, "enrolled": 1,
        "skipped": {}, "reason": "", "created_at": now, "touched_at": now, "ended_at": now,
    }  # fmt: skip


def test_erasing_goes_on_where_it_ended_whoever_comes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices of one row, ended after each: the schedules' driver does the rest, nothing twice."""
    lead = person(stage)
    monkeypatch.setattr(erasing, "PAGE", 1)
    with pytest.raises(KeyboardInterrupt):
        erase_all(stage, lead, told=_interrupt)
    (begun,) = stage.all(erasures.table)
    assert begun["former"] == lead
    assert dangling(stage.store) == []
    for _ in range(60):
        if not stage.store.read(erasures.under_way):
            break
        firing.fire_due(stage.store)
        assert dangling(stage.store) == []
    assert mentions(stage.store, (*SECRETS, "secretive")) == []
    firing.fire_due(stage.store)
    assert [row for row in stage.all(clocks.table) if row["trigger"] == erasing.LOOK] == []


def _interrupt(_now: erasing.Erased) -> None:
    raise KeyboardInterrupt


def test_sums_stay_true_and_the_history_of_stages_stays_nameless(stage: Stage) -> None:
    """Who came in, what was sent and which stages were entered are counted as before."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", fields={"first_name": "Ann", "country": "CN"})
    stage.work()
    change_lead(stage.store, "ann@example.com", {"stage": "mql"}, actor="li.wei")
    before = len(stage.all(events.table))
    erase_all(stage, "ann@example.com", reason="asked on the phone")
    count = stage.store.read(lambda tx: playbook_count(tx, "nurture"))
    assert (count.entered, dict(count.outcomes)) == (1, {"deleted": 1})
    assert stage.run()["reason"] == "erased"
    (job,) = stage.jobs()
    assert (job["state"], job["address"], job["subject"], job["links"]) == ("accepted", "", "", [])
    (line,) = stage.all(change_table)
    assert (line["field"], line["before"], line["after"]) == ("stage", "lead", "mql")
    assert len(stage.all(events.table)) == before
    (erasure,) = stage.all(erasures.table)
    assert (erasure["stage"], erasure["actor"], erasure["reason"]) == (
        "mql", "li.wei", "asked on the phone",
    )  # fmt: skip
    assert mentions(stage.store, ("ann@example.com", "'Ann'")) == []


@on_sqlite
def test_an_erased_lead_is_found_by_nobody_and_gets_nothing(stage: Stage) -> None:
    """Lists, conditions, names and ids know it no more; what was queued for it never leaves."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "bob")
    stage.advance()
    done = erase_all(stage, "ann@example.com")
    shown = leads_view.listing(stage.store)
    assert [lead["email"] for lead in shown] == ["bob@example.com"]
    assert leads_view.count(stage.store, "lead.score < 100") == 1
    for name in ("ann@example.com", done.id):
        with pytest.raises(NotFoundError):
            leads_view.show(stage.store, name)
    stage.work()
    assert [str(letter.recipient) for letter in stage.transport.sent] == ["bob@example.com"]
    assert {job["state"] for job in stage.jobs()} == {"accepted", "skipped"}


@on_sqlite
def test_who_was_erased_and_comes_back_is_somebody_new_and_not_mailed(stage: Stage) -> None:
    """The address alone is remembered, as a hash: it brings nothing back but the suppression."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    stage.unsubscribe("ann")
    erase_all(stage, "ann@example.com")
    known = stage.store.read(lambda tx: forgotten.known(tx, ["ann@example.com"]))
    assert known == {"ann@example.com"}
    stage.event("form.submitted", "ann")
    stage.work()
    assert stage.transport.sent == []
    assert stage.lead("ann")["stage"] == "lead"


def test_a_message_in_flight_lands_before_its_line_is_emptied(sqlite_stage: Stage) -> None:
    """The erasure waits for it, and ends when it has landed, or when its sender has died."""
    stage = sqlite_stage
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted")
    stage.advance()
    lease = stage.job()["created_at"] + timedelta(minutes=5)
    stage.store.write(
        lambda tx: tx.conn.execute(
            sa.update(jobs.table).values(
                state="in_flight", lease_until=lease, address="ann@example.com"
            )
        )
    )
    done = erase_all(stage, "ann@example.com")
    assert (done.is_over, done.waits) == (False, 1)
    assert [one.partition(":")[0] for one in mentions(stage.store, ("ann@example",))] == [
        "job.address"
    ]
    stage.turn(hours=1)
    firing.fire_due(stage.store)
    assert mentions(stage.store, ("ann@example",)) == []
    assert stage.job()["state"] == "in_doubt"
    assert dangling(stage.store) == []


@on_sqlite
def test_former_addresses_and_merged_leads_go_too(stage: Stage) -> None:
    """What was merged into the lead, and addresses that it had, are its own: all of it goes."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted", "ann")
    stage.event("form.submitted", "old")
    change_lead(stage.store, "ann@example.com", {"email": "ann@newer.example"}, actor="x")
    merge(stage.store, "ann@newer.example", "old@example.com", actor="li.wei")
    done = erase_all(stage, "old@example.com")
    assert set(done.addresses) == {"ann@newer.example", "ann@example.com", "old@example.com"}
    assert mentions(stage.store, ("ann@", "old@")) == []
    assert dangling(stage.store) == []


@on_sqlite
def test_a_deal_stays_without_the_name_of_its_contact(stage: Stage) -> None:
    """Stage and amount stay, and texts that name nobody; the erasure says which deals it met."""
    person(stage)
    stage.store.write(
        lambda tx: tx.conn.execute(
            sa.update(deals.table).values(
                name="Annual plan", lost_reason="price", fields={"note": "call Zaphod Beeblebrox"}
            )
        )
    )
    done = erase_all(stage, SECRETS[0])
    (deal,) = stage.all(deals.table)
    assert done.deals == ["deal-1"]
    assert (deal["name"], deal["lost_reason"], deal["fields"]) == (
        "Annual plan",
        "price",
        {"note": ""},
    )
    assert (deal["lead"], deal["decision_maker"]) == (done.id, None)


@on_sqlite
def test_an_event_that_names_an_erased_lead_is_refused(stage: Stage) -> None:
    """An id that somebody has kept brings nothing back."""
    stage.publish(nurture=NURTURE)
    stage.event("form.submitted")
    id = stage.lead()["id"]
    done = erase_all(stage, "ann@example.com")
    for name in (id, done.id):
        answer = take_in(stage.store, [IncomingEvent("form.submitted", {"id": name})])
        assert len(answer.rejected) == 1
    assert len(stage.all(enrollments.table)) == 1


@on_sqlite
def test_open_tasks_of_an_erased_lead_are_over(stage: Stage) -> None:
    """Nobody is asked to call somebody who is not there."""
    person(stage)
    erase_all(stage, SECRETS[0])
    assert {row["state"] for row in stage.all(tasks.table)} == {"done"}
