"""Control of enrollments: each a transaction and a nudge, so it works while Temporal is down (I16).

A held enrollment's clock stands still: on resume its times move by as long as it was held.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.enrollment_rows import finish_rows
from engine.playbook.plan import Ask, Await, Branch, Jump, Op, Repeat, Send, Split, Wait
from engine.runtime.position import ON_ANSWER, ON_JOB, Finish, Logged
from engine.store import enrollments, jobs, leads, tasks
from engine.store.database import Store, Transaction

OPEN = ("pending", "active", "waiting")


@dataclass(frozen=True, slots=True)
class Controlled:
    """What was done to one enrollment: its state before and after."""

    id: str
    before: str
    after: str


def pause(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Holds an enrollment: its clock stands still, events meanwhile are kept for it."""

    def work(tx: Transaction, row: sa.RowMapping) -> dict[str, Any]:
        _must(row, OPEN, "paused")
        return {"state": "held", "held_at": tx.now, "wake_at": None}

    return _control(store, enrollment, work)


def resume(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Lets a held enrollment go on, its times moved by as long as it was held."""

    def work(tx: Transaction, row: sa.RowMapping) -> dict[str, Any]:
        _must(row, ("held",), "resumed")
        stood = tx.now - row["held_at"]
        jobs.resume(tx, row["id"], stood)
        if row["blocked_on"] == ON_ANSWER:
            tasks.postpone(tx, row["id"], _later(row["until_at"], stood))
        return {
            "state": "waiting" if row["blocked_on"] else "active" if row["seq"] else "pending",
            "held_at": None,
            # It is looked at once, now: whatever happened meanwhile was kept for it.
            "wake_at": tx.now,
            "until_at": _later(row["until_at"], stood),
            "anchor_at": row["anchor_at"] + stood,
        }

    return _control(store, enrollment, work)


def cancel(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Ends an enrollment, with outcome `cancelled`. A message in flight goes, and is recorded."""

    def work(tx: Transaction, row: sa.RowMapping) -> dict[str, Any]:
        _must(row, (*OPEN, "held", "stopped"), "cancelled")
        finish_rows(tx, [(row, Finish("cancelled", f"cancelled by {actor or 'a person'}"))])
        tasks.close_of(tx, [row["id"]], result="cancelled")
        return {}

    return _control(store, enrollment, work)


def retry(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Tries the step again at which an enrollment stopped, under a new seq."""

    def work(tx: Transaction, row: sa.RowMapping) -> dict[str, Any]:
        _must(row, ("stopped",), "retried")
        tasks.close_of(tx, [row["id"]], result="retried")
        op = published.plan(tx, row["digest"]).ops[row["pc"]]
        # The step before ended long ago; what follows a step that works now counts from now.
        anchor = row["anchor_at"] if isinstance(op, Wait | Await) else tx.now
        return _free(tx, row) | {"anchor_at": anchor}

    return _control(store, enrollment, work)


def skip(store: Store, enrollment: str, actor: str = "") -> Controlled:
    """Ends the wait an enrollment is in, or leaves out the step that failed or is held."""

    def work(tx: Transaction, row: sa.RowMapping) -> dict[str, Any]:
        _must(row, ("waiting", "held", "stopped"), "skipped")
        if row["blocked_on"] == ON_JOB:
            _void_job(tx, row)
        tasks.close_of(tx, [row["id"]], result="skipped")
        op = published.plan(tx, row["digest"]).ops[row["pc"]]
        line = Logged(row["seq"], op.op, op.step, "skipped", f"skipped by {actor or 'a person'}")
        seq = row["seq"]
        if row["state"] != "stopped":
            enrollments.log(tx, [(row["id"], line)])
            seq += 1
        if isinstance(op, Split):
            return _free(tx, row) | {"seq": seq, "memory": _hurried(row, op), "anchor_at": tx.now}
        return _free(tx, row) | {"pc": _behind(op, row["pc"]), "seq": seq, "anchor_at": tx.now}

    return _control(store, enrollment, work)


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


def _control(
    store: Store,
    enrollment: str,
    work: Callable[[Transaction, sa.RowMapping], Mapping[str, Any]],
) -> Controlled:
    def transaction(tx: Transaction) -> Controlled:
        found = enrollments.by_id(tx, enrollment)
        if found is None:
            raise NotFoundError(
                f"no enrollment has the id '{enrollment}'",
                help="list them with: longplay enrollments list",
            )
        leads.lock(tx, [found["lead"]])
        row = enrollments.lock_one(tx, enrollment)
        values = work(tx, row)
        if values:
            enrollments.set_values(tx, enrollment, row["seq"], values)
        tx.nudges.add(row["cohort"])
        after = enrollments.lock_one(tx, enrollment)
        return Controlled(enrollment, row["state"], after["state"])

    return store.write(transaction)


def _must(row: sa.RowMapping, states: tuple[str, ...], verb: str) -> None:
    if row["state"] not in states:
        raise InputError(
            f"an enrollment that is '{row['state']}' cannot be {verb}",
            help=f"it must be {' or '.join(states)}",
        )


def _free(tx: Transaction, row: sa.RowMapping) -> dict[str, Any]:
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


def _void_job(tx: Transaction, row: sa.RowMapping) -> None:
    """Takes back the queued job; one that is in flight goes, and nobody waits for it."""
    job = jobs.table
    mine = sa.and_(job.c.enrollment == row["id"], job.c.seq == row["seq"])
    tx.conn.execute(
        sa.update(job)
        .where(mine, job.c.state.in_(("queued", "deferred")))
        .values(state="skipped", reason="the step was skipped", ended_at=tx.now)
    )
    batches = tx.conn.execute(sa.select(job.c.batch).where(mine)).scalars().all()
    for batch in filter(None, batches):
        jobs.settle_batch(tx, batch)
