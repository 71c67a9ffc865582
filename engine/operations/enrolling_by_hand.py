"""Enrolling by hand: named leads at once, or all that a condition holds of as a bulk enrollment.

What is selected are leads, or deals where the playbook is for deals.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.ids import new_id
from engine.operations import bulk, published
from engine.operations.entering import Enrolled, Group, playbook_of
from engine.operations.selecting import Selection
from engine.playbook.values import Value
from engine.store import gone, leads
from engine.store.database import Store, Transaction

PAGE = 500

__all__ = ["Enrolled", "enroll", "enroll_all"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a bulk enrollment has come."""

    looked: int
    total: int


def enroll(
    store: Store,
    playbook: str,
    *,
    names: Sequence[str] | None = None,
    where: str = "",
    key: str | None = None,
    properties: Mapping[str, Value] | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Enrolled:
    """Enrolls records in `playbook`, by its own rules of entry, and waits for the end of it.

    Args:
        store: the workspace's store.
        playbook: its name.
        names: leads, by address or id; None: every record that `where` holds of (empty: all).
        where: a condition.
        key: the key of the enrollments.
        properties: what `event` is for them.
        progress: told how many records have been looked at, and of how many.

    Raises:
        InputError: the playbook, a lead or the condition is not right; nobody was enrolled.
    """
    if names is None:
        began = bulk.begin(store, playbook, where=where, key=key, properties=properties)
        return enroll_all(store, began.id, progress=progress)
    current = store.read(published.current)
    playbook_of(current, playbook)
    # One cause for this command: should it be repeated after a crash, `again` decides.
    cause = f"manual:{new_id()}"
    # Few leads are somebody's trial, waited for; many are a batch, and must not hold those up.
    lane = "live" if len(names) <= PAGE else "bulk"
    group = Group(playbook, cause, "enrolled by hand", lane, key, properties or {})
    answer, done = Enrolled(), 0
    for ids in _named(store, names):
        answer.add(store.write(partial(_enroll, group, ids)))
        done += len(ids)
        progress(done, len(names))
    return answer


def enroll_all(
    store: Store,
    id: str,
    *,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Enrolled:
    """Drives a bulk enrollment from this process until it ends, is paused, or is cancelled.

    Should this process die, a worker goes on with it.

    Raises:
        InputError: it cannot go on; those who entered stay.
    """
    driver = bulk.Driver(store, id)
    more = True
    while more:
        more = driver.step()
        row = bulk.show(store, id)
        progress(row["looked"], max(row["total"], row["looked"]))
    if row["state"] == "failed":
        raise InputError(f"bulk enrollment '{id}' stopped: {row['reason']}")
    return Enrolled(row["enrolled"], dict(row["skipped"]))


def _enroll(group: Group, ids: Sequence[str], tx: Transaction) -> Enrolled:
    current = published.current(tx)
    playbook_of(current, group.playbook)
    return group.enroll(tx, current, ids, Selection(current))


def _named(store: Store, names: Sequence[str]) -> Iterator[list[str]]:
    def find(tx: Transaction) -> list[str]:
        found = leads.find_by_email(tx, [name for name in names if "@" in name])
        ids = list(map(str, found.values()))
        by_id = [name for name in names if "@" not in name]
        survivors = gone.now_as(tx, by_id)
        by_id = [survivors.get(name, name) for name in by_id]
        ids += _ids(tx, _existing(by_id))
        if len(set(ids)) < len(set(names)):
            # Fewer leads than names: one is unknown, or one lead was named twice.
            missing = next((name for name in names if leads.find(tx, name) is None), None)
            if missing is not None:
                raise InputError(
                    f"there is no lead '{missing}'",
                    help="import it, or send an event about it first",
                )
        return sorted(set(ids))

    ids = store.read(find)
    for start in range(0, len(ids), PAGE):
        yield ids[start : start + PAGE]


def _ids(tx: Transaction, query: sa.Select[Any]) -> list[str]:
    return [row[0] for row in tx.conn.execute(query)]


def _existing(ids: Sequence[str]) -> sa.Select[Any]:
    return sa.select(leads.table.c.id).where(leads.table.c.id.in_(ids))
