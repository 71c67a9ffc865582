"""Where a slice's effects are collected while it is walked, to be written as batches afterwards.

Actions change leads, add tasks and queue jobs through the desk; conditions further down see the
change at once, because the facts in the scopes are changed too. Nothing is written before `flush`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from pydantic import JsonValue

from activities._deals import DealDesk, edges_of
from activities._noticing import NoticeDesk
from activities._rising import Rises
from engine.errors import InputError
from engine.ids import (
    LeadId,
    derived_id,
    job_id,
    kind_of_queue,
    lane_of,
    message_id,
    new_id,
    queue_in_lane,
)  # fmt: skip
from engine.mail.render import render_text, render_value
from engine.operations import score_keeping
from engine.operations.batching import apart
from engine.operations.deal_changes import store_deal_events
from engine.operations.derived import store_derived
from engine.operations.drawing import DrawDesk
from engine.operations.owning import OwnerDesk
from engine.operations.published import Current
from engine.operations.reactions import Leave, Reactor, Wish
from engine.operations.scopes import owner_record
from engine.operations.sunsetting import Sunset, sunset
from engine.playbook.plan import Ask, Send
from engine.playbook.values import History, Value
from engine.runtime.deal_moves import MoveDecision
from engine.runtime.fields import read_lead
from engine.runtime.matching import Edge
from engine.runtime.position import Member, Rise
from engine.store import escalations, jobs, lead_writing, scores, tasks
from engine.store.database import Transaction

JOBS_IN_A_BATCH = 250
JOBS_OF_MANY = 500
"""The same where a slice is full: what a batch costs Temporal and the driver is shared by more, and
as others follow, no sender is left with nothing to do."""

MAIL_QUEUE = "longplay-email"


@dataclass(slots=True)
class Desk:
    """The effects of one slice, in one transaction.

    Args:
        tx: the open transaction; the leads of the slice are locked.
        current: what is published.
        cohort: the cohort that is driven.
        facts: lead id → its facts; shared with the members' scopes.
        deals: deal id → its facts; shared in the same way.
    """

    tx: Transaction
    current: Current
    cohort: str
    facts: dict[str, dict[str, Value]]
    histories: Mapping[str, History] = field(default_factory=dict)
    deals: dict[str, dict[str, Value]] = field(default_factory=dict)
    _before: dict[str, dict[str, Value]] = field(default_factory=dict)
    _changed: dict[str, dict[str, Value]] = field(default_factory=dict)
    _why: dict[str, list[str]] = field(default_factory=dict)
    _spare: set[str] = field(default_factory=set)
    _tasks: list[dict[str, Any]] = field(default_factory=list)
    _points: list[dict[str, Any]] = field(default_factory=list)
    _jobs: list[dict[str, Any]] = field(default_factory=list)
    _wishes: list[Wish] = field(default_factory=list)
    _leaves: list[Leave] = field(default_factory=list)
    _deal_desk: DealDesk | None = None
    _asked_again: list[str] = field(default_factory=list)
    _sunsets: list[Sunset] = field(default_factory=list)
    _rises: Rises = field(default_factory=Rises)
    _owners: OwnerDesk | None = None
    _splits: DrawDesk | None = None
    _notices: NoticeDesk | None = None

    @property
    def now(self) -> datetime:
        """The moment of the slice."""
        return self.tx.now

    @property
    def owners(self) -> OwnerDesk:
        """Who may own what; loaded when the first lead of the slice is assigned."""
        if self._owners is None:
            self._owners = OwnerDesk(self.tx, self.current)
        return self._owners

    @property
    def splits(self) -> DrawDesk:
        """Where arms are drawn; made when the first member of the slice comes to a split."""
        if self._splits is None:
            self._splits = DrawDesk(self.tx, self.current)
        return self._splits

    @property
    def notices(self) -> NoticeDesk:
        """Where notices are collected."""
        if self._notices is None:
            self._notices = NoticeDesk(self.tx, self.current)
        return self._notices

    @property
    def deal_desk(self) -> DealDesk:
        """Changes and opens deals."""
        if self._deal_desk is None:
            self._deal_desk = DealDesk(self.tx, self.current, self.deals)
        return self._deal_desk

    def text(self, template: str, member: Member) -> str:
        """A template text, rendered for the member."""
        return render_text(template, member.scope) if "{" in template else template

    def value(self, template: str, member: Member) -> Value:
        """A template text; a lone `{{ x }}` keeps its type."""
        found = render_value(template, member.scope) if "{" in template else template
        return cast(Value, found)

    def change(self, member: Member, values: Mapping[str, Value]) -> list[str]:
        """Changes fields of the member's record; answers what really changed.

        A bare name is a field of what the playbook is for; `lead.` and `deal.` may be written.

        Raises:
            InputError: a value does not fit its field.
        """
        of: dict[str, dict[str, Value]] = {}
        for key, value in values.items():
            record, _, name = key.rpartition(".")
            of.setdefault(record or member.plan.record, {})[name] = value
        changed = self.change_lead(member, of["lead"]) if "lead" in of else []
        if "deal" in of:
            if member.deal is None:
                raise InputError("the run knows no deal", help="open one with a `deal:` step")
            changed += self.deal_desk.change(member, of["deal"])
            self._spare.add(member.id)
        return changed

    def move_deal(self, member: Member, wanted: str, *, pipeline: str, force: bool) -> MoveDecision:
        """Moves the deal that the run knows, when its pipeline allows it."""
        self._spare.add(member.id)
        return self.deal_desk.move(member, wanted, pipeline=pipeline, force=force)

    def change_lead(self, member: Member, values: Mapping[str, Value]) -> list[str]:
        """`change` of the lead itself; of a deal, its primary contact."""
        facts = self.facts[member.lead]
        custom, zone = self.current.custom, self.current.zone
        typed = {name: read_lead(name, value, custom, zone) for name, value in values.items()}
        differing = {name: value for name, value in typed.items() if facts.get(name) != value}
        if not differing:
            return []
        if member.lead not in self._before:
            self._before[member.lead] = dict(facts)
        facts.update(differing)
        self._changed.setdefault(member.lead, {}).update(differing)
        op = member.plan.ops[member.pc]
        self._why.setdefault(member.lead, []).append(f"{member.plan.playbook}/{op.step}")
        self._spare.add(member.id)
        if "owner" in differing and member.plan.record == "lead":
            member.scope["owner"] = owner_record(self.current, facts.get("owner"))
        return list(differing)

    def points(self, member: Member, name: str, points: float, reason: str) -> None:
        """Adds behavior points to a score, with the reason in its ledger."""
        facts = self.facts[member.lead]
        if member.lead not in self._before:
            self._before[member.lead] = dict(facts)
        score_keeping.give(self.current, facts, name, points, self.now)
        row = score_keeping.ledger_row(member.lead, name, points, reason, self.now, self.now)
        self._points.append(row | {"id": derived_id("points", member.id, member.seq)})
        self._spare.add(member.id)

    def task(self, member: Member, **columns: Any) -> None:
        """Puts a task into somebody's inbox; its key is (enrollment, seq)."""
        self._tasks.append(
            {
                "id": job_id(member.id, member.seq), "lead": member.lead, "deal": member.deal,
                "enrollment": member.id, "state": "open", "created_at": self.now,
                "kind": "task", "text": "", "priority": "", "result": "", "due_at": None,
                "snoozed_until": None, "ended_at": None, "owner": None,
            }
            | columns
        )  # fmt: skip

    def ask(self, member: Member, op: Ask, until_at: datetime) -> None:
        """Asks the first person of the list that there is; nobody: the common inbox."""
        people = (self.owners.person(who, member.scope) for who in op.by)
        self.task(
            member,
            kind="approval",
            subject=self.text(op.text, member),
            text=f"{member.plan.title or member.plan.playbook}: {op.step}",
            owner=next(filter(None, people), None),
            due_at=until_at,
        )
        if "asked" in member.memory:
            self._asked_again.append(member.id)
        task = self._tasks[-1]
        member.memory["asked"] = task["id"]
        if task["owner"]:
            self.notices.asked(member, task["id"], task["owner"], task["subject"])

    def rise(self, member: Member, rise: Rise) -> None:
        """Shows a level that fires in the inbox, and keeps it in the record of escalations."""
        self._rises.add(member, rise, self.now)

    def unsubscribe(self, member: Member, address: str, topic: str) -> None:
        """Stops marketing to the member's lead, about `topic` or (empty) about everything."""
        step = member.plan.ops[member.pc].step
        self._sunsets.append(
            Sunset(member.lead, address, topic, member.id, member.seq, member.plan.playbook, step)
        )

    def wish(self, wish: Wish) -> None:
        """Asks for an enrollment in another playbook."""
        self._wishes.append(wish)

    def leave(self, member: Member, playbook: str, key: str, why: str) -> None:
        """Ends the record's enrollment of this key in another playbook; no key: each of them."""
        self._leaves.append(Leave(member.lead, member.deal or "", playbook, key, why))

    def queue(
        self, member: Member, op: Send, *, queue: str, marketing: bool,
        params: dict[str, JsonValue],
    ) -> None:  # fmt: skip
        """Queues the job of (enrollment, seq)."""
        job = job_id(member.id, member.seq)
        self._jobs.append(
            {
                "id": job, "enrollment": member.id, "seq": member.seq, "cohort": self.cohort,
                "batch": "", "queue": queue_in_lane(queue, lane_of(self.cohort)), "kind": op.action,
                "playbook": member.plan.playbook, "step": op.step, "lead": member.lead,
                "state": "queued", "marketing": marketing, "attempt": 0, "token": "",
                "message_id": message_id(job, self.current.domain),
                "address": "", "subject": "", "links": [], "reason": "",
                "params": params | {"digest": member.plan.digest, "pc": member.pc},
                "lease_until": None, "not_before": None, "accepted_at": None, "ended_at": None,
                "created_at": self.now,
            }
        )  # fmt: skip

    def forget(self, member: Member) -> None:
        """Drops what a member queued in the step that failed; changes before it stand."""
        self._jobs = [one for one in self._jobs if one["enrollment"] != member.id]
        if self._notices is not None:
            self._notices.forget(member)

    def flush(self) -> None:
        """Writes the records, tasks and jobs of the slice."""
        self._flush_leads()
        if self._deal_desk is not None:
            self._deal_desk.flush()
        scores.add(self.tx, self._points)
        if self._asked_again:
            tasks.close_of(self.tx, self._asked_again, result="asked again")
        tasks.insert(self.tx, self._tasks)
        if self._notices is not None:
            self._notices.flush()
        escalations.show(self.tx, self._rises.lines)
        escalations.record(self.tx, self._rises.acts)
        if self._owners is not None:
            self._owners.flush()
        if self._splits is not None:
            self._splits.flush()
        due = jobs.due_deferred(self.tx, self.cohort, 500)
        batches, requeued = [], []
        going: list[tuple[str, str, Any]] = [
            (job["queue"], self._address(job["kind"], job["lead"]), job) for job in self._jobs
        ]
        going += [
            (row["queue"], row["address"] if _is_mail(row["queue"]) else "", row["id"])
            for row in due
        ]
        for group in apart(self.tx, self.current, going):
            is_full = len(group.jobs) >= JOBS_OF_MANY and not group.destination
            for chunk in _chunks(group.jobs, JOBS_OF_MANY if is_full else JOBS_IN_A_BATCH):
                batch = new_id()
                batches.append(
                    {
                        "id": batch, "cohort": self.cohort, "queue": group.queue, "state": "open",
                        "destination": group.destination, "touched_at": self.now,
                    }
                )  # fmt: skip
                for one in chunk:
                    if isinstance(one, dict):
                        one["batch"] = batch
                requeued.append((batch, [one for one in chunk if isinstance(one, str)]))
        jobs.open_batches(self.tx, batches)
        jobs.insert(self.tx, self._jobs)
        for batch, ids in requeued:
            if ids:
                jobs.requeue(self.tx, ids, batch)

    def react(self) -> None:
        """Lets the changes set off what they set off; after the members' rows are written."""
        reactor = Reactor(self.tx, self.current, self.facts, self.histories, self.deals)
        edges = {
            lead: Edge(before, self.facts[lead], new_id()) for lead, before in self._before.items()
        }
        occurrences = store_derived(self.tx, self.current, edges)
        occurrences += sunset(self.tx, self._sunsets)
        changed = self._deal_desk.changes() if self._deal_desk is not None else []
        deal_edges = edges_of(changed, self._before)
        occurrences += store_deal_events(self.tx, self.current, deal_edges)
        reactor.react(occurrences, edges, spare=frozenset(self._spare), deal_edges=deal_edges)
        reactor.leave(self._leaves)
        reactor.enroll(self._wishes)

    def _address(self, kind: str, lead: str) -> str:
        return str(self.facts.get(lead, {}).get("email") or "") if kind == "email" else ""

    def _flush_leads(self) -> None:
        groups: dict[str, dict[str, dict[str, Value]]] = {}
        for lead, values in self._changed.items():
            groups.setdefault(", ".join(self._why[lead]), {})[lead] = values
        for why, changes in groups.items():
            lead_writing.save_many(
                self.tx,
                {LeadId(lead): values for lead, values in changes.items()},
                actor="playbook",
                reason=why,
                custom=self.current.custom,
                zone=self.current.zone,
            )


def _is_mail(queue: str) -> bool:
    return kind_of_queue(queue) == MAIL_QUEUE


def _chunks(members: list[Any], size: int) -> Iterable[list[Any]]:
    for start in range(0, len(members), size):
        yield members[start : start + size]
