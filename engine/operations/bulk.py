"""Bulk enrollments: very many records enter one playbook, a slice at a time, by one durable row.

Records are leads, or for a playbook for deals, deals.

How far it has come is in the row and moves in the transaction that enrolls a slice, so that a
crash, a second worker or a restart neither repeats nor leaves out anybody. Whoever calls `step`
drives it: a worker, or the command that began it. Slices are short, and go into the bulk lane.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import InputError, NotFoundError, TryAgainError
from engine.ids import bulk_driver_id, new_id
from engine.operations import published
from engine.operations.entering import Group, playbook_of
from engine.operations.published import Current
from engine.operations.selecting import Selection, Stretch, selection
from engine.playbook.values import Value
from engine.store import deals, leads
from engine.store.bulk_tables import BulkEnrollment
from engine.store.database import Store, Transaction, is_away
from engine.store.inserting import insert_many

table: sa.Table = BulkEnrollment.__table__  # type: ignore[attr-defined]

SLICE = 250
"""Records that enter in one transaction: short enough for a lone trial to wait behind."""

LONG, SMALL = 0.15, 25
"""Seconds after which a slice was too long, and the size that needs no shrinking."""

REST = 0.2
"""Seconds at most between two slices, for whoever serves a lone lead."""

STATES = ("running", "paused", "finished", "cancelled", "failed")
_OPEN = ("running", "paused")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Began:
    """A bulk enrollment that was begun: its id, and how many records there are to look at."""

    id: str
    total: int


@dataclass(slots=True)
class Driver:
    """Drives one bulk enrollment from this process; slices shrink when a record in them fails."""

    store: Store
    id: str
    size: int = SLICE
    _healthy: int = field(default=0)

    def step(self) -> bool:
        """Works off a slice; answers whether more is to be done now.

        Raises:
            TryAgainError: the database is away or locked.
        """
        found = self.store.read(lambda tx: _look(tx, self.id, self.size))
        if found is None:
            return False
        began = time.monotonic()
        try:
            more = self.store.write(partial(_enroll, self.id, found), alone=True)
        except TryAgainError:
            raise
        except Exception as error:
            if isinstance(error, SQLAlchemyError) and is_away(error):
                raise TryAgainError("the database is away") from error
            return self._halve(found, error)
        self._pace(time.monotonic() - began)
        return more

    def _pace(self, spent: float) -> None:
        """Leaves the store to others for a while; a busy machine gets smaller slices."""
        self._healthy += 1
        if spent > LONG and self.size > SMALL:
            self.size, self._healthy = max(SMALL, self.size // 2), 0
        elif self.size < SLICE and self._healthy >= 4 and spent < LONG / 2:
            self.size, self._healthy = min(SLICE, self.size * 2), 0
        time.sleep(min(spent / 2, REST))

    def _halve(self, found: "_Found", error: Exception) -> bool:
        """A slice that fails is halved until the culprit stands alone, and is left out."""
        _log.warning("a slice of %s records could not be enrolled: %s", self.size, error)
        self._healthy = 0
        if self.size > 1:
            self.size //= 2
            return True
        return self.store.write(lambda tx: _pass_over(tx, self.id, found))


@dataclass(frozen=True, slots=True)
class _Found:
    """A slice as it was selected: behind which cursor, and by what."""

    after: str
    selection: Selection
    stretch: Stretch


def begin(
    store: Store,
    playbook: str,
    *,
    where: str = "",
    key: str | None = None,
    properties: Mapping[str, Value] | None = None,
    actor: str = "",
) -> Began:
    """Begins to enroll every record that `where` holds of (empty: every one).

    Raises:
        InputError: the playbook or the condition is not right; nothing was begun.
    """

    def work(tx: Transaction) -> Began:
        current = published.current(tx)
        record = playbook_of(current, playbook).record
        selection(current, where, record)
        total = deals.count(tx) if record == "deal" else leads.count(tx)
        id = new_id()
        row = {
            "id": id, "playbook": playbook, "record": record,
            "condition": where.strip(), "key": key,
            "properties": dict(properties or {}), "cause": f"bulk:{id}", "actor": actor,
            "state": "running", "cursor": "", "total": total, "looked": 0, "enrolled": 0,
            "skipped": {}, "reason": "", "created_at": tx.now, "touched_at": tx.now,
            "ended_at": None,
        }  # fmt: skip
        insert_many(tx, table, [row])
        tx.nudges.add(bulk_driver_id(id))
        return Began(id, total)

    return store.write(work)


def show(store: Store, id: str) -> dict[str, Any]:
    """A bulk enrollment, as scripts see it.

    Raises:
        NotFoundError: there is none with this id.
    """
    return store.read(lambda tx: shape(_row(tx, id)))


def listing(tx: Transaction, *, limit: int = 50, running: bool = False) -> list[dict[str, Any]]:
    """Bulk enrollments, newest first."""
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if running:
        query = query.where(table.c.state.in_(_OPEN))
    return [shape(row) for row in tx.conn.execute(query).mappings()]


def shape(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The row without what only the machinery needs."""
    names = (
        "id", "playbook", "record", "condition", "state", "total", "looked", "enrolled", "skipped",
        "reason", "actor", "created_at", "touched_at", "ended_at",
    )  # fmt: skip
    return {name: row[name] for name in names}


def control(store: Store, id: str, verb: str) -> dict[str, Any]:
    """Pauses, resumes or cancels; what has entered stays.

    Raises:
        NotFoundError: there is none with this id.
        InputError: it has ended.
    """
    wanted = {"pause": "paused", "resume": "running", "cancel": "cancelled"}[verb]

    def work(tx: Transaction) -> dict[str, Any]:
        row = _row(tx, id, lock=True)
        if row["state"] not in _OPEN:
            raise InputError(f"bulk enrollment '{id}' is {row['state']} already")
        ended = tx.now if wanted == "cancelled" else None
        _change(tx, id, state=wanted, ended_at=ended, touched_at=tx.now)
        if wanted == "running":
            tx.nudges.add(bulk_driver_id(id))
        return shape(_row(tx, id))

    return store.write(work)


def neglected(tx: Transaction, before: Any) -> frozenset[str]:
    """The drivers of those that nobody has touched since `before`."""
    query = sa.select(table.c.id).where(table.c.state == "running", table.c.touched_at < before)
    return frozenset(bulk_driver_id(id) for id in tx.conn.execute(query).scalars())


def _row(tx: Transaction, id: str, *, lock: bool = False) -> sa.RowMapping:
    query = sa.select(table).where(table.c.id == id)
    if lock and tx.is_postgres:
        query = query.with_for_update()
    row = tx.conn.execute(query).mappings().first()
    if row is None:
        raise NotFoundError(
            f"there is no bulk enrollment '{id[:60]}'", help="list them with: longplay bulk list"
        )
    return row


def _change(tx: Transaction, id: str, **values: Any) -> None:
    tx.conn.execute(sa.update(table).where(table.c.id == id).values(values))


def _look(tx: Transaction, id: str, size: int) -> _Found | None:
    """What the next slice is; outside of any write, because it may look through many leads."""
    row = _row(tx, id)
    if row["state"] != "running":
        return None
    current = published.current(tx)
    try:
        chosen = _selection(current, row)
    except InputError:
        return _Found(row["cursor"], Selection(current), Stretch((), None, 0))
    return _Found(row["cursor"], chosen, chosen.stretch(tx, row["cursor"], max(size, 1)))


def _enroll(id: str, found: _Found, tx: Transaction) -> bool:
    row = _row(tx, id, lock=True)
    if row["state"] != "running":
        return False
    if row["cursor"] != found.after:
        return True  # somebody else has worked this slice off
    current = published.current(tx)
    try:
        check = _same(found, current, row)
    except InputError as wrong:
        _change(tx, id, state="failed", reason=wrong.message, ended_at=tx.now, touched_at=tx.now)
        return False
    group = Group(
        row["playbook"], row["cause"], "enrolled in bulk", "bulk", row["key"], row["properties"]
    )
    answer = group.enroll(tx, current, found.stretch.ids, check)
    unselected = found.stretch.looked - len(found.stretch.ids)
    return _move(tx, row, found.stretch, answer.enrolled, {**answer.skipped}, unselected)


def _same(found: _Found, current: Current, row: sa.RowMapping) -> Selection:
    same = found.selection.current.digest == current.digest
    chosen = _selection(current, row)
    return found.selection if same and found.selection.record == chosen.record else chosen


def _selection(current: Current, row: sa.RowMapping) -> Selection:
    """Whom the row selects, as things are published now.

    Raises:
        InputError: its playbook is there no more, or is for other records; its condition is wrong.
    """
    record = playbook_of(current, row["playbook"]).record
    if record != row["record"]:
        raise InputError(f"'{row['playbook']}' is for {record}s now")
    return selection(current, row["condition"], record)


def _pass_over(tx: Transaction, id: str, found: _Found) -> bool:
    row = _row(tx, id, lock=True)
    if row["state"] != "running" or row["cursor"] != found.after:
        return bool(row["state"] == "running")
    unselected = found.stretch.looked - len(found.stretch.ids)
    return _move(tx, row, found.stretch, 0, {"failed": len(found.stretch.ids)}, unselected)


def _move(
    tx: Transaction,
    row: sa.RowMapping,
    stretch: Stretch,
    enrolled: int,
    skipped: Mapping[str, int],
    unselected: int,
) -> bool:
    """Moves the cursor behind the slice; answers whether there is more."""
    counts: dict[str, int] = dict(row["skipped"])
    fresh = [*skipped.items(), *([("where", unselected)] if row["condition"] else [])]
    for reason, number in fresh:
        if number:
            counts[reason] = counts.get(reason, 0) + number
    ended = stretch.cursor is None
    _change(
        tx,
        row["id"],
        cursor=row["cursor"] if stretch.cursor is None else stretch.cursor,
        looked=row["looked"] + stretch.looked,
        enrolled=row["enrolled"] + enrolled,
        skipped=counts,
        touched_at=tx.now,
        state="finished" if ended else "running",
        ended_at=tx.now if ended else None,
    )
    return not ended
