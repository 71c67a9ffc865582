"""The enrollments' repository: rows, their step log and the events kept for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue

from engine.runtime.enrolling import Former
from engine.runtime.position import Logged
from engine.store import quick
from engine.store.database import Transaction
from engine.store.inserting import insert_many, insert_new
from engine.store.tables import AwaitedEvent, Cohort, Enrollment, StepLog

table: sa.Table = Enrollment.__table__  # type: ignore[attr-defined]
log_table: sa.Table = StepLog.__table__  # type: ignore[attr-defined]
awaited_table: sa.Table = AwaitedEvent.__table__  # type: ignore[attr-defined]
cohort_table: sa.Table = Cohort.__table__  # type: ignore[attr-defined]

is_open = table.c.ended_at.is_(None)
_ON_THEIR_WAY = ("pending", "active", "waiting")


def ensure_cohort(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Makes the cohort's row when it is not there yet."""
    if tx.conn.execute(sa.select(cohort_table.c.id).where(cohort_table.c.id == row["id"])).first():
        return
    insert_new(tx, cohort_table, [row])


def cohort(tx: Transaction, cohort_id: str) -> sa.RowMapping | None:
    """The cohort's row."""
    found = tx.conn.execute(sa.select(cohort_table).where(cohort_table.c.id == cohort_id))
    return found.mappings().first()


def due(tx: Transaction, cohort_id: str, limit: int) -> Sequence[str]:
    """The ids of a cohort's open members whose `wake_at` has come, longest due first."""
    query = (
        sa.select(table.c.id)
        .where(table.c.cohort == cohort_id, table.c.wake_at <= tx.now, is_open)
        .order_by(table.c.wake_at)
        .limit(limit)
    )
    return tx.conn.execute(query).scalars().all()


_WALKED = [
    table.c[name]
    for name in (
        "id", "digest", "record", "lead", "deal", "key", "seq", "pc", "blocked_on", "until_at",
        "anchor_at", "listen_seq", "memory", "entered_at", "reason", "wake_at",
    )
]  # fmt: skip


_lock = (
    sa.select(*_WALKED)
    .where(
        table.c.id.in_(sa.bindparam("ids", expanding=True)),
        table.c.wake_at <= sa.bindparam("now"),
        is_open,
        table.c.held_at.is_(None),
    )
    .order_by(table.c.id)
    .with_for_update()
)


def lock(tx: Transaction, ids: Sequence[str]) -> Sequence[quick.Row]:
    """The rows of `ids` that are open and due, locked; after the lead locks, never before.

    They hold what a walk looks at.
    """
    return quick.fetch(tx, _lock, ids=ids, now=tx.now)


def leads_of(tx: Transaction, ids: Sequence[str]) -> list[str]:
    """The leads of these enrollments, in id order: what to lock before the enrollments."""
    query = sa.select(table.c.lead).where(table.c.id.in_(ids)).distinct()
    return sorted(tx.conn.execute(query).scalars())


_open = (
    sa.select(table)
    .where(table.c.lead.in_(sa.bindparam("leads", expanding=True)), is_open)
    .order_by(table.c.id)
    .with_for_update()
)


def open_of(tx: Transaction, leads: Sequence[str]) -> Sequence[quick.Row]:
    """Every open enrollment of these leads and of their deals, locked, in id order."""
    return quick.fetch(tx, _open, leads=leads)


def versions_of_leads(tx: Transaction, leads: Sequence[str]) -> set[tuple[str, str]]:
    """(lead, digest) of every open enrollment of these leads and of their deals."""
    query = sa.select(table.c.lead, table.c.digest).distinct()
    query = query.where(table.c.lead.in_(list(leads)), table.c.ended_at.is_(None))
    return {(row[0], row[1]) for row in tx.conn.execute(query)}


def by_id(tx: Transaction, enrollment_id: str) -> sa.RowMapping | None:
    """One enrollment."""
    return tx.conn.execute(sa.select(table).where(table.c.id == enrollment_id)).mappings().first()


def lock_one(tx: Transaction, enrollment_id: str) -> sa.RowMapping:
    """One enrollment, locked; after its lead's lock."""
    query = sa.select(table).where(table.c.id == enrollment_id)
    if tx.is_postgres:
        query = query.with_for_update()
    return tx.conn.execute(query).mappings().one()


def set_values(tx: Transaction, enrollment_id: str, seq: int, values: Mapping[str, Any]) -> None:
    """Changes an enrollment from outside its walk, by compare-and-set on `seq`."""
    tx.conn.execute(
        sa.update(table).where(table.c.id == enrollment_id, table.c.seq == seq).values(**values)
    )


_standing = sa.select(
    *(
        table.c[name]
        for name in (
            "id", "digest", "record", "lead", "deal", "seq", "state", "ended_at", "held_at",
            "memory", "key", "entered_at",
        )
    )
).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))  # fmt: skip


def standing(tx: Transaction, ids: Sequence[str]) -> dict[str, quick.Row]:
    """Where these enrollments stand, and what they know of their runs, by id."""
    return {row["id"]: row for row in quick.fetch(tx, _standing, ids=ids)}


_former = sa.select(
    table.c.playbook, table.c.record, table.c.key, table.c.cause, table.c.ended_at
).where(
    table.c.playbook.in_(sa.bindparam("playbooks", expanding=True)),
    table.c.record.in_(sa.bindparam("records", expanding=True)),
)


def former(
    tx: Transaction, playbooks: Sequence[str], records: Sequence[str]
) -> dict[tuple[str, str], list[Former]]:
    """Every enrollment of these records in these playbooks, by (playbook, record)."""
    found: dict[tuple[str, str], list[Former]] = {}
    for row in quick.fetch(tx, _former, playbooks=playbooks, records=records):
        one = Former(row["key"], row["cause"], row["ended_at"])
        found.setdefault((row["playbook"], row["record"]), []).append(one)
    return found


def insert(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """New enrollments. A record that is in already raises: the caller holds the lead's lock."""
    insert_many(tx, table, rows)


@dataclass(frozen=True, slots=True)
class Step:
    """An enrollment's step forward: from which seq, and the columns that it writes."""

    id: str
    seq: int
    values: Mapping[str, Any]


@lru_cache(maxsize=16)
def _advance(columns: tuple[str, ...]) -> sa.Update:
    """What is not written is in no index that has to be looked at."""
    here = sa.and_(table.c.id == sa.bindparam("b_id"), table.c.seq == sa.bindparam("b_seq"))
    values: dict[str, Any] = {name: sa.bindparam(f"b_{name}_") for name in columns}
    return sa.update(table).where(here).values(values)


def advance(tx: Transaction, steps: Sequence[Step]) -> None:
    """Writes steps by compare-and-set on `seq` (runtime.md, I1).

    Raises:
        RuntimeError: a row was not at its seq any more. The locks exclude it, so nothing of this
            transaction may stand.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for step in steps:
        row = {f"b_{name}_": value for name, value in step.values.items()}
        row["b_id"], row["b_seq"] = step.id, step.seq
        groups.setdefault(tuple(step.values), []).append(row)
    for columns, rows in groups.items():
        done = quick.run_locked(tx, _advance(columns), rows)
        if done not in {-1, len(rows)}:
            raise RuntimeError(f"{len(rows) - done} enrollments moved under a lock")


def log(tx: Transaction, lines: Iterable[tuple[str, Logged]]) -> None:
    """Appends to the step log. A line that is there already raises (I1)."""
    rows = [
        {
            "enrollment": enrollment,
            "seq": line.seq,
            "op": line.op,
            "step": line.step,
            "outcome": line.outcome,
            "why": line.why[:500],
            "at": tx.now,
        }
        for enrollment, line in lines
    ]
    insert_many(tx, log_table, rows)


def steps_of(tx: Transaction, enrollment_id: str) -> Sequence[sa.RowMapping]:
    """What an enrollment did, in order."""
    query = sa.select(log_table).where(log_table.c.enrollment == enrollment_id)
    return tx.conn.execute(query.order_by(log_table.c.seq)).mappings().all()


def wake(tx: Transaction, ids: Sequence[str]) -> None:
    """Makes enrollments due now; held and stopped ones wait for a person.

    What has been due for longer stays so: since when tells what came before what.
    """
    quick.change(tx, _wake, ids=ids, at=tx.now)


_wake = (
    sa.update(table)
    .where(
        table.c.id.in_(sa.bindparam("ids", expanding=True)),
        table.c.state.in_(_ON_THEIR_WAY),
        sa.or_(table.c.wake_at.is_(None), table.c.wake_at > sa.bindparam("at")),
    )
    .values(wake_at=sa.bindparam("at"))
)
_wake_at_seq = (
    sa.update(table)
    .where(
        table.c.id == sa.bindparam("b_id"),
        table.c.seq == sa.bindparam("b_seq"),
        sa.or_(*(table.c.state == each for each in _ON_THEIR_WAY)),
    )
    .values(wake_at=sa.bindparam("at"))
)


def wake_at_seq(tx: Transaction, keys: Iterable[tuple[str, int]]) -> None:
    """Makes due, of (enrollment, seq), those that still stand there; held and stopped ones not."""
    rows = [{"b_id": one, "b_seq": seq, "at": tx.now} for one, seq in dict.fromkeys(keys)]
    quick.run_locked(tx, _wake_at_seq, rows)


def keep_answers(tx: Transaction, kept: Iterable[tuple[str, int, JsonValue]]) -> None:
    """Keeps what a call was answered with the enrollment that made it, if it still stands there."""
    for enrollment, seq, answer in kept:
        here = sa.and_(table.c.id == enrollment, table.c.seq == seq)
        memory = tx.conn.execute(sa.select(table.c.memory).where(here)).scalar()
        if memory is not None:
            with_it = {**memory, "answer": {"seq": seq, "value": answer}}
            tx.conn.execute(sa.update(table).where(here).values(memory=with_it))


def follow_deal(tx: Transaction, deal: str, lead: str) -> list[str]:
    """Gives the open enrollments of a deal its new primary contact; answers their ids."""
    mine = sa.and_(table.c.deal == deal, table.c.record == deal, is_open)
    ids = list(tx.conn.execute(sa.select(table.c.id).where(mine)).scalars())
    tx.conn.execute(sa.update(table).where(mine).values(lead=lead))
    return ids


_next_wake = (
    sa.select(table.c.wake_at)
    .where(table.c.cohort == sa.bindparam("cohort"), is_open, table.c.wake_at.is_not(None))
    .order_by(table.c.wake_at)
    .limit(1)
)
_any_open = sa.select(table.c.id).where(table.c.cohort == sa.bindparam("cohort"), is_open).limit(1)


def next_wake(tx: Transaction, cohort_id: str) -> datetime | None:
    """The earliest `wake_at` of a cohort's open members."""
    found = quick.fetch(tx, _next_wake, cohort=cohort_id)
    return found[0]["wake_at"] if found else None


def has_open(tx: Transaction, cohort_id: str) -> bool:
    """Whether the cohort has an open member."""
    return bool(quick.fetch(tx, _any_open, cohort=cohort_id))


def neglected_cohorts(tx: Transaction, before: datetime) -> list[str]:
    """Cohorts with a member that has been due since before `before`."""
    # Cohort by cohort, along their index: no index on the time alone has to be kept for this.
    late = sa.exists().where(table.c.cohort == cohort_table.c.id, table.c.wake_at < before, is_open)
    return list(tx.conn.execute(sa.select(cohort_table.c.id).where(late)).scalars())


def oldest_due(tx: Transaction) -> datetime | None:
    """Since when the member has been due that nobody has served for longest."""
    first = (
        sa.select(sa.func.min(table.c.wake_at))
        .where(table.c.cohort == cohort_table.c.id, table.c.wake_at <= tx.now, is_open)
        .scalar_subquery()
    )
    found = tx.conn.execute(sa.select(first.label("at")).select_from(cohort_table)).scalars()
    return min(filter(None, found), default=None)


def page(
    tx: Transaction,
    *,
    playbook: str | None = None,
    lead: str | None = None,
    deal: str | None = None,
    state: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> Sequence[sa.RowMapping]:
    """Enrollments, newest first, a page at a time by id."""
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if playbook:
        query = query.where(table.c.playbook == playbook)
    if lead:
        query = query.where(table.c.lead == lead)
    if deal:
        query = query.where(table.c.deal == deal)
    if state:
        query = query.where(table.c.state == state)
    if before:
        query = query.where(table.c.id < before)
    return tx.conn.execute(query).mappings().all()


def counts_by_step(tx: Transaction, playbook: str) -> dict[tuple[str, str, int], int]:
    """How many enrollments stand where: (digest, state, pc) → count, of one playbook."""
    query = (
        sa.select(table.c.digest, table.c.state, table.c.pc, sa.func.count())
        .where(table.c.playbook == playbook)
        .group_by(table.c.digest, table.c.state, table.c.pc)
    )
    return {(digest, state, pc): n for digest, state, pc, n in tx.conn.execute(query)}


def counts_by_outcome(tx: Transaction, playbook: str) -> dict[str, int]:
    """How the finished enrollments of a playbook ended."""
    query = (
        sa.select(table.c.outcome, sa.func.count())
        .where(table.c.playbook == playbook, table.c.state == "finished")
        .group_by(table.c.outcome)
    )
    return {row[0]: row[1] for row in tx.conn.execute(query)}


def entered_since(
    tx: Transaction, playbook: str, records: Iterable[str], since: datetime
) -> frozenset[str]:
    """Which of these records entered the playbook after that moment."""
    query = sa.select(table.c.record).where(
        table.c.playbook == playbook,
        table.c.record.in_(list(records)),
        table.c.entered_at > since,
    )
    return frozenset(tx.conn.execute(query).scalars())


def open_records(tx: Transaction, playbook: str, records: Sequence[str]) -> frozenset[str]:
    """Which of these records have an open enrollment in the playbook."""
    query = sa.select(table.c.record).where(table.c.playbook == playbook, is_open)
    return frozenset(tx.conn.execute(query.where(table.c.record.in_(list(records)))).scalars())
