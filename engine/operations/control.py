"""Control of enrollments: each a transaction and a nudge, so it works while Temporal is down (I16).

A held enrollment's clock stands still: on resume its times move by as long as it was held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.enrollment_rows import finish_rows
from engine.playbook.plan import Ask, Await, Branch, Climb, Jump, Op, Repeat, Send, Split, Wait
from engine.runtime.escalating import CLOCK, clock_of
from engine.runtime.position import ON_ANSWER, ON_JOB, Finish, Logged
from engine.store import enrollments, jobs, leads, tasks
from engine.store.database import Store, Transaction
from engine.store.enrollment_changes import Change, set_many

OPEN = ("pending", "active", "waiting")
Verb: TypeAlias = Literal["pause", "resume", "skip", "cancel", "retry"]
STATES: Mapping[Verb, tuple[str, ...]] = {
    "pause": OPEN,
    "resume": ("held",),
    "skip": ("waiting", "held", "stopped"),
    "cancel": (*OPEN, "held", "stopped"),
    "retry": ("stopped",),
}
"""In which states each verb takes an enrollment in hand."""

_DONE = {
    "pause": "paused", "resume": "resumed", "skip": "skipped", "cancel": "cancelled",
    "retry": "retried",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Controlled:
    """What was done to one enrollment: its state before and after."""

    id: str
    before: str
    after: str


def pause(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Holds an enrollment: its clock stands still, events meanwhile are kept for it."""
    return _control(store, enrollment, "pause", actor)


def resume(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Lets a held enrollment go on, its times moved by as long as it was held."""
    return _control(store, enrollment, "resume", actor)


def cancel(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Ends an enrollment, with outcome `cancelled`. A message in flight goes, and is recorded."""
    return _control(store, enrollment, "cancel", actor)


def retry(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Tries the step again at which an enrollment stopped, under a new seq."""
    return _control(store, enrollment, "retry", actor)


def skip(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Ends the wait an enrollment is in, or leaves out the step that failed or is held."""
    return _control(store, enrollment, "skip", actor)


def retry_job(store: Store, job: str) -> None:
    """Sends a message in doubt again: a person has decided that it did not arrive.

    Its run has gone on long since, and goes on; consent is asked for anew.

    Raises:
        InputError: the message is not in doubt.
    """

    def work(tx: Transaction) -> None:
        row = jobs.by_id(tx, job)
        if row is None:
            raise NotFoundError(f"no message has the id '{job}'")
        leads.lock(tx, [row["lead"]])
        if row["state"] != "in_doubt":
            raise InputError(f"message '{job}' is {row['state']}, not in doubt")
        again = {
            "id": job, "state": "deferred", "not_before": tx.now, "batch": "", "ended_at": None,
            "reason": "sent again by a person", "params": row["params"] | {"by_hand": True},
        }  # fmt: skip
        jobs.write(tx, [again], ("state", "not_before", "batch", "ended_at", "reason", "params"))
        tx.nudges.add(row["cohort"])

    store.write(work)


def take_in_hand(tx: Transaction, verb: Verb, rows: Sequence[sa.RowMapping], actor: str) -> None:
    """Does it to enrollments, whose leads and rows are locked, each in one of its `STATES`."""
    doing = {"pause": _pause, "resume": _resume, "cancel": _cancel, "retry": _retry, "skip": _skip}
    set_many(tx, doing[verb](tx, rows, actor or "a person"))
    tx.nudges.update(row["cohort"] for row in rows)


def _control(store: Store, enrollment: str, verb: Verb, actor: str) -> Controlled:
    def transaction(tx: Transaction) -> Controlled:
        found = enrollments.by_id(tx, enrollment)
        if found is None:
            raise NotFoundError(
                f"no enrollment has the id '{enrollment}'",
                help="list them with: longplay enrollments list",
            )
        leads.lock(tx, [found["lead"]])
        row = enrollments.lock_one(tx, enrollment)
        if row["state"] not in STATES[verb]:
            raise InputError(
                f"an enrollment that is '{row['state']}' cannot be {_DONE[verb]}",
                help=f"it must be {' or '.join(STATES[verb])}",
            )
        take_in_hand(tx, verb, [row], actor)
        after = enrollments.lock_one(tx, enrollment)
        return Controlled(enrollment, row["state"], after["state"])

    return store.write(transaction)


def _pause(tx: Transaction, rows: Sequence[sa.RowMapping], _actor: str) -> list[Change]:
    values = {"state": "held", "held_at": tx.now, "wake_at": None}
    return [(row["id"], row["seq"], values) for row in rows]


def _resume(tx: Transaction, rows: Sequence[sa.RowMapping], _actor: str) -> list[Change]:
    stood = {row["id"]: tx.now - row["held_at"] for row in rows}
    jobs.resume(tx, stood)
    asking = [row for row in rows if row["blocked_on"] == ON_ANSWER]
    tasks.postpone(tx, {row["id"]: _later(row["until_at"], stood[row["id"]]) for row in asking})
    return [(row["id"], row["seq"], _resumed(tx, row, stood[row["id"]])) for row in rows]


def _resumed(tx: Transaction, row: sa.RowMapping, stood: timedelta) -> dict[str, Any]:
    clock = clock_of(row["memory"])
    still = clock.held(row["held_at"], tx.now) if clock is not None else None
    return ({"memory": {**row["memory"], CLOCK: still.as_json()}} if still is not None else {}) | {
        "state": "waiting" if row["blocked_on"] else "active" if row["seq"] else "pending",
        "held_at": None,
        # It is looked at once, now: whatever happened meanwhile was kept for it.
        "wake_at": tx.now,
        "until_at": _later(row["until_at"], stood),
        "anchor_at": row["anchor_at"] + stood,
    }


def _cancel(tx: Transaction, rows: Sequence[sa.RowMapping], actor: str) -> list[Change]:
    finish_rows(tx, [(row, Finish("cancelled", f"cancelled by {actor}")) for row in rows])
    tasks.close_of(tx, [row["id"] for row in rows], result="cancelled")
    return []


def _retry(tx: Transaction, rows: Sequence[sa.RowMapping], _actor: str) -> list[Change]:
    tasks.close_of(tx, [row["id"] for row in rows], result="retried")
    changes: list[Change] = []
    for row in rows:
        op = published.plan(tx, row["digest"]).ops[row["pc"]]
        # The step before ended long ago; what follows a step that works now counts from now.
        anchor = row["anchor_at"] if isinstance(op, Wait | Await) else tx.now
        changes.append((row["id"], row["seq"], _free(tx) | {"anchor_at": anchor}))
    return changes


def _skip(tx: Transaction, rows: Sequence[sa.RowMapping], actor: str) -> list[Change]:
    _void_jobs(tx, {row["id"]: row["seq"] for row in rows if row["blocked_on"] == ON_JOB})
    tasks.close_of(tx, [row["id"] for row in rows], result="skipped")
    lines: list[tuple[str, Logged]] = []
    changes: list[Change] = []
    for row in rows:
        op = published.plan(tx, row["digest"]).ops[row["pc"]]
        seq = row["seq"]
        if row["state"] != "stopped":
            line = Logged(seq, op.op, op.step, "skipped", f"skipped by {actor}")
            lines.append((row["id"], line))
            seq += 1
        behind: dict[str, Any] = {"pc": _behind(op, row["pc"])}
        if isinstance(op, Split):
            behind = {"memory": _hurried(row, op)}
        elif isinstance(op, Climb):
            behind = {"memory": _next_level(row)}
        values = _free(tx) | behind | {"seq": seq, "anchor_at": tx.now}
        changes.append((row["id"], row["seq"], values))
    enrollments.log(tx, lines)
    return changes


def _free(tx: Transaction) -> dict[str, Any]:
    """The row as it stands before an op, due now."""
    return {
        "state": "active", "blocked_on": "", "until_at": None, "wake_at": tx.now, "reason": "",
        "held_at": None,
    }  # fmt: skip


def _later(at: datetime | None, by: timedelta) -> datetime | None:
    return None if at is None else at + by


def _hurried(row: sa.RowMapping, op: Split) -> dict[str, Any]:
    """The memory of a run that waits no longer for a split's winner: it draws at once."""
    known = row["memory"].get("hurried") or []
    return {**row["memory"], "hurried": [*known, op.name]}


def _next_level(row: sa.RowMapping) -> dict[str, Any]:
    """The memory of an escalation whose next level fires now."""
    clock = clock_of(row["memory"])
    if clock is None:
        return dict(row["memory"])
    return {**row["memory"], CLOCK: replace(clock, hurried=True).as_json()}


def _behind(op: Op, pc: int) -> int:
    """Where an enrollment goes on when this op is left out."""
    match op:
        case Wait() | Send():
            return pc + 1
        case Await(else_to=there) | Branch(else_to=there) | Repeat(exit_to=there) | Jump(to=there):
            return there
        case Ask(else_to=there):
            return there
        case _:
            return pc + 1


def _void_jobs(tx: Transaction, seqs: Mapping[str, int]) -> None:
    """Takes back queued jobs; one that is in flight goes, and nobody waits for it."""
    job = jobs.table
    query = sa.select(job.c.id, job.c.enrollment, job.c.seq, job.c.batch).where(
        job.c.enrollment.in_(list(seqs)), job.c.state.in_(("queued", "deferred"))
    )
    mine = [row for row in tx.conn.execute(query) if seqs[row.enrollment] == row.seq]
    tx.conn.execute(
        sa.update(job)
        .where(job.c.id.in_([row.id for row in mine]), job.c.state.in_(("queued", "deferred")))
        .values(state="skipped", reason="the step was skipped", ended_at=tx.now)
    )
    for batch in sorted({row.batch for row in mine if row.batch}):
        jobs.settle_batch(tx, batch)
