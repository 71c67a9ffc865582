"""The doctor: is the store sound? Each check counts, and names the rows that break the rule.

Every enrollment is in exactly one state, and what it waits for exists (runtime.md, I19). All of it
is set-based: a check is a statement, whatever the number of enrollments. Nothing is repaired.
Step logs are the longest table: they are gone through once, and again only to name what is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.errors import LongplayError
from engine.operations import (
    after_restore,
    brakes,
    clock_guard,
    clocks,
    coming,
    mail_routes,
    published,
)
from engine.store import enrollments, jobs, lead_writing, retention, tasks
from engine.store.database import Store, Transaction
from engine.store.tables import Heartbeat

SHOWN = 5
"""Ids that a finding names."""

LATE = timedelta(minutes=1)
"""How long something may be due before somebody must ask where the worker is."""

AHEAD = timedelta(seconds=5)
"""How far the newest row may be ahead of the clock: two machines' clocks differ a little."""

STATES = ("pending", "active", "waiting", "held", "finished", "stopped")

heartbeat_table: sa.Table = Heartbeat.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Check:
    """One look: what at, whether it is well, and what was found."""

    name: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, object]:
        """What `--json` shows."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail}


def examine(
    store: Store, *, tell: Callable[[Check, int, int], None] = lambda check, done, all: None
) -> list[Check]:
    """Looks at everything that the store can tell, in one consistent picture.

    Args:
        store: the store.
        tell: hears of each check as soon as it is done, and which one it is of how many; a large
            store takes a while.
    """
    return store.read(lambda tx: _examined(tx, tell))


def _examined(tx: Transaction, tell: Callable[[Check, int, int], None]) -> list[Check]:
    if tx.is_postgres:
        # Counting by enrollment would go by way of files otherwise; it ends with the transaction.
        tx.conn.execute(sa.text("SET LOCAL work_mem = '64MB'; SET LOCAL statement_timeout = 0"))
    found = []
    for name, look in _CHECKS:
        found.append(_looked(tx, name, look))
        tell(found[-1], len(found), len(_CHECKS))
    return found


def _looked(tx: Transaction, name: str, look: Callable[[Transaction], tuple[bool, str]]) -> Check:
    try:
        ok, detail = look(tx)
    except LongplayError as error:
        return Check(name, False, f"{error.message}; {error.help}" if error.help else error.message)
    return Check(name, ok, detail)


def _published(tx: Transaction) -> tuple[bool, str]:
    current = published.current(tx)
    count = len(current.plans)
    return True, f"{count} playbook{'' if count == 1 else 's'} of '{current.workspace.workspace}'"


def _clock(tx: Transaction) -> tuple[bool, str]:
    """Whether the clock stands behind what was committed (I18)."""
    newest = [
        at
        for table, column in (
            (enrollments.table, "entered_at"), (lead_writing.change_table, "at"),
            (jobs.batch_table, "touched_at"), (tasks.table, "created_at"),
        )
        if (at := _latest(tx, table, column)) is not None
    ]  # fmt: skip
    beat = _last_beat(tx, "clock")
    ahead = max([*newest, *([beat] if beat else [])], default=tx.now) - tx.now
    if ahead > AHEAD:
        return False, (
            f"the clock says {tx.now.isoformat(timespec='seconds')}, which is {_span(ahead)} "
            "before the newest row: set the machine's clock right"
        )
    waiting = clock_guard.said(tx)
    if waiting:
        return False, f"mail waits: {waiting}; once the clock is right, start the worker anew"
    return True, tx.now.isoformat(timespec="seconds")


def _latest(tx: Transaction, table: sa.Table, column: str) -> datetime | None:
    """The time of the row made last: ids ascend with time, and the key has an index."""
    query = sa.select(table.c[column]).order_by(table.c.id.desc()).limit(1)
    found: datetime | None = tx.conn.execute(query).scalar()
    return found


def _last_beat(tx: Transaction, kind: str) -> datetime | None:
    query = sa.select(sa.func.max(heartbeat_table.c.at)).where(heartbeat_table.c.kind == kind)
    found: datetime | None = tx.conn.execute(query).scalar()
    return found


def _worker(tx: Transaction) -> tuple[bool, str]:
    """Whether what is due is being served."""
    job = jobs.table
    oldest = [
        tx.conn.execute(query).scalar()
        for query in (
            sa.select(sa.func.min(job.c.not_before)).where(
                jobs.is_deferred, job.c.not_before <= tx.now
            ),
            sa.select(sa.func.min(clocks.table.c.next_at)).where(clocks.table.c.next_at <= tx.now),
            sa.select(sa.func.min(coming.table.c.at)).where(coming.table.c.at <= tx.now),
        )
    ]
    oldest.append(enrollments.oldest_due(tx))
    late = tx.now - min((at for at in oldest if at is not None), default=tx.now)
    beat = _last_beat(tx, "worker")
    seen = f"; a worker was seen {_span(tx.now - beat)} ago" if beat else ""
    if late > LATE:
        return False, (
            f"something has been due for {_span(late)} and nobody serves it{seen}: "
            "is a worker running? longplay up, or longplay worker"
        )
    return True, f"nothing has been due for longer than {_span(max(late, timedelta()))}{seen}"


def _states(tx: Transaction) -> tuple[bool, str]:
    """Exactly one state each, and the columns agree with it."""
    row = enrollments.table.c
    ended = row.ended_at.is_not(None)
    wrong = sa.or_(
        row.state.not_in(STATES),
        (row.state == "finished") != ended,
        sa.and_(row.state == "finished", row.outcome == ""),
        (row.state == "held") != row.held_at.is_not(None),
        sa.and_(row.state == "stopped", row.reason == ""),
        sa.and_(row.state == "pending", row.seq != 0),
    )
    query = sa.select(row.state, sa.func.count()).group_by(row.state).order_by(row.state)
    counted = [f"{n} {state}" for state, n in tx.conn.execute(query)]
    summary = ", ".join(counted) or "no enrollment yet"
    return _none(tx, sa.select(row.id).where(wrong), "in no state, or in two", summary)


def _woken(tx: Transaction) -> tuple[bool, str]:
    """Whoever is not ended is due at some time, or something else wakes it."""
    row = enrollments.table.c
    forgotten = sa.and_(
        row.ended_at.is_(None),
        row.wake_at.is_(None),
        row.state.in_(("pending", "active", "waiting")),
        row.blocked_on.not_in(("job", "await")),
    )
    query = sa.select(row.id).where(forgotten)
    return _none(tx, query, "woken by nothing", "whoever waits is woken by something")


def _recount(tx: Transaction) -> tuple[bool, str]:
    """As many lines in the step log as ops were passed, from 0 on without a gap; and no others."""
    if _adds_up(tx):
        return True, "every step log adds up to where its enrollment stands"
    ok, detail = _off(tx)
    return _lost_lines(tx) if ok else (ok, detail)


def _adds_up(tx: Transaction) -> bool:
    """Whether all is well, told in one pass over the log along its key."""
    row, lines = enrollments.table.c, _lines()
    old = _may_be_tidied(tx)
    wrong = sa.or_(row.id.is_(None), _differs(lines))
    logs = sa.select(
        sa.func.coalesce(sa.func.sum(sa.case((wrong, 1), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.case((~old, 1), else_=0)), 0),
    ).select_from(sa.outerjoin(lines, enrollments.table, row.id == lines.c.enrollment))
    faults, with_log = tx.conn.execute(logs).one()
    begun = sa.select(sa.func.count()).where(row.seq > 0, ~old)
    return bool(faults == 0 and with_log == tx.conn.execute(begun).scalar_one())


def _lines() -> sa.Subquery:
    """Of each enrollment in the log: how many lines, the first and the last."""
    line = enrollments.log_table.c
    first, last = sa.func.min(line.seq).label("first"), sa.func.max(line.seq).label("last")
    counted = sa.select(line.enrollment, sa.func.count().label("lines"), first, last)
    return counted.group_by(line.enrollment).subquery()


def _differs(lines: sa.Subquery) -> sa.ColumnElement[bool]:
    seq, of = enrollments.table.c.seq, lines.c
    return sa.or_(of.lines != seq, of.first != 0, of.last != seq - 1)


def _may_be_tidied(tx: Transaction) -> sa.ColumnElement[bool]:
    """Whether an enrollment ended so long ago that its log may have been tidied away."""
    ended_at, tidied = enrollments.table.c.ended_at, retention.gone_before(tx, "steps")
    return sa.false() if tidied is None else sa.and_(ended_at.is_not(None), ended_at < tidied)


def _off(tx: Transaction) -> tuple[bool, str]:
    row, lines = enrollments.table.c, _lines()
    none = lines.c.lines.is_(None)
    is_off = sa.case((none, sa.and_(row.seq > 0, ~_may_be_tidied(tx))), else_=_differs(lines))
    joined = sa.outerjoin(enrollments.table, lines, lines.c.enrollment == row.id)
    query = sa.select(row.id).select_from(joined).where(is_off)
    return _none(tx, query, "with a step log that does not add up to where it stands", "")


def _lost_lines(tx: Transaction) -> tuple[bool, str]:
    line, row = enrollments.log_table.c, enrollments.table.c
    known = sa.exists().where(row.id == line.enrollment)
    query = sa.select(line.enrollment).where(~known).distinct()
    return _none(tx, query, "in the step log, but not among the enrollments", "")


def _jobs_there(tx: Transaction) -> tuple[bool, str]:
    """Whoever waits for a message has one."""
    row, job = enrollments.table.c, jobs.table.c
    has = sa.exists().where(job.enrollment == row.id, job.seq == row.seq)
    waits = sa.and_(row.ended_at.is_(None), row.blocked_on == "job")
    query = sa.select(row.id).where(waits, ~has)
    well = "every message that an enrollment waits for is there"
    return _none(tx, query, "waiting for a message that is not there", well)


def _jobs_ended(tx: Transaction) -> tuple[bool, str]:
    """A message that is through says since when, and one that is not does not."""
    job = jobs.table.c
    ended = job.state.in_(sorted(jobs.ENDED))
    query = sa.select(job.id).where(ended != job.ended_at.is_not(None))
    fault = "with an end and no time of it, or a time and no end"
    return _none(tx, query, fault, "every message that ended says when", of="message")


def _batches(tx: Transaction) -> tuple[bool, str]:
    """An open batch holds work, and work is in an open batch."""
    job, batch = jobs.table.c, jobs.batch_table.c
    unfinished = job.state.in_(jobs.UNFINISHED)
    empty = sa.select(batch.id).where(
        batch.state == "open", ~sa.exists().where(job.batch == batch.id, unfinished)
    )
    well = "every open batch has work, and all work is in one"
    ok, detail = _none(tx, empty, "open with nothing left in it", well, of="batch")
    if not ok:
        return ok, detail
    is_open = sa.exists().where(batch.id == job.batch, batch.state == "open")
    stray = sa.select(job.id).where(unfinished, ~is_open)
    return _none(tx, stray, "queued in no open batch", well, of="message")


def _stopped(tx: Transaction) -> tuple[bool, str]:
    """A stopped enrollment is in the inbox, where somebody decides."""
    row, task = enrollments.table.c, tasks.table.c
    told = sa.exists().where(
        task.enrollment == row.id, task.kind == "stopped", task.state == "open"
    )
    query = sa.select(row.id).where(row.state == "stopped", ~told)
    stopped = tx.conn.execute(
        sa.select(sa.func.count()).select_from(enrollments.table).where(row.state == "stopped")
    ).scalar_one()
    waiting = f"{stopped} in the inbox: longplay inbox" if stopped else "none is stopped"
    return _none(tx, query, "stopped, and not in the inbox", waiting)


def _questions(tx: Transaction) -> tuple[bool, str]:
    """Whoever waits for a person's answer has asked for it."""
    row, task = enrollments.table.c, tasks.table.c
    asked = sa.exists().where(task.enrollment == row.id, task.kind == "approval")
    waits = sa.and_(row.ended_at.is_(None), row.blocked_on == "answer")
    query = sa.select(row.id).where(waits, ~asked)
    well = "every answer that an enrollment waits for has been asked for"
    return _none(tx, query, "waiting for an answer to no question", well)


def _in_doubt(tx: Transaction) -> tuple[bool, str]:
    """Messages of which nobody knows whether they went; they are held for a person, not lost."""
    job = jobs.table.c
    count, named = _found(tx, sa.select(job.id).where(job.state == "in_doubt", jobs.is_unusual))
    if not count:
        return True, "none"
    return True, f"{count}, held until somebody decides: {named}"


def _brake(tx: Transaction) -> tuple[bool, str]:
    on = sorted(brakes.on(tx))
    if not on:
        return True, "off"
    what = "all mail" if brakes.EVERYTHING in on else ", ".join(map(brakes.said, on))
    return True, f"on for {what}: nothing of it leaves until longplay resume"


def _restored(tx: Transaction) -> tuple[bool, str]:
    """Whether the store is a copy whose mail since is not settled."""
    found = after_restore.standing(tx)
    if found is None:
        return True, "the store is no copy, or that is settled"
    told = (
        f"a copy of {found.copied_at.isoformat(timespec='seconds')}: {found.enrollments} "
        f"enrollments may have gone on without it, {found.mailed} messages are known to have "
        f"gone, {found.held} are held in doubt"
    )
    if found.released_at is None:
        return False, f"{told}; no mail leaves: longplay restored show, then longplay resume"
    return True, told


def _none(
    tx: Transaction, query: sa.Select[Any], fault: str, well: str, *, of: str = "enrollment"
) -> tuple[bool, str]:
    """No row may be found; those that are, are counted and named."""
    count, named = _found(tx, query)
    if not count:
        return True, well
    plural = f"{of}{'es' if of.endswith('ch') else 's'}" if count > 1 else of
    return False, f"{count} {plural} {fault}: {named}"


def _found(tx: Transaction, query: sa.Select[Any]) -> tuple[int, str]:
    some = query.subquery()
    count: int = tx.conn.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    if not count:
        return 0, ""
    ids = [str(row[0]) for row in tx.conn.execute(query.limit(SHOWN))]
    return count, ", ".join(ids) + (", …" if count > len(ids) else "")


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


_CHECKS: tuple[tuple[str, Callable[[Transaction], tuple[bool, str]]], ...] = (
    ("workspace", _published),
    ("clock", _clock),
    ("worker", _worker),
    ("brake", _brake),
    ("states", _states),
    ("wake", _woken),
    ("step-log", _recount),
    ("jobs", _jobs_there),
    ("job-ends", _jobs_ended),
    ("batches", _batches),
    ("stopped", _stopped),
    ("questions", _questions),
    ("in-doubt", _in_doubt),
    ("restored", _restored),
    ("mail-accounts", mail_routes.told_of_all),
)
