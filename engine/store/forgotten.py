"""Addresses that were erased and must still not be mailed, known by a salted hash alone.

The salt is this store's own and is made when it is first needed. Nobody can read an address out of
the list, but who holds an address can ask whether it is on it: an import refuses it then, and a
lead who comes back by itself finds its old suppressions in force again.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.runtime.identity import email_key
from engine.store import quick, suppressions
from engine.store.consent_tables import ForgottenRow, SaltRow
from engine.store.database import Transaction
from engine.store.inserting import insert_new

table: sa.Table = ForgottenRow.__table__  # type: ignore[attr-defined]
salt_table: sa.Table = SaltRow.__table__  # type: ignore[attr-defined]

ERASED = "erased"
"""The reason of an address that was erased, besides those that it was suppressed for before."""

_salt = sa.select(salt_table.c.value)
_by_hashes = sa.select(table.c.hash, table.c.topic, table.c.reason).where(
    table.c.hash.in_(sa.bindparam("hashes", expanding=True))
)


def forget(tx: Transaction, addresses: Collection[str]) -> None:
    """Takes addresses off the suppression list and remembers them by their hash.

    Whoever erases a lead calls this with every address the lead had, in the same transaction.
    """
    keys = sorted({key for address in addresses if (key := _key(address))})
    if not keys:
        return
    salt = _made_salt(tx)
    hashes = {key: hashed(salt, key) for key in keys}
    listed = suppressions.table
    rows = [{"hash": hash, "topic": "", "reason": ERASED, "at": tx.now} for hash in hashes.values()]
    found = tx.conn.execute(sa.select(listed).where(listed.c.email_key.in_(keys)))
    for row in found.mappings():
        rows.append(
            {
                "hash": hashes[row["email_key"]], "topic": row["topic"], "reason": row["reason"],
                "at": row["at"],
            }
        )  # fmt: skip
    insert_new(tx, table, rows, key="hash")
    tx.conn.execute(listed.delete().where(listed.c.email_key.in_(keys)))


def known(tx: Transaction, addresses: Iterable[str]) -> frozenset[str]:
    """Which of these addresses were erased; of addresses, or of their keys."""
    given = {address: _key(address) for address in addresses}
    found = {key for key, *_ in _found(tx, [key for key in given.values() if key])}
    return frozenset(address for address, key in given.items() if key in found)


def restore(tx: Transaction, addresses: Iterable[str]) -> None:
    """Puts addresses that are known again back on the suppression list, as they were on it.

    Who was erased gets no marketing until it asks for some.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for key, topic, why in _found(tx, [key for one in addresses if (key := _key(one))]):
        reason = suppressions.UNSUBSCRIBED if why == ERASED else why
        groups.setdefault((topic, reason), []).append(key)
    for (topic, reason), keys in groups.items():
        suppressions.add_many(tx, keys, reason=reason, topic=topic, source=ERASED)


def listing(tx: Transaction) -> list[dict[str, Any]]:
    """Every hash with its reasons, for an export."""
    query = sa.select(table).order_by(table.c.hash, table.c.topic, table.c.reason)
    return [row._asdict() for row in tx.conn.execute(query)]


def add_hashes(tx: Transaction, rows: Collection[dict[str, Any]]) -> int:
    """Takes in hashes that another export wrote with the same salt; answers how many are new."""
    there = {
        (row.hash, row.topic, row.reason)
        for row in tx.conn.execute(_by_hashes, {"hashes": [row["hash"] for row in rows]})
    }
    new = [row for row in rows if (row["hash"], row["topic"], row["reason"]) not in there]
    insert_new(tx, table, new, key="hash")
    return len(new)


def salt_of(tx: Transaction) -> str:
    """The salt; empty as long as nothing was hashed."""
    rows = quick.fetch(tx, _salt)
    return str(rows[0]["value"]) if rows else ""


def adopt_salt(tx: Transaction, salt: str) -> bool:
    """Takes another store's salt over, as long as this one has none; answers whether it is ours."""
    insert_new(tx, salt_table, [{"id": 1, "value": salt}])
    return salt_of(tx) == salt


def hashed(salt: str, key: str) -> str:
    """The hash of an address's key."""
    return hmac.digest(salt.encode(), key.encode(), hashlib.sha256).hex()


def _made_salt(tx: Transaction) -> str:
    if not salt_of(tx):
        insert_new(tx, salt_table, [{"id": 1, "value": secrets.token_hex(32)}])
    return salt_of(tx)


def _found(tx: Transaction, keys: Collection[str]) -> list[tuple[str, str, str]]:
    """(key, topic, reason) of those that were erased."""
    salt = salt_of(tx) if keys else ""
    if not salt:
        return []
    keys_of = {hashed(salt, key): key for key in keys}
    rows = quick.fetch(tx, _by_hashes, hashes=list(keys_of))
    return [(keys_of[row["hash"]], row["topic"], row["reason"]) for row in rows]


def _key(address: str) -> str:
    try:
        return email_key(address)
    except InputError:
        return address.strip().casefold()
