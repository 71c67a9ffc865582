"""A lead's history in one line of time: events, steps, messages, changes, tasks, owners, points.

Read from the tables as they are, newest first, a page at a time; nothing is kept twice for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from engine.errors import InputError
from engine.store import (
    enrollments,
    escalations,
    events,
    jobs,
    notices,
    owners,
    scores,
    tasks,
)
from engine.store.columns import EPOCH
from engine.store.database import Transaction
from engine.store.lead_writing import change_table

Kind = Literal[
    "event", "step", "message", "change", "task", "owner", "points", "entered", "act", "told"
]
_ORDER: tuple[Kind, ...] = (
    "task", "points", "owner", "change", "told", "step", "message", "act", "entered", "event"
)  # fmt: skip
"""Of what has the same time, what is shown first: effects above their causes."""

_TOLD_BETTER = ("accepted", "gathered")
"""Steps of which the message, or the notice, says more."""

PAGE = 60
MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a lead.

    Attributes:
        kind: which ledger it is from.
        id: its place in that ledger, which orders what has the same time.
        title: the event's name, the step, the subject, the field, the task.
        state: how it ended or stands.
        why: the reason that was recorded.
        playbook: the playbook that did it.
        enrollment: the run that did it.
        details: what else is known.
    """

    at: datetime
    kind: Kind
    id: str
    title: str
    state: str = ""
    why: str = ""
    playbook: str = ""
    enrollment: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def cursor(self) -> str:
        """Where the next page begins, when this is the last of one."""
        return (
            f"{(self.at - EPOCH) // timedelta(microseconds=1)}-{_ORDER.index(self.kind)}-{self.id}"
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of moments, newest first; `before` asks for the next one."""

    moments: Sequence[Moment]
    before: str | None


@dataclass(frozen=True, slots=True)
class Cut:
    """Everything from here on has been shown."""

    at: datetime
    rank: int
    id: str

    def where(
        self, kind: Kind, at: sa.ColumnElement[Any], id: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[bool]:
        """What a ledger has left to show."""
        rank = _ORDER.index(kind)
        if rank < self.rank:
            return at < self.at
        if rank > self.rank:
            return at <= self.at
        return sa.or_(at < self.at, sa.and_(at == self.at, id < self.id))


def timeline(tx: Transaction, lead: str, *, before: str = "", size: int = PAGE) -> Timeline:
    """What happened to a lead, newest first.

    Raises:
        InputError: `before` is not what the last page said.
    """
    cut = read_cut(before) if before else None
    found: list[Moment] = []
    for read in (_events, _messages, _changes, _owners, _points):
        found += read(tx, lead, cut, size + 1)
    found += of_runs(tx, _runs(tx, lead), cut, size + 1)
    return page_of(found, size)


def of_runs(
    tx: Transaction, runs: Mapping[str, Mapping[Any, Any]], cut: Cut | None, size: int
) -> list[Moment]:
    """What these enrollments did, and when they began."""
    found: list[Moment] = []
    for read in (_steps, _tasks, _entered, _acts, _told):
        found += read(tx, runs, cut, size)
    return found


def page_of(found: Sequence[Moment], size: int) -> Timeline:
    """A page of what several ledgers gave, each its newest; what two of them tell is told once."""
    told = _told_once(found)
    told.sort(key=lambda one: one.id, reverse=True)
    told.sort(key=lambda one: (-one.at.timestamp(), _ORDER.index(one.kind)))
    page = told[:size]
    return Timeline(page, page[-1].cursor if len(told) > size else None)


def _told_once(found: Sequence[Moment]) -> list[Moment]:
    """Without what another ledger tells better: new owners, and steps that are a message."""
    owners_at = {(one.at, one.title) for one in found if one.kind == "owner"}
    return [
        one
        for one in found
        if not (one.kind == "step" and _is_told_better(one))
        and not (
            one.kind == "change"
            and one.title == "owner"
            and (one.at, one.details["after"]) in owners_at
        )
    ]


def _is_told_better(step: Moment) -> bool:
    """Whether another ledger has a message, a notice or a level of this step."""
    op = step.details["op"]
    return (op == "send" and step.state in _TOLD_BETTER) or (
        op == "climb" and step.state.startswith("level ")
    )


def read_cut(text: str) -> Cut:
    """Where a page begins, as the page before it said.

    Raises:
        InputError: no page says so.
    """
    micros, _, rest = text.partition("-")
    rank, _, id = rest.partition("-")
    if not (micros.isascii() and micros.isdigit() and rank in map(str, range(len(_ORDER)))):
        raise InputError(f"'{text[:60]}' is no place in a history")
    try:
        seconds, part = divmod(int(micros[:17]), 1_000_000)
        at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=part)
    except (ValueError, OverflowError, OSError):
        raise InputError(f"'{text[:60]}' is no place in a history") from None
    return Cut(at, int(rank), id)


def _runs(tx: Transaction, lead: str) -> dict[str, Mapping[Any, Any]]:
    """The lead's enrollments, the latest ones."""
    rows = enrollments.page(tx, lead=lead, limit=MOST_RUNS)
    return {row["id"]: row for row in rows}


def rows_of(
    tx: Transaction,
    table: sa.Table,
    where: sa.ColumnElement[bool],
    kind: Kind,
    cut: Cut | None,
    size: int,
    *,
    at: str = "at",
    id: sa.ColumnElement[Any] | None = None,
) -> Iterable[Mapping[str, Any]]:
    """The newest rows of a ledger behind the cut, newest first."""
    moment, key = table.c[at], id if id is not None else table.c.id
    query = sa.select(table).where(where).order_by(moment.desc(), key.desc()).limit(size)
    if cut is not None:
        query = query.where(cut.where(kind, moment, key))
    return [row._asdict() for row in tx.conn.execute(query)]


def _events(tx: Transaction, lead: str, cut: Cut | None, size: int) -> list[Moment]:
    # What changed on a deal is in the deal's own history.
    mine = sa.and_(events.table.c.lead == lead, events.table.c.name != "deal.changed")
    rows = rows_of(tx, events.table, mine, "event", cut, size)
    return [
        Moment(
            row["at"], "event", row["id"], row["name"], details=_shown(row["properties"])
        )
        for row in rows
    ]  # fmt: skip


def _messages(tx: Transaction, lead: str, cut: Cut | None, size: int) -> list[Moment]:
    rows = rows_of(tx, jobs.table, jobs.table.c.lead == lead, "message", cut, size, at="created_at")
    return [
        Moment(
            row["created_at"], "message", row["id"], row["subject"] or row["step"],
            state=row["state"], why=row["reason"], playbook=row["playbook"],
            enrollment=row["enrollment"],
            details={"to": row["address"], "kind": row["kind"], "accepted_at": row["accepted_at"],
                     "not_before": row["not_before"], "step": row["step"]},
        )
        for row in rows
    ]  # fmt: skip


def _changes(tx: Transaction, lead: str, cut: Cut | None, size: int) -> list[Moment]:
    rows = rows_of(tx, change_table, change_table.c.lead == lead, "change", cut, size)
    return [
        Moment(
            row["at"], "change", row["id"], row["field"], why=row["reason"],
            details={"before": row["before"], "after": row["after"], "actor": row["actor"]},
        )
        for row in rows
    ]  # fmt: skip


def _of_lead(table: sa.Table, lead: str) -> sa.ColumnElement[bool]:
    """The lead's own rows; those of its deals are in the deals' histories."""
    return sa.and_(table.c.lead == lead, table.c.deal.is_(None))


def _owners(tx: Transaction, lead: str, cut: Cut | None, size: int) -> list[Moment]:
    rows = rows_of(tx, owners.table, _of_lead(owners.table, lead), "owner", cut, size)
    return [
        Moment(
            row["at"], "owner", row["id"], row["owner"] or "—", why=row["why"],
            details={"rule": row["rule"], "former": row["former"], "actor": row["actor"]},
        )
        for row in rows
    ]  # fmt: skip


def _points(tx: Transaction, lead: str, cut: Cut | None, size: int) -> list[Moment]:
    rows = rows_of(tx, scores.table, scores.table.c.lead == lead, "points", cut, size)
    return [
        Moment(
            row["at"], "points", row["id"], row["name"] or "score", why=row["reason"],
            details={"points": row["points"]},
        )
        for row in rows
    ]  # fmt: skip


def _steps(
    tx: Transaction, runs: Mapping[str, Mapping[Any, Any]], cut: Cut | None, size: int
) -> list[Moment]:
    table = enrollments.log_table
    key = _step_key(table)
    where = table.c.enrollment.in_(list(runs))
    rows = rows_of(tx, table, where, "step", cut, size, id=key) if runs else ()
    return [
        Moment(
            row["at"], "step", f"{row['enrollment']}:{row['seq']:08d}", row["step"] or row["op"],
            state=row["outcome"], why=row["why"], playbook=runs[row["enrollment"]]["playbook"],
            enrollment=row["enrollment"], details={"op": row["op"], "seq": row["seq"]},
        )
        for row in rows
    ]  # fmt: skip


def _step_key(table: sa.Table) -> sa.ColumnElement[str]:
    """(enrollment, seq) as one text that sorts as the pair does."""
    digits = sa.cast(table.c.seq + 100_000_000, sa.String)
    return table.c.enrollment + ":" + sa.func.substr(digits, 2, 8)


def _tasks(
    tx: Transaction, runs: Mapping[str, Mapping[Any, Any]], cut: Cut | None, size: int
) -> list[Moment]:
    # Tasks are found by their run, for which there is an index; each belongs to one.
    where = tasks.table.c.enrollment.in_(list(runs))
    rows = rows_of(tx, tasks.table, where, "task", cut, size, at="created_at") if runs else ()
    return [
        Moment(
            row["created_at"], "task", row["id"], row["subject"], state=row["state"],
            why=row["result"], playbook=runs[row["enrollment"]]["playbook"],
            enrollment=row["enrollment"],
            details={"kind": row["kind"], "owner": row["owner"], "due_at": row["due_at"]},
        )
        for row in rows
    ]  # fmt: skip


def _entered(
    tx: Transaction, runs: Mapping[str, Mapping[Any, Any]], cut: Cut | None, size: int
) -> list[Moment]:
    table = enrollments.table
    where = table.c.id.in_(list(runs))
    rows = rows_of(tx, table, where, "entered", cut, size, at="entered_at") if runs else ()
    return [
        Moment(
            row["entered_at"], "entered", row["id"], row["playbook"], state=row["state"],
            why="" if row["ended_at"] else row["reason"], playbook=row["playbook"],
            enrollment=row["id"],
            details={"outcome": row["outcome"], "key": row["key"], "ended_at": row["ended_at"]},
        )
        for row in rows
    ]  # fmt: skip


def _acts(
    tx: Transaction, runs: Mapping[str, Mapping[Any, Any]], cut: Cut | None, size: int
) -> list[Moment]:
    """What happened on escalations: levels that fired, and what people did."""
    table = escalations.table
    where = table.c.enrollment.in_(list(runs))
    rows = rows_of(tx, table, where, "act", cut, size) if runs else ()
    return [
        Moment(
            row["at"], "act", row["id"], row["act"], why="" if _is_fired(row) else row["reason"],
            playbook=row["playbook"], enrollment=row["enrollment"],
            details={"level": row["level"], "by": row["by"], "until": row["until"]},
        )
        for row in rows
    ]  # fmt: skip


def _is_fired(row: Mapping[str, Any]) -> bool:
    return row["act"] in ("fired", "passed")


def _told(
    tx: Transaction, runs: Mapping[str, Mapping[Any, Any]], cut: Cut | None, size: int
) -> list[Moment]:
    """Notices that were gathered; those that went at once are messages."""
    table = notices.table
    where = sa.and_(table.c.enrollment.in_(list(runs)), table.c.digest != table.c.id)
    rows = rows_of(tx, table, where, "told", cut, size, at="due_at") if runs else ()
    return [
        Moment(
            row["due_at"], "told", row["id"], row["text"], playbook=row["playbook"],
            enrollment=row["enrollment"],
            details={"owner": row["owner"], "channel": row["channel"]},
        )
        for row in rows
    ]  # fmt: skip


def _shown(properties: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in properties.items() if value not in (None, "", [], {})}
