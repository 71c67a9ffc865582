"""Control of many enrollments at once: of a playbook, or of all, a slice in each transaction.

Whoever calls it drives it. Ended half-way it has done half of it, and begun again it does the rest:
what is done already is in another state. Those who enter meanwhile are left alone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import get_args

import sqlalchemy as sa

from engine.errors import InputError, NotFoundError
from engine.operations import published
from engine.operations.control import STATES, Verb, take_in_hand
from engine.playbook.spelling import did_you_mean
from engine.store import enrollments, leads
from engine.store.database import Store, Transaction

SLICE = 200
"""Enrollments in one transaction: short enough for a lone lead to wait behind."""

_REST = 0.1
_ALL_STATES = ("pending", "active", "waiting", "held", "finished", "stopped")
table = enrollments.table


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which enrollments are meant, and what is done to them.

    Attributes:
        playbook: only of this one; empty: of every playbook.
        state: only those in this state; empty: in each that the verb can be done to.
    """

    verb: Verb
    playbook: str = ""
    state: str = ""

    @property
    def states(self) -> tuple[str, ...]:
        """The states that they are in."""
        return (self.state,) if self.state else STATES[self.verb]


@dataclass(frozen=True, slots=True)
class Slice:
    """What was done in one transaction: how many by their former state, and where to go on."""

    done: dict[str, int]
    after: str
    is_last: bool


@dataclass(slots=True)
class Counted:
    """How many were taken in hand, by the state that each was in before."""

    by_state: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_state.values())

    def add(self, done: dict[str, int]) -> None:
        """Counts a slice."""
        for state, number in done.items():
            self.by_state[state] = self.by_state.get(state, 0) + number


def control_many(
    store: Store, chosen: Chosen, *, actor: str = "", told: Callable[[Counted], None] | None = None
) -> Counted:
    """Does it to all that are chosen, and counts them.

    Args:
        store: the workspace's store.
        chosen: which ones, and what.
        actor: who wants it.
        told: called after each slice.

    Raises:
        InputError: the verb cannot be done to enrollments in that state.
        NotFoundError: there is no such playbook.
    """
    last = store.read(lambda tx: _last(tx, chosen))
    counted, after = Counted(), ""
    while last:
        began = time.monotonic()
        done = one_slice(store, chosen, after=after, until=last, actor=actor)
        counted.add(done.done)
        if told is not None:
            told(counted)
        if done.is_last:
            break
        after = done.after
        time.sleep(min((time.monotonic() - began) / 2, _REST))
    return counted


def one_slice(
    store: Store, chosen: Chosen, *, after: str = "", until: str = "", actor: str = ""
) -> Slice:
    """The next slice behind an id, in one transaction; see `control_many`."""
    ids = store.read(lambda tx: _page(tx, chosen, after, until))
    done = store.write(lambda tx: _do(tx, chosen, ids, actor), alone=True) if ids else {}
    return Slice(done, ids[-1] if ids else after, is_last=len(ids) < SLICE)


def _last(tx: Transaction, chosen: Chosen) -> str:
    """The newest enrollment that there is now; empty: none."""
    _check(tx, chosen)
    return str(tx.conn.execute(sa.select(sa.func.max(table.c.id))).scalar() or "")


def _check(tx: Transaction, chosen: Chosen) -> None:
    if chosen.verb not in get_args(Verb):
        verbs = get_args(Verb)
        raise InputError(f"'{chosen.verb[:60]}' is no verb", help=did_you_mean(chosen.verb, verbs))
    if chosen.state and chosen.state not in _ALL_STATES:
        help = did_you_mean(chosen.state, _ALL_STATES)
        raise InputError(f"no enrollment is '{chosen.state[:60]}'", help=help)
    if chosen.state and chosen.state not in STATES[chosen.verb]:
        raise InputError(
            f"{chosen.verb} cannot be done to enrollments that are '{chosen.state}'",
            help=f"they must be {' or '.join(STATES[chosen.verb])}",
        )
    if chosen.playbook and chosen.playbook not in published.current(tx).plans:
        # One that was taken out of the workspace may still have runs.
        mine = sa.select(table.c.id).where(table.c.playbook == chosen.playbook).limit(1)
        if tx.conn.execute(mine).first() is None:
            known = published.current(tx).plans
            raise NotFoundError(
                f"no playbook is named '{chosen.playbook[:60]}'",
                help=did_you_mean(chosen.playbook, known),
            )


def _page(tx: Transaction, chosen: Chosen, after: str, until: str) -> list[str]:
    _check(tx, chosen)
    query = sa.select(table.c.id).where(table.c.id > after, table.c.state.in_(chosen.states))
    if chosen.playbook:
        query = query.where(table.c.playbook == chosen.playbook)
    if until:
        query = query.where(table.c.id <= until)
    return list(tx.conn.execute(query.order_by(table.c.id).limit(SLICE)).scalars())


def _do(tx: Transaction, chosen: Chosen, ids: Sequence[str], actor: str) -> dict[str, int]:
    """Leads locked first, then the rows (I7); those that have left their state are left out."""
    locked = enrollments.leads_of(tx, ids)
    leads.lock(tx, locked)
    query = sa.select(table).where(table.c.id.in_(ids), table.c.state.in_(chosen.states))
    if tx.is_postgres:
        query = query.order_by(table.c.id).with_for_update()
    rows = [row for row in tx.conn.execute(query).mappings() if row["lead"] in locked]
    take_in_hand(tx, chosen.verb, rows, actor)
    done: dict[str, int] = {}
    for row in rows:
        done[row["state"]] = done.get(row["state"], 0) + 1
    return done
