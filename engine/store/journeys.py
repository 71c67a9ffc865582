"""How records went through their stages, read out of the log of their changes, one after another.

The log is read once, in the order of records and times, and never held as a whole. A journey is
told in entries: into which stage, and when.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from engine.runtime.funnel import LeadJourney, Resting
from engine.runtime.pipeline_health import DealJourney, OpenDeal
from engine.store import deals, leads
from engine.store.database import Transaction
from engine.store.deals import ELSEWHERE
from engine.store.lead_writing import change_table

STAGE = sa.literal_column("'stage'", sa.Text)
"""Written out, so that SQLite sees that the index of moves will do."""

NO_GROUP: sa.ColumnElement[Any] = sa.cast(sa.literal_column("''"), sa.Text)
"""Everybody in one group."""


def text_of(tx: Transaction, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The text that a JSON column holds, whatever letters it has."""
    if tx.is_postgres:
        return sa.cast(column.op("#>>")(sa.text("'{}'")), sa.Text)
    return sa.func.json_extract(column, "$", type_=sa.Text)


def of_deals(
    tx: Transaction,
    pipeline: str,
    group: sa.ColumnElement[Any] = NO_GROUP,
    where: Iterable[sa.ColumnElement[bool]] = (),
) -> Iterator[DealJourney]:
    """The journeys of the deals of a pipeline."""
    log, deal = deals.change_table.c, deals.table.c
    query = (
        sa.select(
            log.deal, log.at, log.field, text_of(tx, log.before), text_of(tx, log.after),
            deal.closed, deal.closed_at, group,
        )
        .join(deals.table, deal.id == log.deal)
        .where(log.field.in_(("created", "stage", "pipeline")), deal.pipeline == pipeline, *where)
        .order_by(log.deal, log.at, log.id)
    )  # fmt: skip
    for _, lines in groupby(_streamed(tx, query), itemgetter(0)):
        found = list(lines)
        entries = [(line[4], line[1]) for line in found if line[2] != "pipeline"]
        moved = [line[1] for line in found if line[2] == "pipeline"]
        if moved:
            entries = [one for one in entries if one[1] >= moved[-1]]
        first = found[0]
        is_dated = bool(moved) or first[3] != ELSEWHERE
        if entries:
            yield DealJourney(entries, first[5], first[6], is_dated, first[7])


def open_deals(
    tx: Transaction, pipeline: str, currency: str, group: sa.ColumnElement[Any] = NO_GROUP
) -> Sequence[OpenDeal]:
    """Every open deal of a pipeline; an amount without a currency is in `currency`."""
    log, deal = deals.change_table.c, deals.table.c
    came = sa.exists().where(
        log.deal == deal.id, log.at >= deal.stage_entered_at, log.field == "created",
        text_of(tx, log.before) == ELSEWHERE,
    )  # fmt: skip
    query = sa.select(
        deal.id, deal.name, deal.stage, deal.owner, deal.amount,
        sa.func.coalesce(deal.currency, currency),
        deal.stage_entered_at, deal.expected_close_at, sa.not_(came), group,
    ).where(deal.pipeline == pipeline, deal.closed == "")  # fmt: skip
    return [OpenDeal(*row) for row in tx.conn.execute(query)]


def of_leads(
    tx: Transaction,
    group: sa.ColumnElement[Any] = NO_GROUP,
    where: Iterable[sa.ColumnElement[bool]] = (),
) -> Iterator[LeadJourney]:
    """The journeys of the leads that have moved at all; `where` narrows the leads."""
    log, lead = change_table.c, leads.table.c
    query = (
        sa.select(
            log.lead,
            log.at,
            text_of(tx, log.before),
            text_of(tx, log.after),
            lead.created_at,
            group,
        )
        .join(leads.table, lead.id == log.lead)
        .where(log.field == STAGE, lead.stage != leads.ERASED, *where)
        .order_by(log.lead, log.at, log.id)
    )
    for _, lines in groupby(_streamed(tx, query), itemgetter(0)):
        found = list(lines)
        first = (found[0][2] or "", found[0][4])
        yield LeadJourney(found[0][5], [first, *((line[3], line[1]) for line in found)])


def resting_leads(
    tx: Transaction,
    group: sa.ColumnElement[Any] = NO_GROUP,
    where: Iterable[sa.ColumnElement[bool]] = (),
    *,
    fine: bool = False,
) -> Iterator[Resting]:
    """The leads that have never moved, counted by stage and by the day on which they came (UTC).

    `fine` counts them by quarters of an hour, in which the days of all time zones begin.
    """
    log, lead = change_table.c, leads.table.c
    moved = sa.exists().where(log.lead == lead.id, log.field == STAGE)
    when = _slot(tx, lead.created_at, 900 if fine else 86_400)
    query = (
        sa.select(group, lead.stage, sa.func.min(lead.created_at), sa.func.count())
        .where(lead.stage != leads.ERASED, sa.not_(moved), *where)
        .group_by(group, lead.stage, when)
    )
    for row in tx.conn.execute(query):
        yield Resting(*row)


def _slot(tx: Transaction, column: sa.ColumnElement[Any], seconds: int) -> sa.ColumnElement[int]:
    """Which stretch of so many seconds an instant falls into."""
    if tx.is_postgres:
        return sa.cast(sa.func.floor(sa.extract("epoch", column) / seconds), sa.BigInteger)
    return sa.type_coerce(column, sa.BigInteger) // (seconds * 1_000_000)


def amounts_behind(tx: Transaction) -> Iterator[tuple[str, str | None, float]]:
    """What the open deals of leads are worth: (the lead's stage, currency, amount)."""
    deal, lead = deals.table.c, leads.table.c
    query = (
        sa.select(lead.stage, deal.currency, sa.func.coalesce(sa.func.sum(deal.amount), 0))
        .join(leads.table, lead.id == deal.lead)
        .where(deal.closed == "", deal.amount.is_not(None))
        .group_by(lead.stage, deal.currency)
    )
    for stage, currency, amount in tx.conn.execute(query):
        yield stage, currency, float(amount)


def of_field(tx: Transaction, table: sa.Table, name: str) -> sa.ColumnElement[Any]:
    """The text of a field of the workspace's own, as a column."""
    if tx.is_postgres:
        return table.c.fields.op("->>")(name)
    return sa.cast(sa.func.json_extract(table.c.fields, f'$."{name}"'), sa.Text)


def _streamed(tx: Transaction, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """Rows as they come; a server that would send all at once sends them in portions."""
    return iter(tx.conn.execute(query.execution_options(yield_per=10_000)))
