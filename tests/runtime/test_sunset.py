"""`unsubscribe`: a playbook's own decision to stop marketing to a lead."""

from typing import Any

from engine.operations.intake import IncomingEvent, take_in
from engine.store import events, leads, suppressions
from tests.runtime.stage import Stage, soundness

SUNSET = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - unsubscribe: all
    id: goodbye
  - email: note
  - tag: sunset
"""
OTHER = """\
enroll: {when: [{event: page.viewed}]}
exit: [{event: email.unsubscribed, goal: gone}]
steps: [{wait: 30 days}]
"""
LISTENING = """\
enroll: {when: [{event: page.viewed}]}
exit_on_unsubscribe: false
steps:
  - wait_for: email.unsubscribed
    up_to: 30 days
    then: [{tag: heard}]
"""


def blocks(stage: Stage) -> list[tuple[str, str, str]]:
    rows = stage.store.read(lambda tx: suppressions.of_address(tx, "ann@example.com"))
    return [(str(row["topic"]), str(row["reason"]), str(row["source"])) for row in rows]


def told(stage: Stage) -> list[dict[str, Any]]:
    return stage.all(events.table, name="email.unsubscribed")


def test_the_lead_is_unsubscribed_and_the_step_is_the_reason(stage: Stage) -> None:
    """Marketing stops; which step stopped it is on the list and in the event."""
    stage.publish(sunset=SUNSET)
    stage.event("form.submitted")
    stage.work()
    assert blocks(stage) == [("", "unsubscribed", "sunset/goodbye")]
    (event,) = told(stage)
    assert event["properties"] == {"step": "goodbye", "playbook": "sunset"}
    soundness(stage)


def test_the_run_that_says_so_goes_on_without_marketing(stage: Stage) -> None:
    """Its mail is left out, what follows is done: a sunset may tidy up behind itself."""
    stage.publish(sunset=SUNSET)
    stage.event("form.submitted")
    stage.work()
    assert (stage.run()["outcome"], stage.lead()["tags"]) == ("completed", ["sunset"])
    assert [job["state"] for job in stage.jobs()] == ["skipped"]


def test_other_runs_end_as_they_do_when_a_lead_unsubscribes(stage: Stage) -> None:
    """Other nurtures are left, and whoever listens for it hears it."""
    stage.publish(sunset=SUNSET, other=OTHER, listening=LISTENING)
    stage.event("page.viewed")
    stage.advance()
    stage.event("form.submitted")
    stage.work()
    ends = {run["playbook"]: run["outcome"] for run in stage.runs()}
    assert ends == {"sunset": "completed", "other": "unsubscribed", "listening": "completed"}
    assert set(stage.lead()["tags"]) == {"sunset", "heard"}


def test_a_topic_ends_no_run(stage: Stage) -> None:
    """Only that topic's mails stop."""
    stage.publish(sunset=SUNSET.replace("all", "product-tips"), other=OTHER)
    stage.event("page.viewed")
    stage.advance()
    stage.event("form.submitted")
    stage.work()
    assert blocks(stage) == [("product-tips", "unsubscribed", "sunset/goodbye")]
    assert {job["state"] for job in stage.jobs()} == {"accepted"}
    (other,) = stage.runs(playbook="other")
    assert other["outcome"] == "gone"  # by its own exit on the event, not by what is implied


def test_who_has_left_already_makes_no_second_event(stage: Stage) -> None:
    """The first reason stands, and nothing is told twice."""
    stage.publish(sunset="exit_on_unsubscribe: false\n" + SUNSET)
    stage.event("page.viewed")
    stage.unsubscribe()
    stage.event("form.submitted")
    stage.work()
    assert len(told(stage)) == 1
    assert len(blocks(stage)) == 1


def test_a_lead_without_an_address_is_left_out(stage: Stage) -> None:
    """There is nothing to stop, and the run goes on."""
    stage.publish(sunset=SUNSET)
    stage.event("page.viewed")
    lead = stage.lead()["id"]
    _without_address(stage, lead)
    take_in(stage.store, [IncomingEvent("form.submitted", {"id": lead})])
    stage.work()
    assert ("goodbye", "left out") in stage.log()
    assert stage.run()["outcome"] == "completed"


def _without_address(stage: Stage, lead: str) -> None:
    table = leads.table
    change = table.update().where(table.c.id == lead).values(email=None, email_key=None)
    stage.store.write(lambda tx: tx.conn.execute(change))


def test_a_crowd_is_unsubscribed_at_once(sqlite_stage: Stage) -> None:
    """Each of a slice has its own event and its own line on the list."""
    stage = sqlite_stage
    stage.publish(sunset=SUNSET)
    stage.crowd(120)
    stage.work()
    assert len(told(stage)) == len(stage.all(suppressions.table)) == 120
