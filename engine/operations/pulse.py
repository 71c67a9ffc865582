"""The runtime's pulse: what is open, due, late and in doubt at this moment, and who is at work.

A read model for metrics and `longplay top`. It reads along indexes that hold all it counts, so
that it stays cheap with a million enrollments, and knows no person.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.operations import brakes, published
from engine.operations.heartbeats import table as _beat
from engine.operations.reasons import LONGEST, why_deferred
from engine.operations.sweeper import DUE
from engine.store import enrollments, jobs, returned, tasks
from engine.store.bulk_tables import BulkEnrollment
from engine.store.clock_tables import TriggerClock
from engine.store.database import Store, Transaction

ALIVE = timedelta(seconds=60)
"""How old a sign of life may be."""

SAMPLE = 20_000
"""Deferred messages that are looked at for why they wait."""

RETURNED = ("hard_bounce", "soft_bounce", "complaint")
"""What came back and says that mail should not have gone."""

_STATES = ("pending", "active", "waiting", "held", "stopped")
_ON_THE_WAY = ("pending", "active", "waiting", "held")
_run, _cohort, _job, _batch = (
    enrollments.table,
    enrollments.cohort_table,
    jobs.table,
    jobs.batch_table,
)
_bulk: sa.Table = BulkEnrollment.__table__  # type: ignore[attr-defined]
_clock: sa.Table = TriggerClock.__table__  # type: ignore[attr-defined]

_books = sa.select(_cohort.c.playbook).where(_cohort.c.playbook != "").distinct().subquery()
_states = sa.union_all(*(sa.select(sa.literal(one).label("state")) for one in _STATES)).subquery()
# Name by name and state by state along one index: neither those that have finished nor the rows
# themselves are ever touched, which a plain GROUP BY does on PostgreSQL.
_standing = sa.select(
    _books.c.playbook,
    _states.c.state,
    sa.select(sa.func.count())
    .select_from(_run)
    .where(_run.c.playbook == _books.c.playbook, _run.c.state == _states.c.state)
    .scalar_subquery(),
).join(_states, sa.true())


@dataclass(slots=True)
class PlaybookPulse:
    """A playbook's enrollments that have not finished.

    Attributes:
        states: enrollments by state.
        due: those whose time has come; `late`: by more than a worker's nap.
        oldest: since when the one has been due that has waited longest.
    """

    states: dict[str, int] = field(default_factory=dict)
    due: int = 0
    late: int = 0
    oldest: datetime | None = None

    @property
    def open(self) -> int:
        """Who is on the way."""
        return sum(self.states.get(state, 0) for state in _ON_THE_WAY)

    @property
    def stopped(self) -> int:
        """Who waits for a person's decision."""
        return self.states.get("stopped", 0)


@dataclass(frozen=True, slots=True)
class Process:
    """A process at work: when it last said so, and what it said."""

    name: str
    kind: str
    at: datetime
    build: str = ""
    steps: float = 0
    mails: float = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """The open batches of a queue; `oldest`: since when none has touched the most neglected."""

    batches: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Pulse:
    """The runtime at `now`.

    Attributes:
        brake: what it holds: playbooks' names, or `*`.
        oldest_clock: since when the trigger by the clock has been due that has waited longest.
        bulk: bulk enrollments by state; `bulk_left`: leads that running ones have yet to look at.
        returned: what came back within the last day, by kind.
    """

    now: datetime
    playbooks: Mapping[str, PlaybookPulse]
    queues: Mapping[str, Queue]
    deferred: int
    in_doubt: int
    inbox: int
    brake: frozenset[str]
    processes: Sequence[Process]
    oldest_clock: datetime | None
    bulk: Mapping[str, int]
    bulk_left: int
    returned: Mapping[str, int] = field(default_factory=dict)

    @property
    def steps(self) -> float:
        """Steps passed within the last minute, as the workers count them."""
        return sum(one.steps for one in self.processes)

    @property
    def mails(self) -> float:
        """Mails accepted within the last minute, as the senders count them."""
        return sum(one.mails for one in self.processes)

    @property
    def oldest_due(self) -> float:
        """For how many seconds the enrollment has been due that has waited longest."""
        return max((self.age(one.oldest) for one in self.playbooks.values()), default=0.0)

    def age(self, since: datetime | None) -> float:
        """Seconds from `since` to now; 0 for nothing."""
        return 0.0 if since is None else max(0.0, (self.now - since).total_seconds())


@dataclass(frozen=True, slots=True)
class Glance:
    """What `longplay top` shows.

    Attributes:
        workspace: its name; empty while nothing is published.
        reasons: why deferred messages wait; of some of them only, when there are `very_many`.
    """

    workspace: str
    pulse: Pulse
    reasons: Mapping[str, int]
    very_many: bool

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        seen = self.pulse
        return {
            "workspace": self.workspace,
            "at": seen.now,
            "playbooks": [
                {
                    "playbook": name, "open": one.open, "states": dict(one.states), "due": one.due,
                    "late": one.late, "stopped": one.stopped,
                    "oldest_due_seconds": seen.age(one.oldest),
                }
                for name, one in seen.playbooks.items()
            ],
            "steps_last_minute": seen.steps,
            "mails_last_minute": seen.mails,
            "oldest_due_seconds": seen.oldest_due,
            "oldest_clock_seconds": seen.age(seen.oldest_clock),
            "open_batches": {name: one.batches for name, one in seen.queues.items()},
            "brake": sorted(seen.brake),
            "deferred": seen.deferred,
            "deferred_by_reason": dict(self.reasons),
            "deferred_by_reason_is_a_sample": self.very_many,
            "in_doubt": seen.in_doubt,
            "inbox": seen.inbox,
            "bulk": {"states": dict(seen.bulk), "leads_left": seen.bulk_left},
            "processes": [
                {
                    "process": one.name, "kind": one.kind, "build": one.build,
                    "steps_last_minute": one.steps, "mails_last_minute": one.mails,
                    "seen_seconds_ago": seen.age(one.at),
                }
                for one in seen.processes
            ],
        }  # fmt: skip


def glance(store: Store) -> Glance:
    """What `longplay top` shows, at this moment."""

    def look(tx: Transaction) -> Glance:
        named = published.current(tx).workspace.workspace if published.is_published(tx) else ""
        return Glance(named, pulse(tx), *waiting_for(tx))

    return store.read(look)


def pulse(tx: Transaction) -> Pulse:
    """The runtime as it stands."""
    states, left = _bulks(tx)
    return Pulse(
        now=tx.now,
        playbooks=_playbooks(tx),
        queues=_queues(tx),
        deferred=_count(tx, _job, jobs.is_deferred),
        in_doubt=_count(tx, _job, jobs.is_unusual, _job.c.state == "in_doubt"),
        inbox=_count(tx, tasks.table, sa.text("task.state = 'open'")),
        brake=brakes.on(tx),
        processes=_processes(tx),
        oldest_clock=tx.conn.execute(
            sa.select(sa.func.min(_clock.c.next_at)).where(_clock.c.next_at <= tx.now)
        ).scalar(),
        bulk=states,
        bulk_left=left,
        returned=_returned(tx),
    )


def _returned(tx: Transaction) -> dict[str, int]:
    names = tx.conn.execute(sa.select(_cohort.c.playbook).distinct()).scalars().all()
    return returned.counts(tx, names, RETURNED, since=tx.now - timedelta(days=1))


def waiting_for(tx: Transaction) -> tuple[dict[str, int], bool]:
    """Why deferred messages wait: reason → count; and whether these are only some of very many."""
    few = sa.select(_job.c.reason).where(jobs.is_deferred).limit(SAMPLE).subquery()
    start = sa.func.substr(few.c.reason, 1, LONGEST)
    found: dict[str, int] = {}
    for reason, number in tx.conn.execute(sa.select(start, sa.func.count()).group_by(start)):
        word = why_deferred(reason)
        found[word] = found.get(word, 0) + number
    return found, sum(found.values()) == SAMPLE


def _playbooks(tx: Transaction) -> dict[str, PlaybookPulse]:
    found: dict[str, PlaybookPulse] = {}
    for name, state, number in tx.conn.execute(_standing):
        one = found.setdefault(name, PlaybookPulse())
        if number:
            one.states[state] = number
    wake_at = _run.c.wake_at
    late = sa.func.sum(sa.case((wake_at < tx.now - DUE, 1), else_=0))
    due = (
        sa.select(_cohort.c.playbook, sa.func.count(), late, sa.func.min(wake_at))
        .join(_run, sa.and_(_run.c.cohort == _cohort.c.id, wake_at <= tx.now))
        .where(enrollments.is_open)
        .group_by(_cohort.c.playbook)
    )  # fmt: skip
    for name, number, overdue, oldest in tx.conn.execute(due):
        one = found[name]
        one.due, one.late, one.oldest = number, int(overdue), oldest
    return found


def _queues(tx: Transaction) -> dict[str, Queue]:
    query = (
        sa.select(_batch.c.queue, sa.func.count(), sa.func.min(_batch.c.touched_at))
        .where(sa.text("batch.state = 'open'"))
        .group_by(_batch.c.queue)
    )
    return {queue: Queue(number, oldest) for queue, number, oldest in tx.conn.execute(query)}


def _count(tx: Transaction, table: sa.Table, *where: sa.ColumnElement[bool] | sa.TextClause) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*where)
    return int(tx.conn.execute(query).scalar_one())


def _processes(tx: Transaction) -> list[Process]:
    query = (
        sa.select(_beat)
        .where(_beat.c.at > tx.now - ALIVE, _beat.c.kind.in_(("worker", "sender")))
        .order_by(_beat.c.kind.desc(), _beat.c.process)
    )
    return [
        Process(row["process"], row["kind"], row["at"], **_detail(row["detail"]))
        for row in tx.conn.execute(query).mappings()
    ]


def _detail(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return {
        "build": str(told.get("build", "")),
        "steps": float(told.get("steps", 0)),
        "mails": float(told.get("mails", 0)),
    }


def _bulks(tx: Transaction) -> tuple[dict[str, int], int]:
    left = sa.func.sum(_bulk.c.total - _bulk.c.looked)
    query = (
        sa.select(_bulk.c.state, sa.func.count(), left)
        .where(_bulk.c.state.in_(("running", "paused")))
        .group_by(_bulk.c.state)
    )
    rows = tx.conn.execute(query).all()
    running = next((int(open_) for state, _, open_ in rows if state == "running"), 0)
    return {state: number for state, number, _ in rows}, max(0, running)
