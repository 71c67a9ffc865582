"""A whole runtime without Temporal: a store, a courier, and a loop in the place of the drivers.

It holds no rules of its own: `work` does what a driver does, ask, deliver, ask again.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from activities._advance import Progress, advance
from activities._call import Messenger
from activities._send import Courier, Delivered
from engine.calls.client import Caller
from engine.calls.destinations import Destinations
from engine.calls.network import Resolver, system_resolver
from engine.mail.links import LinkSigner
from engine.mail.transports.memory import MemoryTransport
from engine.operations import calls, editions, publish
from engine.operations.clock_guard import ClockGuard
from engine.operations.editions import Edition, Folder
from engine.operations.intake import IncomingEvent, Intake, take_in
from engine.operations.letters import Writer
from engine.operations.requests import CallWriter
from engine.store import enrollments, jobs, leads, tasks
from engine.store.columns import Instant
from engine.store.database import Store, Transaction

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Monday, noon in Shanghai."""

WORKSPACE = """\
workspace: acme
timezone: Asia/Shanghai
sender:
  from: "Acme <hello@acme.example>"
  postal_address: "1 Funnel Street"
fields:
  lead: {segment: text, trial_ends_at: datetime}
topics: [product-tips]
team:
  owners:
    li.wei: {name: 李伟, email: li.wei@acme.example}
"""

PAGE = """\
<title>Hello</title><p>Dear {{ lead.first_name | default("friend") }}</p>
<p><a href="https://www.example.com/start">Begin here</a></p>
<p>{{ sender.postal_address }} <a href="{{ unsubscribe_url }}">unsubscribe</a></p>
"""


class Clock:
    """A clock that tests move: `turn` lets time pass, `step` only sets the clock."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.steady = 0.0

    def __call__(self) -> datetime:
        return self.now

    def turn(self, by: timedelta) -> None:
        self.now += by
        self.steady += by.total_seconds()

    def step(self, by: timedelta) -> None:
        self.now += by


def steps(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


@cache
def _edition(workspace: str, playbooks: tuple[tuple[str, str], ...]) -> Edition:
    files = {"longplay.yaml": workspace.encode()}
    files |= {f"playbooks/{name}.yaml": text.encode() for name, text in playbooks}
    folder = Folder(files, {"note.html": PAGE, "other.html": PAGE.replace("Hello", "Other")})
    checked = editions.check(folder)
    assert checked.ok, [str(one) for one in checked.diagnostics]
    return editions.edition_of(folder, checked)


def edition_with(workspace: str = WORKSPACE, **playbooks: str) -> Edition:
    """An edition of playbooks, given without their first line; `_` in a name is a hyphen."""
    named = {name.replace("_", "-"): text for name, text in playbooks.items()}
    full = tuple((name, f"playbook: {name}\n{text}") for name, text in named.items())
    return _edition(workspace, full)


@dataclass
class Stage:
    """The parts, and what tests look at."""

    store: Store
    clock: Clock | None = None
    transport: MemoryTransport = field(default_factory=MemoryTransport)
    environment: dict[str, str] = field(default_factory=dict)
    allow_private: bool = True
    resolver: Resolver = system_resolver

    def __post_init__(self) -> None:
        writer = Writer(LinkSigner([b"a key for tests, nothing else"]), "http://127.0.0.1")
        guard = ClockGuard((lambda: clock.steady) if (clock := self.clock) else time.monotonic)
        self.courier = Courier(self.store, writer, self.transport, guard)

    def publish(self, workspace: str = WORKSPACE, **playbooks: str) -> None:
        """Publishes playbooks, given without their first line; `_` in a name is a hyphen."""
        publish.publish(self.store, edition_with(workspace, **playbooks))

    def event(self, name: str, lead: str = "ann", **options: Any) -> Intake:
        """One event of the lead `lead`@example.com; options are those of IncomingEvent."""
        fields = options.pop("fields", {})
        given = {"email": f"{lead}@example.com", **fields}
        answer = take_in(self.store, [IncomingEvent(name, given, **options)])
        assert not answer.rejected, answer.rejected
        return answer

    def crowd(self, size: int, name: str = "form.submitted") -> None:
        """An event of each of `size` leads, in batches."""
        every = [IncomingEvent(name, {"email": f"lead{n}@example.com"}) for n in range(size)]
        for start in range(0, size, 200):
            take_in(self.store, every[start : start + 200])

    def unsubscribe(self, lead: str = "ann") -> None:
        self.event("email.unsubscribed", lead)

    def turn(self, **by: float) -> None:
        """Lets time pass; where the clock is the database's own, by making every row older."""
        span = timedelta(**by)
        if self.clock is not None:
            self.clock.turn(span)
            return
        self.store.write(lambda tx: _age(tx, span))

    def cohorts(self) -> list[str]:
        query = sa.select(enrollments.cohort_table.c.id).order_by(enrollments.cohort_table.c.id)
        return [row[0] for row in self.read(query)]

    def advance(self) -> list[Progress]:
        """Asks for every cohort until nothing more is due."""
        answers = []
        for cohort in self.cohorts():
            progress = advance(self.store, cohort)
            while _has_more(progress):
                progress = advance(self.store, cohort)
            answers.append(progress)
        return answers

    def deliver(self, batch: str) -> Delivered:
        if calls.are_calls(self.all(jobs.batch_table, id=batch)[0]["queue"]):
            return asyncio.run(self._call(batch))
        return asyncio.run(self.courier.deliver(batch))

    async def _call(self, batch: str) -> Delivered:
        caller = Caller(allow_private=self.allow_private, resolver=self.resolver)
        key = b"a key for tests, nothing else"
        writer = CallWriter(self.environment, (key,), LinkSigner([key]), "http://127.0.0.1")
        messenger = Messenger(self.store, writer, Destinations(caller), self.courier.guard)
        try:
            return await messenger.deliver(batch)
        finally:
            await caller.close()

    def open_batches(self) -> list[str]:
        return [batch for one in self.advance() for batch, _ in one.batches]

    def work(self, rounds: int = 50) -> None:
        """Drives until nothing is due and every open batch has been tried."""
        for _ in range(rounds):
            batches = self.open_batches()
            taken = [self.deliver(batch).taken for batch in batches]
            if not any(taken) and not any(map(_has_more, self.advance())):
                return
        raise AssertionError("it does not come to rest")

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        return self.store.read(lambda tx: tx.conn.execute(query).all())

    def all(self, table: sa.Table, **equal: object) -> list[dict[str, Any]]:
        """Rows as mappings, by id where there is one."""
        query = sa.select(table).filter_by(**equal)
        if "id" in table.c:
            query = query.order_by(table.c.id)
        return self.store.read(lambda tx: [dict(row) for row in tx.conn.execute(query).mappings()])

    def runs(self, **equal: object) -> list[dict[str, Any]]:
        """Enrollments."""
        return self.all(enrollments.table, **equal)

    def run(self, **equal: object) -> dict[str, Any]:
        """The one enrollment there is."""
        (found,) = self.runs(**equal)
        return found

    def jobs(self, **equal: object) -> list[dict[str, Any]]:
        return self.all(jobs.table, **equal)

    def job(self, **equal: object) -> dict[str, Any]:
        (found,) = self.jobs(**equal)
        return found

    def tasks(self, **equal: object) -> list[dict[str, Any]]:
        return self.all(tasks.table, **equal)

    def log(self, run: str | None = None) -> list[tuple[str, str]]:
        """(step, outcome) of everything the one enrollment did."""
        id_ = run or self.run()["id"]
        return [
            (row["step"], row["outcome"])
            for row in self.store.read(lambda tx: enrollments.steps_of(tx, id_))
        ]

    def lead(self, name: str = "ann") -> dict[str, Any]:
        (found,) = self.all(leads.table, email=f"{name}@example.com")
        return found


def _has_more(progress: Progress) -> bool:
    """On a clock that stands still, what is due in a moment is never due."""
    return progress.more and (progress.wake_at or progress.now) <= progress.now


def soundness(stage: Stage) -> None:
    """Each enrollment in one state, each op logged once, each job in a legal state."""
    lines: dict[str, list[int]] = {}
    for row in stage.all(enrollments.log_table):
        lines.setdefault(row["enrollment"], []).append(row["seq"])
    for run in stage.runs():
        assert run["state"] in {"pending", "active", "waiting", "held", "finished", "stopped"}
        assert (run["state"] == "finished") == (run["ended_at"] is not None), run
        assert (run["state"] == "held") == (run["held_at"] is not None), run
        assert run["state"] != "pending" or run["seq"] == 0, run
        assert sorted(lines.get(run["id"], [])) == list(range(run["seq"])), run
    legal = {"queued", "in_flight", "accepted", "deferred", "in_doubt", "skipped", "rejected"}
    legal.add("bounced")
    for job in stage.jobs():
        assert job["state"] in legal, job
        assert job["state"] != "accepted" or job["accepted_at"] is not None, job
        # What was accepted may come back later.
        assert job["accepted_at"] is None or job["state"] in {"accepted", "bounced"}, job
        assert (job["state"] == "deferred") <= (job["not_before"] is not None), job


def _age(tx: Transaction, span: timedelta) -> None:
    """All in one round trip: some tests turn the clock a hundred times."""
    by = f"make_interval(secs => {span.total_seconds()})"
    changes = []
    for table in SQLModel.metadata.sorted_tables:
        times = [f'"{one.name}" = "{one.name}" - {by}' for one in table.c if _is_moment(one)]
        if times:
            changes.append(f'UPDATE "{table.name}" SET {", ".join(times)}')
    tx.conn.exec_driver_sql("; ".join(changes))


def _is_moment(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, Instant)
