"""What analytics are grouped by: a column for the database, and a label for people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import InputError
from engine.operations.published import Current
from engine.playbook.spelling import did_you_mean
from engine.store import deals, leads
from engine.store.database import Transaction
from engine.store.journeys import NO_GROUP, of_field

MONTH = "month"
NOBODY = "–"
"""The label of what has no value."""

OF_LEADS = ("source", "month", "owner", "team", "country", "language", "city", "stage")
"""What leads are grouped by, besides the workspace's own fields; `month` is when they came."""

OF_DEALS = ("owner", "team", "month", "currency", "lost_reason")
"""What deals are grouped by, besides the workspace's own fields; `source` is their lead's."""


@dataclass(frozen=True)
class Key:
    """How records are grouped.

    Attributes:
        column: what the database answers for each record.
        label: what people call a group, of that answer; None: there are no groups.
    """

    column: sa.ColumnElement[Any]
    label: Callable[[object], str | None]

    @classmethod
    def of_leads(cls, tx: Transaction, current: Current, by: str) -> "Key":
        """A way to group leads.

        Raises:
            InputError: leads are not grouped so.
        """
        return _key(tx, current, by, leads.table, OF_LEADS, current.custom)

    @classmethod
    def of_deals(cls, tx: Transaction, current: Current, by: str) -> "Key":
        """A way to group deals.

        Raises:
            InputError: deals are not grouped so.
        """
        if by == "source":
            source = (
                sa.select(leads.table.c.source)
                .where(leads.table.c.id == deals.table.c.lead)
                .correlate(deals.table)
                .scalar_subquery()
            )
            return Key(source, _text)
        return _key(tx, current, by, deals.table, OF_DEALS, current.deal_fields, also=("source",))


def _key(
    tx: Transaction,
    current: Current,
    by: str,
    table: sa.Table,
    built_in: tuple[str, ...],
    custom: Any,
    also: tuple[str, ...] = (),
) -> Key:
    if not by:
        return Key(NO_GROUP, lambda _: None)
    if by == MONTH:
        return Key(table.c.created_at, lambda at: month_of(at, current))
    if by == "team":
        return Key(table.c.owner, lambda owner: team_of(current, owner))
    if by in built_in:
        return Key(table.c[by], _text)
    if by in custom:
        return Key(of_field(tx, table, by), _text)
    known = [*built_in, *also, *custom]
    record = "deals" if table is deals.table else "leads"
    raise InputError(
        f"{record} are not grouped by '{by[:60]}'",
        help=did_you_mean(by, known) or f"use one of {', '.join(known)}",
    )


def team_of(current: Current, owner: object) -> str:
    """The first team of an owner."""
    known = current.workspace.owners.get(str(owner or ""))
    return known.teams[0] if known and known.teams else NOBODY


def month_of(at: object, current: Current) -> str:
    """The month of an instant, in the workspace's zone."""
    return f"{at.astimezone(current.zone):%Y-%m}" if isinstance(at, datetime) else NOBODY


def _text(value: object) -> str:
    return NOBODY if value in (None, "") else str(value)
