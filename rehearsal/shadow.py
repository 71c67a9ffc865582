"""Playing a shadow: what another version would have done with the leads that entered the live one.

Every live enrollment's lead is put into a store in memory as it was when it entered, and what the
real store recorded since happens to it again, at the same times, under the other version. The real
store is only read. Nothing can leave: messages are decided about as ever, then taken as accepted
without being written, and there is no transport here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from activities._advance import advance
from engine.errors import LongplayError, NeverWorksError
from engine.mail.transports.port import Accepted, Reply
from engine.operations import published
from engine.operations.calls import are_calls
from engine.operations.clock_guard import ClockGuard
from engine.operations.editions import Edition
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.lead_changes import react_to
from engine.operations.publish import publish
from engine.operations.reactions import Reactor, Wish
from engine.operations.reports import Sent, report
from engine.operations.scopes import load_facts, load_histories
from engine.operations.shadows import Story
from engine.operations.windows import Letter, claim
from engine.playbook.plan import Plan
from engine.store import enrollments, events, jobs, lead_writing, leads, suppressions
from engine.store.database import Transaction
from engine.store.lead_facts import STANDINGS
from engine.store.memory import MemoryStore
from rehearsal.house import RunClock

_TAKEN = Accepted(Reply(250, "", "a shadow's: nothing was sent"))
_TOKEN = "shadow"
_MOST_ROUNDS = 2000
_MADE_HERE = ("email.sent", "email.delivered", "lead.", "deal.")
"""Events that follow from others: they come about again by themselves."""

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a story: the step log, and the outcome, or the state of one still open."""

    lines: Sequence[Line]
    outcome: str


@dataclass
class ShadowHouse:
    """The runtime in memory for one playbook's other version; one story after the other.

    Args:
        plan: the version to play.
        edition: it alone, in the live workspace.
    """

    plan: Plan
    edition: Edition
    clock: RunClock = field(default_factory=RunClock)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        self._guard = ClockGuard(self.clock.steady)
        publish(self.store, self.edition)
        self._empty = self.store.keep()

    def close(self) -> None:
        """Throws everything away."""
        self.store.close()

    def play(self, story: Story, names: Mapping[str, str], until: datetime) -> "Played":
        """What the version does with a story until a moment.

        Args:
            story: what is on record.
            names: live step id → this version's, for answers to mail.
            until: as far as the live enrollment has come in time.
        """
        self.store.take_up(self._empty)
        self.clock.now = story.run["entered_at"]
        declined = self.store.write(lambda tx: self._begin(tx, story))
        if declined:
            return Played((), f"not enrolled: {declined}")
        for at, happen in sorted(self._coming(story, names), key=lambda one: one[0]):
            self._on_until(min(at, until))
            if at > until:
                break
            self.clock.now = at
            happen()
        self._on_until(until)
        return self.store.read(_played)

    def _begin(self, tx: Transaction, story: Story) -> str:
        """Puts the lead in and enrolls it; answers why it was not let in."""
        current = published.current(tx)
        lead = _writable(story.lead)
        lead_writing.create_many(
            tx, [lead], actor="shadow", custom=current.custom,
            lifecycle=current.workspace.lifecycle, zone=current.zone,
        )  # fmt: skip
        events.insert_new(tx, [dict(one) for one in story.past])
        began = story.run["entered_at"]
        for one in story.blocks:
            at = one["at"]
            if isinstance(at, datetime) and at <= began:
                _block(tx, str(lead.get("email")), one)
        record = story.run["record"]
        leads.lock(tx, [record])
        facts = load_facts(tx, current, [record])
        histories = load_histories(tx, [record], self.plan.history) if self.plan.history else {}
        wish = Wish(
            record, self.plan.playbook, "shadow", "as the live version did",
            event=story.run["memory"].get("event"), event_id=story.run["event"],
            key=story.run["key"],
        )  # fmt: skip
        reaction = Reactor(tx, current, facts, histories).enroll([wish])
        return reaction.declined[0][2].why if reaction.declined else ""

    def _coming(
        self, story: Story, names: Mapping[str, str]
    ) -> Iterator[tuple[datetime, Callable[[], None]]]:
        """What happens after the entry, each with its time."""
        record, email = story.run["record"], str(story.lead.get("email") or "")
        for one in story.happened:
            if not str(one["name"]).startswith(_MADE_HERE):
                yield one["accepted_at"], lambda one=one: self._take_in(story, one, names)  # type: ignore[misc]
        for at, values in story.changes:
            yield at, lambda values=values: self._change(record, values)  # type: ignore[misc]
        for at, name, points in story.points:
            yield at, lambda name=name, points=points: self._score(record, name, points)  # type: ignore[misc]
        for one in story.blocks:
            at = one["at"]
            if isinstance(at, datetime) and at > story.run["entered_at"]:
                yield at, lambda one=one: self.store.write(lambda tx: _block(tx, email, one))  # type: ignore[misc]

    def _take_in(self, story: Story, one: Line, names: Mapping[str, str]) -> None:
        run, source = "", ""
        if str(one["name"]).startswith("email."):
            step = str(one["properties"].get("step") or "")
            is_mine = step in story.mailed and story.mailed[step] <= one["accepted_at"]
            source = names.get(step, step) if is_mine else ""
            run = self.store.read(_newest_run) if is_mine else "another"
            general = one["name"] in ("email.unsubscribed", "email.complained", "email.bounced")
            run = "" if general else run
        event = IncomingEvent(
            one["name"], {"id": story.run["record"]}, id=one["id"], at=one["at"],
            properties=one["properties"], enrollment=run, source=source,
        )  # fmt: skip
        take_in(self.store, [event])

    def _change(self, lead: str, values: Mapping[str, Any]) -> None:
        def work(tx: Transaction) -> None:
            current = published.current(tx)
            changed = lead_writing.save_many(
                tx, {lead: values}, actor="shadow", custom=current.custom, zone=current.zone  # type: ignore[dict-item]
            )  # fmt: skip
            react_to(tx, list(changed.values()), starts=False)

        try:
            self.store.write(work)
        except LongplayError:
            return  # a field that the workspace no longer has: no version can look at it

    def _score(self, lead: str, name: str, points: float) -> None:
        def now(tx: Transaction) -> float:
            facts = load_facts(tx, published.current(tx), [lead])[lead]
            score = facts.get("score")
            return float(score) if isinstance(score, int | float) else 0.0

        if name == "score":
            self._change(lead, {"score": self.store.read(now) + points})

    def _on_until(self, until: datetime) -> None:
        """Lets everything happen that is due up to a moment."""
        for _ in range(_MOST_ROUNDS):
            due = self._settle()
            if due is None or due > until:
                return
            self.clock.now = max(due, self.clock.now)
        raise NeverWorksError("the shadow does not come to rest")

    def _settle(self) -> datetime | None:
        for _ in range(_MOST_ROUNDS):
            answers = [advance(self.store, one) for one in self.store.read(_cohorts)]
            batches = [batch for one in answers for batch in one.batches]
            for batch, queue in batches:
                self._carry(batch, mail=not are_calls(queue))
            due = min((one.wake_at for one in answers if one.wake_at), default=None)
            rests = not batches and not any(one.more for one in answers)
            if rests and (due is None or due > self.clock.now):
                return due
        raise NeverWorksError("the shadow does not come to rest in one moment")

    def _carry(self, batch: str, *, mail: bool) -> None:
        """Decides about a batch; what would go is taken as gone."""
        if not mail:
            self.store.write(lambda tx: _taken(tx, batch))
            return
        while self.store.write(lambda tx: self._window(tx, batch)):
            pass

    def _window(self, tx: Transaction, batch: str) -> bool:
        window = claim(tx, batch, _TOKEN, self._guard, size=100)
        if window.letters:
            report(tx, batch, _TOKEN, [_sent(one) for one in window.letters])
        return window.left


def _writable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a new lead can be made with."""
    left_out = {"version", "full_name", "scores", STANDINGS}
    return {name: value for name, value in facts.items()
            if value not in (None, [], {}) and name not in left_out}  # fmt: skip


def _block(tx: Transaction, email: str, one: Mapping[str, Any]) -> None:
    suppressions.add(
        tx, email, reason=str(one["reason"]), topic=str(one["topic"]), source=str(one["source"])
    )


def _cohorts(tx: Transaction) -> list[str]:
    table = enrollments.cohort_table
    return [row[0] for row in tx.conn.execute(sa.select(table.c.id).order_by(table.c.id))]


def _newest_run(tx: Transaction) -> str:
    found = enrollments.page(tx, limit=1)
    return str(found[0]["id"]) if found else ""


def _played(tx: Transaction) -> "Played":
    query = sa.select(enrollments.log_table).order_by(enrollments.log_table.c.seq)
    lines = tuple(dict(row) for row in tx.conn.execute(query).mappings())
    (run,) = enrollments.page(tx, limit=1)
    return Played(lines, str(run["outcome"] or run["state"]))


def _taken(tx: Transaction, batch: str) -> None:
    """A batch that goes elsewhere than to a mailbox: taken as answered, and nobody was asked."""
    job = jobs.table
    query = sa.select(job.c.id, job.c.enrollment, job.c.seq).where(
        job.c.batch == batch, job.c.state == "queued"
    )
    rows = tx.conn.execute(query).all()
    done = {"state": "accepted", "accepted_at": tx.now, "ended_at": tx.now}
    jobs.write(tx, [{"id": row.id, **done} for row in rows], tuple(done))
    enrollments.wake_at_seq(tx, [(row.enrollment, row.seq) for row in rows])
    jobs.settle_batch(tx, batch)


def _sent(letter: Letter) -> Sent:
    return Sent(
        job=letter.job, enrollment=letter.enrollment, seq=letter.seq,
        lead=str(letter.lead.get("id") or ""), step=letter.op.step, playbook=letter.playbook,
        address=letter.recipient.mailing.address, subject="",
        template=str(letter.op.params.get("template") or ""), links=(), attempt=letter.attempt,
        created_at=letter.created_at, marketing=letter.recipient.mailing.marketing, resend=False,
        outcome=_TAKEN,
    )  # fmt: skip
