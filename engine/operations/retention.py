"""Tidying away what is over: which rows may go by `retention` in longplay.yaml, page by page.

It goes by the schedules' driver, a pass a day, a bounded page a transaction; a crash repeats a page
that then finds nothing. What something still asks for never goes: events that a condition counts or
that a running enrollment came in by, doubtful messages, the last enrollment of a record in a
playbook (`again`), rows of the ledger (caps, unsubscribing, links) and what splits have counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.operations import clocks, heartbeats, pacer, published, slowness, throttles
from engine.operations.published import Current
from engine.playbook.conditions import condition
from engine.playbook.plan import Plan
from engine.playbook.retention import longest
from engine.store import enrollments, events, jobs, notices, refusals, retention, tasks
from engine.store.database import Store, Transaction
from engine.store.tables import PlanRow
from engine.store.version_tables import Shadow

LOOK = "retention"
"""The name of the look, among those that the clocks have."""

PAGE = 1_000
"""Rows that a transaction looks at."""

EVERY = timedelta(hours=20)
"""How long after a pass has begun the next may: hourly looks make it one a day."""

_plan_table: sa.Table = PlanRow.__table__  # type: ignore[attr-defined]
_shadow_table: sa.Table = Shadow.__table__  # type: ignore[attr-defined]
_run, _line, _job, _batch = (
    enrollments.table.c, enrollments.log_table.c, jobs.table.c, jobs.batch_table.c
)  # fmt: skip

_Remove = Callable[[Transaction, Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of record: which table, what of it may go, and how it goes.

    `policy`: by whose length, where it has none of its own.
    """

    name: str
    key: sa.ColumnElement[str]
    may_go: Callable[[Transaction, Current, datetime], sa.ColumnElement[bool]]
    remove: _Remove
    policy: str = ""

    def length(self, current: Current) -> str:
        """As longplay.yaml says it; empty: for good."""
        return str(getattr(current.workspace.retention, self.policy or self.name) or "")


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of what `longplay retention` shows.

    Attributes:
        kind: what.
        keep: how long, as longplay.yaml says; empty: for good.
        before: what was over before this moment may go.
        would_go: how many rows that is now.
        removed: how many have gone in all, by the pass that began at `looked_at` and those before.
    """

    kind: str
    keep: str
    before: datetime | None
    would_go: int
    removed: int
    looked_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows."""
        return {name: getattr(self, name) for name in self.__slots__}


def watch(tx: Transaction, current: Current) -> None:
    """After an apply: looks from now on if anything is to go, and not any more if not."""
    if current.workspace.retention.is_asked_for:
        clocks.look_hourly(tx, LOOK)
    else:
        clocks.stop_looking(tx, LOOK)


def look(tx: Transaction, cursor: str) -> str | None:
    """Works off one page; `cursor` says of which kind, and behind which key.

    Returns:
        The cursor for the next page; None when the pass is over, or none is due yet.
    """
    current = published.current(tx)
    name, _, after = cursor.partition(" ")
    if not cursor:
        began = max((one["looked_at"] for one in retention.marks(tx).values()), default=None)
        if began is not None and tx.now - began < EVERY:
            return None
    names = [one.name for one in KINDS]
    for kind in KINDS[names.index(name) if name in names else 0 :]:
        until = _until(tx, current, kind.length(current))
        if until is None:
            continue
        if kind.name != name:
            after = ""
            retention.mark(tx, kind.name, until, begins=True)
        following = _page(tx, current, kind, until, after)
        if following is not None:
            return f"{kind.name} {following}"
    return None


def kept(store: Store) -> list[Kept]:
    """What is kept how long, and what would go now: nothing is removed."""
    return store.read(_kept)


def _kept(tx: Transaction) -> list[Kept]:
    current, marks = published.current(tx), retention.marks(tx)
    found = []
    for kind in KINDS:
        written = kind.length(current)
        mark, until = marks.get(kind.name), _until(tx, current, written)
        count = 0
        if until is not None:
            which = kind.may_go(tx, current, until)
            query = sa.select(sa.func.count()).select_from(kind.key.table).where(which)
            count = tx.conn.execute(query).scalar_one()
        found.append(
            Kept(
                kind=kind.name,
                keep=written,
                before=until,
                would_go=count,
                removed=mark["removed"] if mark else 0,
                looked_at=mark["looked_at"] if mark else None,
            )
        )
    return found


def caught_until(tx: Transaction) -> datetime | None:
    """What the catcher caught before this moment may go, as what is kept of messages does."""
    current = published.current(tx)
    return _until(tx, current, current.workspace.retention.messages or "")


def _until(tx: Transaction, current: Current, written: str) -> datetime | None:
    """What was over before this moment may go; a shadow is played from what came since it began."""
    if not written or not current.workspace.retention.is_asked_for:
        return None
    until = tx.now - longest(written)
    since = tx.conn.execute(sa.select(sa.func.min(_shadow_table.c.since))).scalar()
    return until if since is None else min(until, since)


def _page(
    tx: Transaction, current: Current, kind: _Kind, until: datetime, after: str
) -> str | None:
    """Removes what may go of the next rows by key; answers the last key, None at the end."""
    key = kind.key
    last = tx.conn.execute(
        sa.select(key).where(key > after).order_by(key).offset(PAGE - 1).limit(1)
    ).scalar()
    stretch = [key > after] if last is None else [key > after, key <= last]
    query = sa.select(key).where(*stretch, kind.may_go(tx, current, until)).order_by(key)
    if tx.is_postgres:
        query = query.with_for_update(of=key.table, skip_locked=True)
    ids = list(tx.conn.execute(query).scalars())
    if ids:
        kind.remove(tx, ids)
        retention.mark(tx, kind.name, until, removed=len(ids))
    return last


def counted(tx: Transaction, current: Current) -> frozenset[str]:
    """The events that some condition counts: of any version ever published, and the workspace."""
    bodies = tx.conn.execute(sa.select(_plan_table.c.digest)).scalars()
    plans: list[Plan] = [published.plan(tx, digest) for digest in bodies]
    workspace = current.workspace
    written = [*workspace.segments.values()]
    written += [rule.cond for rules in workspace.assignment.values() for rule in rules]
    for pipeline in workspace.pipelines.values():
        written += [text for one in pipeline.stages for text in (one.enter_if, one.leave_if)]
    found = {name for plan in plans for name in plan.history}
    return frozenset(found.union(*(condition(text).events for text in written if text)))


def _events_that_may_go(
    tx: Transaction, current: Current, until: datetime
) -> sa.ColumnElement[bool]:
    event = events.table.c
    mine = sa.or_(_run.lead == event.lead, _run.deal == event.deal)
    running = sa.exists().where(mine, _run.event == event.id, enrollments.is_open)
    return sa.and_(
        event.accepted_at < until,
        event.at < until,
        event.name.not_in(sorted(counted(tx, current))),
        ~running.correlate(events.table),
    )


def _messages_that_may_go(
    tx: Transaction, current: Current, until: datetime
) -> sa.ColumnElement[bool]:
    known = (jobs.ENDED - {"in_doubt"}) - {""}
    runs = sa.exists().where(_run.id == _job.enrollment, enrollments.is_open)
    return sa.and_(
        _job.ended_at < until,
        _job.state.in_(sorted(known)),
        sa.or_(_job.address != "", _job.subject != "", _job.reason != ""),
        ~runs.correlate(jobs.table),
    )


def _logs_that_may_go(tx: Transaction, current: Current, until: datetime) -> sa.ColumnElement[bool]:
    has = sa.exists().where(_line.enrollment == _run.id).correlate(enrollments.table)
    return sa.and_(_run.ended_at < until, has)


def _runs_that_may_go(tx: Transaction, current: Current, until: datetime) -> sa.ColumnElement[bool]:
    other = enrollments.table.alias().c
    same = (other.playbook == _run.playbook, other.record == _run.record, other.key == _run.key)
    followed = sa.exists().where(*same, other.id > _run.id).correlate(enrollments.table)
    open_task = sa.exists().where(
        tasks.table.c.enrollment == _run.id, tasks.table.c.state == "open"
    )
    return sa.and_(_run.ended_at < until, followed, ~open_task.correlate(enrollments.table))


def _traces_that_may_go(
    tx: Transaction, current: Current, until: datetime
) -> sa.ColumnElement[bool]:
    return sa.and_(_batch.state != "open", _batch.touched_at < until)


def _refusals_that_may_go(
    tx: Transaction, current: Current, until: datetime
) -> sa.ColumnElement[bool]:
    return refusals.table.c.at < until


def _empty(tx: Transaction, ids: Sequence[str]) -> None:
    which = sa.update(jobs.table).where(_job.id.in_(ids))
    tx.conn.execute(which.values(address="", subject="", reason=""))
    told = sa.update(notices.table).where(notices.table.c.digest.in_(ids))
    tx.conn.execute(told.values(text=""))


def _forget_logs(tx: Transaction, ids: Sequence[str]) -> None:
    for table in (enrollments.log_table, enrollments.awaited_table):
        tx.conn.execute(sa.delete(table).where(table.c.enrollment.in_(ids)))


def _forget_runs(tx: Transaction, ids: Sequence[str]) -> None:
    _forget_logs(tx, ids)
    tx.conn.execute(sa.delete(enrollments.table).where(_run.id.in_(ids)))


def _forget_traces(tx: Transaction, ids: Sequence[str]) -> None:
    tx.conn.execute(sa.delete(jobs.batch_table).where(_batch.id.in_(ids)))
    beat = heartbeats.table.c
    # The clock's mark is no sign of life: it is what the clock is compared with (I18).
    old = sa.and_(beat.kind == "worker", beat.at < tx.now - timedelta(days=90))
    tx.conn.execute(sa.delete(heartbeats.table).where(old))
    _forget_paces(tx)


def _forget_paces(tx: Transaction) -> None:
    """What limits nothing any more: no rate looks back further than a day."""
    past = tx.now - timedelta(days=30)
    for table, at in (
        (pacer.table, pacer.table.c.next_at),
        (throttles.table, throttles.table.c.until),
        (slowness.table, slowness.table.c.at),
    ):
        tx.conn.execute(sa.delete(table).where(at < past))


def _forget_refusals(tx: Transaction, records: Sequence[str]) -> None:
    current = published.current(tx)
    until = _until(tx, current, _REFUSALS.length(current))
    if until is not None:
        row = refusals.table.c
        old = sa.and_(row.record.in_(records), _refusals_that_may_go(tx, current, until))
        tx.conn.execute(sa.delete(refusals.table).where(old))


_REFUSALS = _Kind(
    "refusals", refusals.table.c.record, _refusals_that_may_go, _forget_refusals, policy="traces"
)
KINDS = (
    _Kind("enrollments", _run.id, _runs_that_may_go, _forget_runs),
    _Kind("steps", _run.id, _logs_that_may_go, _forget_logs),
    _Kind("messages", _job.id, _messages_that_may_go, _empty),
    _Kind("events", events.table.c.id, _events_that_may_go, events.forget),
    _Kind("traces", _batch.id, _traces_that_may_go, _forget_traces),
    _REFUSALS,
)
"""In the order of a pass."""
