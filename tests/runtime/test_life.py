"""Any life that enrollments may have: after every step the books agree, and in the end all rests.

A state machine plays leads, workers that die, people at the controls and clocks that jump, against
the real runtime on SQLite; each rule is one thing that happens.
"""

import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from activities import _send
from activities._advance import advance
from engine.errors import InputError
from engine.ids import new_id
from engine.mail.transports.memory import MemoryTransport
from engine.mail.transports.port import (
    Accepted,
    DeferralClass,
    Deferred,
    Envelope,
    InDoubt,
    NotSent,
    Outcome,
    Rejected,
    RejectionClass,
    Reply,
)
from engine.operations import brakes, control
from engine.operations.clock_guard import ClockGuard
from engine.operations.doctor import examine
from engine.operations.reports import report
from engine.operations.windows import Window, claim
from engine.store.database import Store
from tests.runtime.stage import WORKSPACE, Clock, Stage, soundness

NURTURE = """\
enroll: {when: [{event: form.submitted}], again: always}
exit:
  - {event: order.placed, goal: bought, value: event.amount}
  - if: "'customer' in lead.tags"
send: {expires: 3 days, topic: product-tips}
steps:
  - email: note
    id: hello
  - wait: 1 day
  - wait_for: email.clicked
    from: hello
    up_to: 1 day
    then: [{score: +10}]
    else: [{email: other}]
  - repeat: {times: 2}
    steps:
      - email: note
      - wait: 3 hours
  - task: Call {{ lead.email }}
"""
SLOW = """\
enroll: {when: [{event: page.viewed}], key: event.path, again: always}
steps:
  - wait_for: [form.submitted, order.placed]
    up_to: 2 days
  - tag: seen
  - email: other
  - notify: li.wei
    message: Look
"""
RECEIPT = """\
enroll: {when: [{event: order.placed}], key: event.id, again: always}
exit_on_unsubscribe: false
steps:
  - {email: note, as: transactional}
  - tag: customer
  - wait: 1 hour
  - untag: customer
"""
SPACE = WORKSPACE + "caps: {marketing: [2 per day]}\n"

LEADS = st.sampled_from(["ann", "bob", "eve"])
OUTCOMES: list[Outcome | None] = [
    None,
    None,
    Deferred(Reply(451, "4.7.1", "later"), DeferralClass.GREYLISTED, timedelta(minutes=2)),
    Rejected(Reply(550, "5.7.1", "spam"), RejectionClass.CONTENT, suppress=False),
    Rejected(Reply(550, "5.1.1", "unknown"), RejectionClass.HARD_BOUNCE, suppress=True),
    InDoubt("the link was lost"),
    NotSent("no route"),
]


def _carelessly(connection: Any, _record: Any) -> None:
    """Nothing here outlives the test, so nothing need reach the disk."""
    connection.execute("PRAGMA synchronous=OFF").close()


class Life(RuleBasedStateMachine):
    """Leads, workers, people and clocks."""

    def __init__(self, template: Path, folder: Path) -> None:
        super().__init__()
        path = folder / f"{new_id()}.db"
        shutil.copyfile(template, path)
        self.clock = Clock()
        self.stage = Stage(Store(f"sqlite:///{path}", clock=self.clock), self.clock)
        sa.event.listen(self.stage.store.engine, "connect", _carelessly)
        self.stage.publish(SPACE, nurture=NURTURE, slow=SLOW, receipt=RECEIPT)
        self.outcome: Outcome | None = None
        self.handed_over: Counter[str] = Counter()
        self.asked_again: Counter[str] = Counter()
        self.left: set[tuple[str, str]] = set()
        self.orphans: list[tuple[str, str, Window]] = []
        self.transport = MemoryTransport(self.hand_over)
        self.stage.courier = replace(self.stage.courier, transport=self.transport)

    def hand_over(self, envelope: Envelope) -> Outcome | None:
        outcome, self.outcome = self.outcome, None
        if outcome is None or isinstance(outcome, InDoubt):
            self.note(envelope.message_id, envelope.recipient)
        return outcome

    def note(self, message_id: str, recipient: str) -> None:
        (job,) = self.stage.jobs(message_id=message_id)
        topic = "product-tips" if job["playbook"] == "nurture" else ""
        if job["marketing"]:
            assert not self.left & {(recipient, ""), (recipient, topic)}, "mailed after it left"
        if job["marketing"]:
            self.handed_over[message_id] += 1

    @initialize()
    def a_campaign_begins(self) -> None:
        for lead in ("ann", "bob", "eve"):
            self.stage.event("form.submitted", lead)
            self.stage.event("page.viewed", lead, properties={"path": "/"})
        self.stage.advance()

    @rule(lead=LEADS, name=st.sampled_from(["page.viewed", "form.submitted", "order.placed"]))
    def a_lead_does(self, lead: str, name: str) -> None:
        self.stage.event(name, lead, properties={"id": new_id(), "path": "/pricing", "amount": 5})

    @rule(data=st.data())
    def clicks(self, data: st.DataObject) -> None:
        sent = [job for job in self.stage.jobs(state="accepted") if job["kind"] == "email"]
        if sent:
            job = data.draw(st.sampled_from(sent))
            lead = job["address"].partition("@")[0]
            at = {"enrollment": job["enrollment"], "source": job["step"]}
            self.stage.event("email.clicked", lead, **at)

    @rule(lead=LEADS, topic=st.sampled_from(["", "product-tips"]))
    def a_lead_leaves(self, lead: str, topic: str) -> None:
        self.stage.event("email.unsubscribed", lead, properties={"topic": topic} if topic else {})
        self.left.add((f"{lead}@example.com", topic))

    @rule(outcome=st.sampled_from(OUTCOMES), minutes=st.sampled_from([0, 3, 200, 1500]))
    def a_worker_sends(self, outcome: Outcome | None, minutes: int) -> None:
        self.clock.turn(timedelta(minutes=minutes))
        self.outcome = outcome
        for batch in self.stage.open_batches():
            self.stage.deliver(batch)
        self.outcome = None

    @rule(limit=st.integers(1, 3), size=st.integers(0, 9), handed=st.booleans())
    def a_worker_dies(self, limit: int, size: int, handed: bool) -> None:
        """After it advanced some, or in the middle of a window of `size` messages."""
        for cohort in self.stage.cohorts():
            for batch, _ in advance(self.stage.store, cohort, limit=limit).batches[:size]:
                self._abandon(batch, size, handed=handed)

    def _abandon(self, batch: str, size: int, *, handed: bool) -> None:
        token, guard = new_id(), self.stage.courier.guard
        window = self.stage.store.write(lambda tx: claim(tx, batch, token, guard, size=size))
        self.orphans.append((batch, token, window))
        for letter in window.letters if handed else ():
            self.note(letter.message_id, letter.recipient.mailing.address)

    @precondition(lambda self: self.orphans)
    @rule(outcome=st.sampled_from([Accepted(Reply(250, "", "ok")), NotSent("stopped")]))
    def a_worker_comes_back(self, outcome: Outcome) -> None:
        batch, token, window = self.orphans.pop()
        if isinstance(outcome, NotSent):
            for letter in window.letters:  # it says so because nothing of it was sent
                if self.handed_over[letter.message_id]:
                    return
        sent = [_send._sent(letter, None, outcome) for letter in window.letters]
        self.stage.store.write(lambda tx: report(tx, batch, token, sent))

    @rule(
        data=st.data(),
        action=st.sampled_from(["pause", "resume", "cancel", "retry", "skip"]),
    )
    def a_person_acts(self, data: st.DataObject, action: str) -> None:
        runs = self.stage.runs(ended_at=None)
        if runs:
            run = data.draw(st.sampled_from([run["id"] for run in runs]))
            with suppress(InputError):
                getattr(control, action)(self.stage.store, run)

    @rule()
    def a_person_sends_again(self) -> None:
        for job in self.stage.jobs(state="in_doubt")[:1]:
            self.asked_again[job["message_id"]] += 1
            control.retry_job(self.stage.store, job["id"])

    @rule(pull=st.booleans(), scope=st.sampled_from(["*", "nurture"]))
    def a_person_brakes(self, pull: bool, scope: str) -> None:
        def write(tx: Any) -> None:
            if pull:
                brakes.pull(tx, scope, "eve")
            else:
                brakes.let_go(tx, scope)

        self.stage.store.write(write)

    @rule(hours=st.sampled_from([-24, -1, 0, 1, 24]))
    def the_clock_is_set(self, hours: int) -> None:
        """And after a day somebody has looked, and starts the worker anew."""
        self.clock.step(timedelta(hours=hours))
        self.clock.turn(timedelta(days=1))
        self.a_worker_starts_anew()

    def a_worker_starts_anew(self) -> None:
        guard = ClockGuard(lambda: self.clock.steady)
        self.stage.courier = replace(self.stage.courier, guard=guard)

    @invariant()
    def the_books_agree(self) -> None:
        soundness(self.stage)

    @invariant()
    def no_marketing_goes_twice_by_itself(self) -> None:
        for message_id, times in self.handed_over.items():
            assert times <= 1 + self.asked_again[message_id], message_id

    def stopped(self) -> set[str]:
        return {run["id"] for run in self.stage.runs(state="stopped")}

    def teardown(self) -> None:
        """Whatever has happened: left alone with a working worker, everything comes to rest."""
        self.outcome = None
        self.stage.store.write(lambda tx: [brakes.let_go(tx, one) for one in ("*", "nurture")])
        for run in self.stage.runs(state="held"):
            control.resume(self.stage.store, run["id"])
        stopped = self.stopped()
        for _ in range(15):
            self.clock.turn(timedelta(days=1))
            self.a_worker_starts_anew()
            self.stage.work()
        self.the_books_agree()
        self.no_marketing_goes_twice_by_itself()
        assert stopped <= self.stopped(), "nobody but a person tries a failed step again"
        assert {run["state"] for run in self.stage.runs()} <= {"finished", "stopped"}
        ended = {"accepted", "skipped", "rejected", "bounced", "in_doubt"}
        assert {job["state"] for job in self.stage.jobs()} <= ended
        told = {"in-doubt", "stopped"}  # what waits for a person, and is no fault
        assert [
            one for one in examine(self.stage.store) if not one.ok and one.name not in told
        ] == []
        self.stage.store.close()


def test_every_life_is_sound_and_comes_to_rest(sqlite_store: Store, tmp_path: Path) -> None:
    """In one state each, every op once, no mail twice, none after leaving, nothing left over."""
    template = Path(sqlite_store.url.removeprefix("sqlite:///"))
    run_state_machine_as_test(
        lambda: Life(template, tmp_path),  # type: ignore[arg-type]
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
