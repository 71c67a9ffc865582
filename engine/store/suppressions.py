"""The suppression list: addresses that must not be mailed, about what, and why.

It is read in the transaction that decides to send. Several reasons may stand beside each other:
lifting a bounce does not lift an unsubscribe.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.runtime.identity import email_key
from engine.store import quick
from engine.store.database import Transaction
from engine.store.inserting import insert_new
from engine.store.tables import Suppression

table: sa.Table = Suppression.__table__  # type: ignore[attr-defined]

UNSUBSCRIBED = "unsubscribed"
"""The lead's own request: it stops marketing. Every other reason stops all mail."""

_by_keys = sa.select(table.c.email_key, table.c.topic, table.c.reason).where(
    table.c.email_key.in_(sa.bindparam("keys", expanding=True))
)
EVERYTHING = ""
"""The topic of a suppression that is about all of them."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What stands in the way of mailing one address.

    Attributes:
        dead: why it must not be mailed at all; empty when nothing says so.
        topics: what it has unsubscribed from; `EVERYTHING` is all marketing.
    """

    dead: str = ""
    topics: frozenset[str] = field(default_factory=frozenset)

    def unsubscribed_from(self, topic: str) -> str:
        """Why marketing about `topic` must not go; empty when it may."""
        if EVERYTHING in self.topics:
            return "unsubscribed from all"
        return f"unsubscribed from {topic}" if topic in self.topics else ""

    @property
    def is_blocked(self) -> bool:
        """Whether no marketing goes to the address, whatever it is about."""
        return bool(self.dead) or EVERYTHING in self.topics


def add(
    tx: Transaction, address: str, *, reason: str, topic: str = EVERYTHING, source: str = ""
) -> bool:
    """Suppresses an address.

    Returns:
        Whether it was not so suppressed before.
    """
    return bool(add_many(tx, [address], reason=reason, topic=topic, source=source))


def add_many(
    tx: Transaction,
    addresses: Iterable[str],
    *,
    reason: str,
    topic: str = EVERYTHING,
    source: str = "",
    at: datetime | None = None,
) -> frozenset[str]:
    """Suppresses addresses; answers the keys of those that were not so suppressed before.

    `at` is since when; left out: now.
    """
    keys = dict.fromkeys(map(_key, addresses))
    row = {"topic": topic, "reason": reason, "source": source, "at": at or tx.now}
    return insert_new(tx, table, [{"email_key": key, **row} for key in keys], key="email_key")


def add_rows(tx: Transaction, rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Suppresses addresses, each row with reason, topic, source and time of its own.

    Returns:
        The rows that were not on the list, by (key of the address, topic, reason).
    """
    wanted = {(row["email_key"], row["topic"], row["reason"]): row for row in rows}
    keys = sorted({key for key, *_ in wanted})
    there = {(row["email_key"], row["topic"], row["reason"])
             for row in quick.fetch(tx, _by_keys, keys=keys)}  # fmt: skip
    new = [row for which, row in wanted.items() if which not in there]
    insert_new(tx, table, new, key="email_key")
    return new


def remove(
    tx: Transaction,
    address: str,
    *,
    topic: str | None = None,
    reasons: Collection[str] | None = None,
) -> int:
    """Lifts an address's suppressions: of a topic, for some reasons, or all; answers how many."""
    where = [table.c.email_key == _key(address)]
    if topic is not None:
        where.append(table.c.topic == topic)
    if reasons is not None:
        where.append(table.c.reason.in_(list(reasons)))
    return tx.conn.execute(table.delete().where(*where)).rowcount


def blocks_of(tx: Transaction, addresses: Iterable[str]) -> dict[str, Blocks]:
    """What stands in the way of each address, by the address as it was given; one query."""
    keys = {address: _key(address) for address in addresses}
    dead: dict[str, str] = {}
    topics: dict[str, set[str]] = {}
    for row in quick.fetch(tx, _by_keys, keys=list(set(keys.values()))):
        if row["reason"] == UNSUBSCRIBED:
            topics.setdefault(row["email_key"], set()).add(row["topic"])
        else:
            dead[row["email_key"]] = f"the address is suppressed: {row['reason']}"
    return {
        address: Blocks(dead.get(key, ""), frozenset(topics.get(key, ())))
        for address, key in keys.items()
    }


def of_address(tx: Transaction, address: str) -> list[dict[str, object]]:
    """Every suppression of one address, oldest first."""
    query = sa.select(table).where(table.c.email_key == _key(address))
    found = tx.conn.execute(query.order_by(table.c.at, table.c.topic, table.c.reason))
    return [row._asdict() for row in found]


def blocked(tx: Transaction, addresses: Mapping[str, object]) -> frozenset[str]:
    """Which leads get no marketing at all, of a mapping from lead to address.

    A lead without an address is not among them.
    """
    given = {lead: text for lead, text in addresses.items() if isinstance(text, str) and text}
    blocks = blocks_of(tx, given.values())
    return frozenset(lead for lead, address in given.items() if blocks[address].is_blocked)


def listing(
    tx: Transaction, *, after: str = "", limit: int = 100, reason: str | None = None
) -> list[dict[str, object]]:
    """The list itself, a page at a time; the next begins `after` the last one's key."""
    query = sa.select(table).where(table.c.email_key > after)
    if reason is not None:
        query = query.where(table.c.reason == reason)
    query = query.order_by(table.c.email_key, table.c.topic, table.c.reason).limit(limit)
    return [row._asdict() for row in tx.conn.execute(query)]


def whole_page(tx: Transaction, *, after: str = "", limit: int = 1000) -> list[dict[str, object]]:
    """Like `listing`, with every row of the last address, so that a next page misses none."""
    keys = sa.select(table.c.email_key).where(table.c.email_key > after).distinct()
    chosen = keys.order_by(table.c.email_key).limit(limit).subquery()
    query = sa.select(table).where(table.c.email_key.in_(sa.select(chosen.c.email_key)))
    query = query.order_by(table.c.email_key, table.c.topic, table.c.reason)
    return [row._asdict() for row in tx.conn.execute(query)]


def _key(address: str) -> str:
    """The address's key; of what is no address, itself: a provider may name anything."""
    try:
        return email_key(address)
    except InputError:
        return address.strip().casefold()
