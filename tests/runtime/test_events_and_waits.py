"""Events, invariants 7 to 9: none lost, none twice, in the order of commits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engine.operations.intake import IncomingEvent, take_in
from engine.operations.published import current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_facts
from engine.store import enrollments, leads
from tests.runtime.stage import Stage, soundness

ON_FORM = "enroll: {when: [{event: form.submitted}]}\n"
PATIENT = (
    ON_FORM
    + """\
steps:
  - tag: begun
  - wait_for: order.placed
    up_to: 2 days
    then: [{end: bought}]
    else: [{end: gone}]
"""
)


def test_i7_no_event_is_lost_between_a_wait_and_its_registration(stage: Stage) -> None:
    """Intake and advance in step, in two threads: every lead's order ends its wait."""
    stage.publish(patient=PATIENT)
    stage.crowd(120)
    barrier = threading.Barrier(2)

    def order() -> None:
        barrier.wait()
        for start in range(0, 120, 5):
            some = [
                IncomingEvent("order.placed", {"email": f"lead{n}@example.com"})
                for n in range(start, start + 5)
            ]
            take_in(stage.store, some)

    def drive() -> None:
        barrier.wait()
        for _ in range(12):
            stage.advance()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(order), pool.submit(drive)]:
            done.result()
    stage.advance()
    assert {run["outcome"] for run in stage.runs()} == {"bought"}
    soundness(stage)


def test_i7_two_triggers_at_once_enroll_a_lead_once(stage: Stage) -> None:
    """Two events of the same leads from two clients in step: one enrollment each."""
    stage.publish(patient=PATIENT)
    stage.crowd(60, "page.viewed")  # the leads exist
    barrier = threading.Barrier(2)

    def submit() -> None:
        barrier.wait()
        for n in range(60):
            take_in(
                stage.store, [IncomingEvent("form.submitted", {"email": f"lead{n}@example.com"})]
            )

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(submit), pool.submit(submit)]:
            done.result()
    runs = stage.runs()
    assert len(runs) == len({run["record"] for run in runs}) == 60


def test_i7_two_clients_that_create_the_same_leads_make_each_once(stage: Stage) -> None:
    """The same new addresses from two clients, in opposite order: one lead each, all events."""
    stage.publish(patient=PATIENT)
    names = [f"new{n}@example.com" for n in range(40)]
    barrier = threading.Barrier(2)

    def send(order: list[str]) -> int:
        barrier.wait()
        return sum(
            take_in(
                stage.store,
                [IncomingEvent("form.submitted", {"email": one}) for one in order[at : at + 10]],
            ).accepted
            for at in range(0, 40, 10)
        )

    with ThreadPoolExecutor(2) as pool:
        counts = [pool.submit(send, names), pool.submit(send, names[::-1])]
        assert [one.result() for one in counts] == [40, 40]
    assert len(stage.all(leads.table)) == 40
    assert len(stage.runs()) == 40


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_i8_an_event_is_seen_before_during_and_after_the_wait_begins(
    stage: Stage, when: str
) -> None:
    """Since the last step that was not a wait, an event counts whenever it came."""
    stage.publish(
        patient=ON_FORM
        + "steps:\n  - email: note\n  - wait: 1 hour\n  - wait_for: order.placed\n"
        + "    up_to: 2 days\n    then: [{end: bought}]\n"
    )
    stage.event("form.submitted")
    stage.work()
    if when == "before":
        stage.event("order.placed")
    stage.turn(hours=1, seconds=1)
    if when == "during":
        stage.event("order.placed")
    stage.work()
    if when == "after":
        stage.event("order.placed")
    stage.work()
    assert stage.run()["outcome"] == "bought"


def test_i8_an_event_before_the_last_step_is_not_seen(stage: Stage) -> None:
    """Without `from`, only what came since the last step that was not a wait counts."""
    stage.publish(
        patient=ON_FORM
        + "steps:\n  - wait: 1 hour\n  - tag: late\n  - wait_for: order.placed\n"
        + "    up_to: 2 days\n    then: [{end: bought}]\n"
    )
    stage.event("form.submitted")
    stage.work()
    stage.event("order.placed")
    stage.turn(hours=1, seconds=1)
    stage.work()
    assert stage.run()["state"] == "waiting"


def test_i8_a_click_on_the_named_mail_counts_since_it_was_sent(stage: Stage) -> None:
    """With `from`, an event on that mail counts whatever came between."""
    stage.publish(
        patient=ON_FORM
        + "steps:\n  - email: note\n    id: hello\n  - wait: 1 hour\n  - tag: late\n"
        + "  - wait_for: email.clicked\n    from: hello\n    up_to: 2 days\n"
        + "    then: [{end: clicked}]\n"
    )
    stage.event("form.submitted")
    stage.work()
    stage.event("email.clicked", enrollment=stage.run()["id"], source="hello")
    stage.turn(hours=1, seconds=1)
    stage.work()
    assert stage.run()["outcome"] == "clicked"


def test_i8_an_event_ends_at_most_one_wait(stage: Stage) -> None:
    """A loop over a wait needs a new event each time."""
    stage.publish(
        patient=ON_FORM
        + "steps:\n  - repeat: {times: 3}\n    steps:\n      - wait_for: order.placed\n"
        + "        up_to: forever\n  - end: thrice\n"
    )
    stage.event("form.submitted")
    for round_ in range(3):
        stage.work()
        assert stage.run()["state"] == "waiting", round_
        stage.event("order.placed")
    stage.work()
    assert stage.run()["outcome"] == "thrice"


def test_i8_a_mail_of_another_run_is_not_this_runs_mail(stage: Stage) -> None:
    """`email.*` means mails of this run: a click on another one ends no wait here."""
    stage.publish(
        patient=ON_FORM
        + "steps:\n  - wait_for: email.clicked\n    up_to: 2 days\n    then: [{end: clicked}]\n"
    )
    stage.event("form.submitted")
    stage.event("email.clicked", enrollment="somebody-elses", source="hello")
    stage.work()
    assert stage.run()["state"] == "waiting"


def test_i9_an_event_committed_before_the_time_out_is_acted_upon_wins(
    sqlite_stage: Stage,
) -> None:
    """Late as the worker may be: what was committed before it looked, counts."""
    stage = sqlite_stage
    stage.publish(patient=PATIENT)
    stage.event("form.submitted")
    stage.work()
    stage.turn(days=2, milliseconds=-1)
    stage.event("order.placed")
    stage.turn(hours=3)
    stage.work()
    assert stage.run()["outcome"] == "bought"


def test_i9_an_event_after_the_time_out_was_acted_upon_is_too_late(sqlite_stage: Stage) -> None:
    """Once the time-out has been acted upon, the event changes nothing of it."""
    stage = sqlite_stage
    stage.publish(patient=PATIENT)
    stage.event("form.submitted")
    stage.work()
    stage.turn(days=2)
    stage.work()
    stage.event("order.placed")
    stage.work()
    assert stage.run()["outcome"] == "gone"


def test_i9_the_clients_time_orders_nothing(sqlite_stage: Stage) -> None:
    """An event that says it happened long ago counts when it is committed."""
    stage = sqlite_stage
    stage.publish(patient=PATIENT)
    stage.event("form.submitted")
    stage.work()
    assert stage.clock is not None
    stage.event("order.placed", at=stage.clock.now - timedelta(hours=5))
    stage.work()
    assert stage.run()["outcome"] == "bought"


def test_what_an_event_carries_can_be_filtered_and_saved(stage: Stage) -> None:
    """`where` filters the event, `save` keeps what it said."""
    stage.publish(
        patient=ON_FORM
        + "steps:\n  - wait_for: order.placed\n    where: event.amount >= 100\n"
        + "    up_to: 2 days\n    save: order\n"
        + "    then: [{set: {segment: '{{ run.saved.order.amount }}'}}]\n"
    )
    stage.event("form.submitted")
    stage.work()
    stage.event("order.placed", properties={"amount": 5})
    stage.work()
    assert stage.run()["state"] == "waiting"
    stage.event("order.placed", properties={"amount": 500})
    stage.work()
    assert stage.lead()["fields"]["segment"] == "500"


def test_a_wait_after_an_early_click_counts_from_the_step_that_used_it(
    sqlite_stage: Stage,
) -> None:
    """A click during an earlier wait does not move the next wait back in time."""
    stage = sqlite_stage
    stage.publish(
        patient=ON_FORM
        + "steps:\n  - email: note\n    id: hello\n  - wait: 2 days\n  - wait_for: email.clicked\n"
        + "    from: hello\n    up_to: 1 day\n"
        + "    then:\n      - wait: 1 day\n      - end: clicked\n"
    )
    stage.event("form.submitted")
    stage.work()
    stage.turn(hours=1)
    stage.event("email.clicked", enrollment=stage.run()["id"], source="hello")
    stage.turn(hours=47)
    stage.work()
    assert stage.run()["state"] == "waiting"
    stage.turn(days=1)
    stage.work()
    assert stage.run()["outcome"] == "clicked"


BUYER = ON_FORM + "exit:\n  - {event: order.placed, goal: bought}\nsteps:\n  - wait: 9 days\n"


def test_a_batch_of_events_does_what_the_events_do_one_by_one(stage: Stage) -> None:
    """In one batch too, an order behind the form is an exit of the run that the form began."""
    stage.publish(buyer=BUYER)
    ann = {"email": "ann@example.com"}
    take_in(stage.store, [IncomingEvent("form.submitted", ann), IncomingEvent("order.placed", ann)])
    assert stage.run()["outcome"] == "bought"


def test_an_event_behind_the_start_in_one_batch_ends_a_wait(stage: Stage) -> None:
    """What comes behind the starting event in the same batch is kept for the run."""
    stage.publish(patient=ON_FORM + PATIENT.removeprefix(ON_FORM).replace("  - tag: begun\n", ""))
    ann = {"email": "ann@example.com"}
    take_in(stage.store, [IncomingEvent("form.submitted", ann), IncomingEvent("order.placed", ann)])
    stage.work()
    assert stage.run()["outcome"] == "bought"


def test_the_event_that_starts_a_run_satisfies_neither_its_exit_nor_its_wait(
    stage: Stage,
) -> None:
    """A run that an order begins goes on until the next order."""
    on_order = "enroll: {when: [{event: order.placed}], again: always}\n"
    stage.publish(
        leaver=on_order + "exit:\n  - event: order.placed\nsteps:\n  - wait: 9 days\n",
        waiter=on_order + "steps:\n  - wait_for: order.placed\n    up_to: 9 days\n",
    )
    stage.event("order.placed")
    stage.work()
    assert {run["state"] for run in stage.runs()} == {"waiting"}
    stage.event("order.placed")
    stage.work()
    # Exits come before triggers on one event: `again: always` starts anew.
    assert sorted(run["outcome"] for run in stage.runs(playbook="leaver")) == ["", "exited"]


def test_an_exit_that_counts_events_is_looked_at_on_every_event(stage: Stage) -> None:
    """Also on events that change no field of the lead."""
    stage.publish(
        chaser=ON_FORM
        + "exit:\n  - if: (lead | count('lead.contacted', '9 days')) >= 2\n    goal: reached\n"
        + "steps:\n  - wait: 9 days\n"
    )
    stage.event("form.submitted")
    stage.work()
    for _ in range(2):
        stage.event("lead.contacted")
        stage.work()
    assert stage.run()["outcome"] == "reached"


def test_a_lead_without_a_lock_is_never_in_twice(stage: Stage) -> None:
    """The database itself refuses a second open enrollment of one record and key."""
    stage.publish(patient=PATIENT)
    stage.event("form.submitted")
    row = stage.run()
    twin = row | {"id": "another", "cause": "another"}
    with pytest.raises(Exception, match=r"(?i)unique"):
        stage.store.write(lambda tx: enrollments.insert(tx, [twin]))


def test_an_enrollment_by_hand_beside_a_trigger_is_one(stage: Stage) -> None:
    """Whoever comes second is told that the lead is in already."""
    stage.publish(patient=PATIENT)
    stage.event("form.submitted")
    lead = stage.run()["record"]

    def wish(tx: object) -> list[str]:
        now = current(tx)  # type: ignore[arg-type]
        reactor = Reactor(tx, now, load_facts(tx, now, [lead]))  # type: ignore[arg-type]
        reaction = reactor.enroll([Wish(lead, "patient", "manual:1", "by hand")])
        return [decline.reason for _, _, decline in reaction.declined]

    assert stage.store.write(wish) == ["already-in"]
