"""A person in every table there is: what the proofs of merging and erasing fill and search.

It walks the metadata, so that a table that is added tomorrow is filled and searched, too.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

import engine.store.schema  # noqa: F401 - fills the metadata
from engine.store.columns import Instant, JsonDocument
from engine.store.database import Store, Transaction
from engine.store.holdings import HOLDINGS

AT = datetime(2026, 3, 1, tzinfo=UTC)
TELLING = frozenset(
    {"lead", "record", "email", "email_key", "address", "phone", "former", "survivor", "contact",
     "enrollment", "job", "full_name", "ip", "recipient"}
)  # fmt: skip
"""Names of columns that say that a table holds something of a person."""

SECRETS = ("secretive@example.com", "138-0013-8000", "Zaphod Beeblebrox", "秘密的人")
"""What must be nowhere in the end: an address, a number, names, and a text as people write it."""


def tables() -> list[sa.Table]:
    return SQLModel.metadata.sorted_tables


def is_text(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.String | sa.Text)


def is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.JSON) or column.type is JsonDocument


def secret(number: int) -> str:
    return f"{SECRETS[number % len(SECRETS)]} {SECRETS[0]}"


def filled(table: sa.Table, **given: Any) -> dict[str, Any]:
    """A row with the person's strings in every text and document, but for what is `given`."""
    row: dict[str, Any] = {}
    for number, column in enumerate(table.c):
        if column.name in given:
            row[column.name] = given[column.name]
        elif is_json(column):
            row[column.name] = [secret(number)] if column.name in _LISTS else {"a": secret(number)}
        elif is_text(column):
            row[column.name] = secret(number)
        elif isinstance(column.type, Instant):
            row[column.name] = AT
        elif isinstance(column.type, sa.Boolean):
            row[column.name] = False
        else:
            row[column.name] = 1
    return row


_LISTS = ("tags", "links", "reasons")


def fill(store: Store, lead: str, deal: str, run: str) -> None:
    """Puts a row that is full of the person into every table of `HOLDINGS` that has none."""

    def work(tx: Transaction) -> None:
        for one in HOLDINGS.values():
            if one.table in {"lead", "gone_lead", "erasure", "suppression"}:
                continue
            tx.conn.execute(sa.insert(one.rows), _row(one.table, lead, deal, run))

    store.write(work)


def _row(table: str, lead: str, deal: str, run: str) -> dict[str, Any]:
    holding = HOLDINGS[table]
    ours = {name: f"w-{table}" for name in holding.words if not is_json(holding.rows.c[name])}
    keys = {column.name: f"k-{table}" for column in holding.rows.primary_key if is_text(column)}
    if holding.erase == "removed":
        keys = {}
    given: dict[str, Any] = {**ours, **keys, **dict.fromkeys(holding.names, lead)}
    if holding.through == "deal":
        given["deal"] = deal
    if holding.through == "enrollment":
        given |= {"enrollment": run, "consumed_seq": None}
    given |= _SPECIAL.get(table, {})
    if table == "enrollment":
        given |= {"id": run, "state": "waiting", "cohort": "c", "ended_at": None, "held_at": None}
    if table == "deal":
        given |= {"id": deal, "closed": ""}
    return filled(holding.rows, **given)


_SPECIAL: dict[str, dict[str, Any]] = {
    "change": {"field": "phone", "before": secret(1), "after": secret(2)},
    "job": {"params": {"digest": "d", "pc": 0, "note": secret(0)}, "state": "accepted",
            "kind": "email"},
    "step_log": {"seq": 0},
    "task": {"state": "open"},
    "deal": {"tags": [secret(0)], "fields": {"note": secret(1)}, "name": secret(2),
             "lost_reason": secret(3)},
    "deal_change": {"before": secret(0), "after": secret(1), "reason": secret(2)},
    "event": {"id": secret(0)},
    "coming_moment": {"trigger": "t", "playbook": "p"},
}  # fmt: skip


def mentions(store: Store, needles: tuple[str, ...]) -> list[str]:
    """Where one of the needles is, in any column of any table."""
    return sorted(store.read(lambda tx: list(_mentions(tx, needles))))


def _mentions(tx: Transaction, needles: tuple[str, ...]) -> Iterator[str]:
    for table in tables():
        for row in tx.conn.execute(sa.select(table)).mappings():
            for name, value in row.items():
                shown = repr(value).casefold()
                if any(needle.casefold() in shown for needle in needles):
                    yield f"{table.name}.{name}: {value!r}"[:200]


def dangling(store: Store) -> list[str]:
    """Rows that name a lead, a deal's record aside, which does not exist."""

    def read(tx: Transaction) -> list[str]:
        leads = set(tx.conn.execute(sa.text("SELECT id FROM lead")).scalars())
        deals = set(tx.conn.execute(sa.text("SELECT id FROM deal")).scalars())
        found = []
        for one in HOLDINGS.values():
            for name in one.names:
                if name in {"email_key", "former"} or (one.table, name) == ("gone_lead", "id"):
                    continue
                for value in tx.conn.execute(sa.select(one.rows.c[name])).scalars():
                    known = leads | deals if name == "record" else leads
                    if value and value not in known:
                        found.append(f"{one.table}.{name}: {value!r}")
        return sorted(found)

    return store.read(read)
