"""The jobs' repository: the ledger of everything that goes to the outside world.

queued → in_flight → accepted | rejected | deferred | in_doubt; queued → skipped; deferred → queued.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from engine.runtime.position import JobEnd
from engine.store import quick
from engine.store.database import Transaction
from engine.store.sending_tables import UNUSUAL_STATE, Batch, Job

table: sa.Table = Job.__table__  # type: ignore[attr-defined]
batch_table: sa.Table = Batch.__table__  # type: ignore[attr-defined]

ENDED = frozenset({"accepted", "skipped", "rejected", "bounced", "in_doubt"})
UNFINISHED = ("queued", "in_flight")
SOFT_BOUNCE = "soft_bounce"
"""How the reason of a bounced message begins whose address may still be good."""

KINDS = ("email", "notify", "webhook")
"""What goes out: mail to leads, notices to one's own people, calls."""
_REPORTED = (
    "state", "reason", "not_before", "accepted_at", "ended_at", "batch", "subject", "links",
)  # fmt: skip


_is_unfinished = table.c.ended_at.is_(None)
is_deferred = sa.text("job.state = 'deferred'")
"""Not bound, because SQLite tells a partial index by its words."""

is_unusual = sa.text(f"job.{UNUSUAL_STATE}")
"""For queries about a state that few jobs are in."""

# What every window of mail asks: built once, because building costs more than asking.
_takeable = (
    sa.select(
        *(
            table.c[name]
            for name in (
                "id", "enrollment", "seq", "playbook", "lead", "attempt", "message_id",
                "created_at", "params", "marketing", "reason", "cohort", "via",
            )
        )
    )
    .where(
        table.c.batch == sa.bindparam("the_batch"), _is_unfinished, table.c.state == "queued"
    )
    .limit(sa.bindparam("most"))
)  # fmt: skip
_still_queued = (
    sa.select(table.c.id)
    .where(table.c.id.in_(sa.bindparam("ids", expanding=True)), table.c.state == "queued")
    .with_for_update()
)
_owned = (
    sa.select(table.c.id)
    .where(
        table.c.id.in_(sa.bindparam("ids", expanding=True)),
        table.c.token == sa.bindparam("the_token"),
        table.c.state.in_(("in_flight", "in_doubt")),
    )
    .with_for_update()
)
_ends = sa.select(
    table.c.enrollment, table.c.seq, table.c.state, table.c.reason, table.c.ended_at
).where(
    table.c.enrollment.in_(sa.bindparam("runs", expanding=True)), table.c.state.in_(sorted(ENDED))
)
_insert = sa.insert(table)
_unfinished = (
    sa.select(table.c.id)
    .where(
        table.c.batch == sa.bindparam("the_batch"),
        _is_unfinished,
        table.c.state.in_(UNFINISHED),
    )
    .limit(1)
)
_expired = (
    sa.select(table.c.id)
    .where(
        table.c.batch == sa.bindparam("the_batch"),
        _is_unfinished,
        table.c.state == "in_flight",
        table.c.lease_until < sa.bindparam("now"),
    )
    .limit(1)
)
_next_deferred = (
    sa.select(table.c.not_before)
    .where(table.c.cohort == sa.bindparam("cohort"), is_deferred, table.c.not_before.is_not(None))
    .order_by(table.c.not_before)
    .limit(1)
)
_open_batches = (
    sa.select(batch_table.c.id, batch_table.c.queue, batch_table.c.destination)
    .where(batch_table.c.cohort == sa.bindparam("cohort"), batch_table.c.state == "open")
    .order_by(batch_table.c.id)
)
_touch_batch = (
    sa.update(batch_table)
    .where(batch_table.c.id == sa.bindparam("the_batch"))
    .values(state=sa.bindparam("new_state"), touched_at=sa.bindparam("at"))
)


def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """New jobs. The same (enrollment, seq) twice raises."""
    if rows:
        quick.run(tx, _insert, rows)


def open_batches(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """New batches."""
    if rows:
        tx.conn.execute(sa.insert(batch_table), list(rows))


AT_ONCE = 4
"""Batches of a cohort to one destination that may be served at a time; the others wait here.

In Temporal's queue they would stand before those of other destinations.
"""


def batches_of(tx: Transaction, cohort_id: str) -> list[tuple[str, str]]:
    """The cohort's open batches that may be served now, oldest first: (id, queue)."""
    found, seen = [], Counter[str]()
    for row in quick.fetch(tx, _open_batches, cohort=cohort_id):
        destination = row["destination"]
        seen[destination] += 1
        if not destination or seen[destination] <= AT_ONCE:
            found.append((row["id"], row["queue"]))
    return found


def destination_of_batch(tx: Transaction, batch: str) -> str:
    """Where all mail of a batch goes; empty: to several, or it is no mail."""
    query = sa.select(batch_table.c.destination).where(batch_table.c.id == batch)
    return str(tx.conn.execute(query).scalar() or "")


def ends_of(tx: Transaction, keys: Mapping[str, int]) -> dict[str, JobEnd]:
    """How the jobs of (enrollment → seq) ended; those that have not are absent."""
    found = {}
    for row in quick.fetch(tx, _ends, runs=list(keys)):
        if keys[row["enrollment"]] == row["seq"]:
            # A bounce that came back later, from an address that may still be good, ends no run.
            dead = row["state"] == "bounced" and not row["reason"].startswith(SOFT_BOUNCE)
            end = JobEnd(row["state"], row["reason"], row["ended_at"], hard_bounce=dead)
            found[row["enrollment"]] = end
    return found


def due_deferred(tx: Transaction, cohort_id: str, limit: int) -> Sequence[sa.RowMapping]:
    """Deferred jobs of a cohort whose time has come."""
    query = (
        sa.select(table.c.id, table.c.queue, table.c.enrollment, table.c.address)
        .where(
            table.c.cohort == cohort_id,
            is_deferred,
            table.c.not_before <= tx.now,
        )
        .order_by(table.c.not_before)
        .limit(limit)
    )
    if tx.is_postgres:
        query = query.with_for_update(skip_locked=True)
    return tx.conn.execute(query).mappings().all()


def requeue(tx: Transaction, ids: Sequence[str], batch: str) -> None:
    """Puts deferred jobs into a batch."""
    tx.conn.execute(
        sa.update(table).where(table.c.id.in_(ids), table.c.state == "deferred")
        .values(state="queued", batch=batch, lease_until=None, not_before=None)
    )  # fmt: skip


def resume(tx: Transaction, stood: Mapping[str, timedelta]) -> None:
    """Lets what waited for paused enrollments go on; it expires as much later as each stood."""
    waiting = sa.and_(
        table.c.enrollment.in_(list(stood)), table.c.state.in_(("deferred", "queued"))
    )
    rows = []
    query = sa.select(table.c.id, table.c.enrollment, table.c.params, table.c.not_before)
    for job, enrollment, params, not_before in tx.conn.execute(query.where(waiting)):
        expires = params.get("expires_at")
        later = datetime.fromisoformat(expires) + stood[enrollment] if expires else None
        moved = params | {"expires_at": later.isoformat()} if later else params
        rows.append({"id": job, "params": moved, "not_before": not_before and tx.now})
    write(tx, rows, ("params", "not_before"))


def next_deferred(tx: Transaction, cohort_id: str) -> datetime | None:
    """When the cohort's earliest deferred job may go."""
    found = quick.fetch(tx, _next_deferred, cohort=cohort_id)
    return found[0]["not_before"] if found else None


def cohorts_with_due_work(tx: Transaction, idle: timedelta) -> set[str]:
    """Cohorts with an open batch untouched for `idle`, or a deferred job overdue by 5 seconds."""
    other = batch_table.alias()
    # Of those that wait for others to the same destination none is neglected.
    is_served = sa.exists().where(
        batch_table.c.destination != "",
        other.c.cohort == batch_table.c.cohort,
        other.c.destination == batch_table.c.destination,
        other.c.state == "open",
        other.c.touched_at >= tx.now - idle,
    )
    stale = sa.select(batch_table.c.cohort).where(
        batch_table.c.state == "open", batch_table.c.touched_at < tx.now - idle, ~is_served
    )
    late = sa.select(table.c.cohort).where(
        is_deferred, table.c.not_before < tx.now - timedelta(seconds=5)
    )
    found = tx.conn.execute(stale.distinct()).scalars().all()
    return {*found, *tx.conn.execute(late.distinct()).scalars().all()}


def takeable(tx: Transaction, batch: str, limit: int) -> Sequence[quick.Row]:
    """Queued jobs of a batch, in no order: what deciding about them looks at."""
    return quick.fetch(tx, _takeable, the_batch=batch, most=limit)


def still_queued(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Which of these are queued, locked: asked after the leads are locked.

    On SQLite nobody can have taken one since this transaction began.
    """
    if not tx.is_postgres:
        return set(ids)
    return set(tx.conn.execute(_still_queued, {"ids": list(ids)}).scalars())


def expired_in_flight(tx: Transaction, batch: str) -> Sequence[sa.RowMapping]:
    """Jobs that an attempt took and never reported, whose lease is over: in doubt."""
    if not quick.fetch(tx, _expired, the_batch=batch, now=tx.now):
        return []
    query = sa.select(table).where(
        table.c.batch == batch,
        _is_unfinished,
        table.c.state == "in_flight",
        table.c.lease_until < tx.now,
    )
    if tx.is_postgres:
        query = query.with_for_update(skip_locked=True)
    return tx.conn.execute(query).mappings().all()


def next_lease(tx: Transaction, batch: str) -> datetime | None:
    """When the last lease of the batch's jobs in flight is over; None: none is in flight."""
    query = sa.select(sa.func.max(table.c.lease_until)).where(
        table.c.batch == batch, _is_unfinished, table.c.state == "in_flight"
    )
    return tx.conn.execute(query).scalar()


def write(tx: Transaction, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Updates jobs by id, the same columns for each; they are locked, and each is there once."""
    if rows:
        names = [(f"b_{name}_", name) for name in columns]
        quick.run_locked(
            tx,
            _update(tuple(columns)),
            [{"b_id": row["id"]} | {bound: row[name] for bound, name in names} for row in rows],
        )


@lru_cache(maxsize=32)
def _update(columns: tuple[str, ...]) -> sa.Update:
    values: dict[str, Any] = {name: sa.bindparam(f"b_{name}_") for name in columns}
    return sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(values)


def report(tx: Transaction, token: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Writes what an attempt found out, only where the attempt still owns the job.

    A late answer may turn `in_doubt` into the truth, under its own token and no other (I13).

    Returns:
        the ids that were written.
    """
    ids = [row["id"] for row in rows]
    mine = {row["id"] for row in quick.fetch(tx, _owned, ids=ids, the_token=token)}
    write(tx, [row for row in rows if row["id"] in mine], _REPORTED)
    return [one for one in ids if one in mine]


def note(tx: Transaction, batch: str, reason: str) -> None:
    """Writes at the queued jobs of a batch why they wait; the batch counts as looked at."""
    waiting = sa.and_(
        table.c.batch == batch, _is_unfinished, table.c.state == "queued", table.c.reason != reason
    )
    tx.conn.execute(sa.update(table).where(waiting).values(reason=reason))
    touched = sa.update(batch_table).where(batch_table.c.id == batch)
    tx.conn.execute(touched.values(touched_at=tx.now))


def settle_batch(tx: Transaction, batch: str) -> bool:
    """Closes the batch when nothing in it is queued or in flight; answers whether it is closed."""
    closed = not quick.fetch(tx, _unfinished, the_batch=batch)
    state = "closed" if closed else "open"
    quick.change(tx, _touch_batch, the_batch=batch, new_state=state, at=tx.now)
    return closed


def sent_times(tx: Transaction, leads: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
    """When marketing mails were accepted, or taken to be sent, for each lead since `since`.

    One in doubt counts from when the doubt began, or it would fill a cap for ever.
    """
    query = sa.select(table.c.lead, table.c.accepted_at, table.c.ended_at).where(
        table.c.lead.in_(leads),
        table.c.kind == "email",
        table.c.marketing.is_(True),
        sa.or_(
            table.c.accepted_at > since,
            table.c.state == "in_flight",
            sa.and_(table.c.state == "in_doubt", table.c.ended_at > since),
        ),
    )
    found: dict[str, list[datetime]] = {}
    for lead, accepted_at, ended_at in tx.conn.execute(query):
        found.setdefault(lead, []).append(accepted_at or ended_at or tx.now)
    return found


def by_id(tx: Transaction, job: str) -> sa.RowMapping | None:
    """One job."""
    return tx.conn.execute(sa.select(table).where(table.c.id == job)).mappings().first()


def page(
    tx: Transaction,
    *,
    lead: str | None = None,
    state: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> Sequence[sa.RowMapping]:
    """Messages of the ledger, newest first, a page at a time by creation."""
    # Kind by kind, because that is how the index has them in the order of their creation.
    found: list[sa.RowMapping] = []
    for kind in KINDS:
        query = _page(kind, lead=lead, state=state, before=before)
        found += tx.conn.execute(query.limit(limit)).mappings()
    found.sort(key=lambda row: (row["created_at"], row["id"]), reverse=True)
    return found[:limit]


def _page(kind: str, *, lead: str | None, state: str | None, before: str | None) -> sa.Select[Any]:
    query = (
        sa.select(table)
        .where(table.c.kind == kind)
        .order_by(table.c.created_at.desc(), table.c.id.desc())
    )
    if lead:
        query = query.where(table.c.lead == lead)
    if state:
        query = query.where(table.c.state == state)
        if state not in {"queued", "in_flight", "accepted"}:
            query = query.where(is_unusual)
    if before:
        cut = sa.select(table.c.created_at).where(table.c.id == before).scalar_subquery()
        query = query.where(
            sa.or_(
                table.c.created_at < cut,
                sa.and_(table.c.created_at == cut, table.c.id < before),
            )
        )
    return query


def follow_deal(tx: Transaction, enrollments: Sequence[str], lead: str) -> None:
    """Readdresses mail of these enrollments that has not left to another lead."""
    if enrollments:
        waiting = table.c.state.in_(("queued", "deferred"))
        mine = table.c.enrollment.in_(list(enrollments))
        tx.conn.execute(sa.update(table).where(mine, waiting).values(lead=lead))
