"""The inbox, page by page: what is at stake comes first.

The order: what is overdue; then the larger amount of the open deal that it is about, as a number,
whatever its currency; then what is marked as urgent; then what is due sooner; then the older id.
What the first page called overdue stays so for the pages after it.
"""

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.store.columns import EPOCH
from engine.store.database import Transaction
from engine.store.deals import table as deals
from engine.store.tasks import table

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
NOBODYS = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the inbox.

    Attributes:
        rows: entries, each with the `amount` and `currency` at stake.
        next: where the next page begins; empty: this is the last one.
    """

    rows: Sequence[dict[str, Any]]
    next: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Behind which entry a page begins, and what the present was for the first page."""

    now: datetime
    late: int
    amount: float
    rank: int
    due: datetime
    id: str

    def text(self) -> str:
        parts = [
            self.now.isoformat(), self.late, self.amount, self.rank, self.due.isoformat(), self.id,
        ]  # fmt: skip
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def page(
    tx: Transaction,
    *,
    owner: str | None = None,
    kinds: Collection[str] = (),
    snoozed: bool = False,
    after: str = "",
    limit: int = 100,
) -> Page:
    """Open entries, what is at stake first.

    Args:
        owner: whose; empty: nobody's; None: everybody's.
        kinds: only these; empty: all.
        snoozed: those too that somebody put off until later.
        after: what the page before said of the next one.
        limit: entries in a page.

    Raises:
        InputError: `after` is nothing that a page has said.
    """
    place = _read(after) if after else None
    now = place.now if place else tx.now
    keys = _keys(now)
    known = sa.select(table.c.id, *keys).select_from(table.outerjoin(deals, _at_stake()))
    query = _matching(tx, known, owner, kinds, snoozed=snoozed)
    if place is not None:
        due = sa.literal(place.due, table.c.due_at.type)
        here = sa.tuple_(
            sa.literal(place.late), sa.literal(-place.amount), sa.literal(place.rank), due,
            sa.literal(place.id),
        )  # fmt: skip
        query = query.where(sa.tuple_(*keys, table.c.id) > here)
    found = tx.conn.execute(query.order_by(*keys, table.c.id).limit(limit + 1)).mappings().all()
    shown = found[:limit]
    following = ""
    if len(found) > limit:
        last = shown[-1]
        following = _Place(
            now, last["late"], -last["stake"] or 0.0, last["rank"], last["due"], last["id"]
        ).text()
    return Page(_whole(tx, [row["id"] for row in shown]), following)


def counts(tx: Transaction, *, owner: str | None = None) -> dict[str, int]:
    """How many open entries of each kind wait now."""
    query = sa.select(table.c.kind, sa.func.count()).group_by(table.c.kind)
    found = tx.conn.execute(_matching(tx, query, owner, (), snoozed=False))
    return {row[0]: row[1] for row in found}


def _keys(now: datetime) -> list[sa.ColumnElement[Any]]:
    due = sa.func.coalesce(table.c.due_at, sa.literal(_NEVER, table.c.due_at.type))
    moment = sa.literal(now, table.c.due_at.type)
    rank = sa.case((table.c.priority == "high", 0), (table.c.priority == "low", 2), else_=1)
    return [
        sa.case((table.c.due_at < moment, 0), else_=1).label("late"),
        (-sa.func.coalesce(deals.c.amount, 0.0)).label("stake"),
        rank.label("rank"),
        sa.type_coerce(due, table.c.due_at.type).label("due"),
    ]


def _matching(
    tx: Transaction,
    query: sa.Select[Any],
    owner: str | None,
    kinds: Collection[str],
    *,
    snoozed: bool,
) -> sa.Select[Any]:
    query = query.where(table.c.state == "open")
    if owner is not None:
        mine = table.c.owner == owner
        query = query.where(table.c.owner.is_(None) if owner == NOBODYS else mine)
    if kinds:
        query = query.where(table.c.kind.in_(list(kinds)))
    if not snoozed:
        awake = sa.or_(table.c.snoozed_until.is_(None), table.c.snoozed_until <= tx.now)
        query = query.where(awake)
    return query


def _at_stake() -> sa.ColumnElement[bool]:
    return sa.and_(deals.c.id == table.c.deal, deals.c.closed == "")


def _whole(tx: Transaction, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The entries themselves, in this order; only those of the page are read whole."""
    query = (
        sa.select(table, deals.c.name.label("deal_name"), deals.c.amount, deals.c.currency)
        .select_from(table.outerjoin(deals, _at_stake()))
        .where(table.c.id.in_(list(ids)))
    )
    known = {row["id"]: dict(row) for row in tx.conn.execute(query).mappings()}
    return [known[id] for id in ids if id in known]


def _read(after: str) -> _Place:
    try:
        parts = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        now, late, amount, rank, due, id = parts
        place = _Place(
            datetime.fromisoformat(now), int(late), float(amount), int(rank),
            datetime.fromisoformat(due), str(id),
        )  # fmt: skip
        if place.now < EPOCH or place.due < EPOCH or "\x00" in place.id:
            raise ValueError(after)
    except (ValueError, TypeError, OverflowError):
        raise InputError(
            f"'{after[:40]}' is no place in the inbox", help="use `next` of the page before"
        ) from None
    return place
