"""The stage itself: a lead goes through mails and waits to the end, on both databases."""

from tests.runtime.stage import Stage, soundness

TOUR = """\
enroll: {when: [{event: form.submitted}]}
steps:
  - email: note
  - wait: 2 days
  - email: other
  - end: done
"""


def test_a_lead_goes_through_a_playbook_to_its_end(stage: Stage) -> None:
    """Mails go one by one, waits last as long as they are written, and the outcome is kept."""
    stage.publish(tour=TOUR)
    stage.event("form.submitted")
    stage.work()
    assert stage.log() == [("email-note", "accepted")]
    stage.turn(days=1, hours=23)
    stage.work()
    assert stage.run()["state"] == "waiting"
    stage.turn(hours=2)
    stage.work()
    assert stage.run()["outcome"] == "done"
    assert [one.recipient for one in stage.transport.sent] == ["ann@example.com"] * 2
    soundness(stage)
