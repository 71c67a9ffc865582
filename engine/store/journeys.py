"""How records went through their stages, read out of the log of their changes, one after another.

The log is read once, in the order of records and times, and never held as a whole. A journey is
told in entries: into which stage, and when.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.runtime.pipeline_health import DealJourney, OpenDeal
from engine.store import deals, leads
from engine.store.database import Transaction
from engine.store.deals import ELSEWHERE
from engine.store.lead_writing import change_table

Entry = tuple[str, datetime]
"""The stage that was entered, and when."""


class LeadJourney(NamedTuple):
    """A lead's way: the stage it came in with, then every stage that it moved to.

    `group` is what the caller groups by.
    """

    group: object
    entries: Sequence[Entry]


class Resting(NamedTuple):
    """Leads that have never moved, alike: their stage, the day they came, and how many."""

    group: object
    stage: str
    since: datetime
    number: int


def of_deals(tx: Transaction, pipeline: str) -> Iterator[DealJourney]:
    """The journeys of the deals of a pipeline."""
    log, deal = deals.change_table.c, deals.table.c
    query = (
        sa.select(
            log.deal, log.at, log.field, _text(tx, log.before), _text(tx, log.after),
            deal.closed, deal.closed_at,
        )
        .join(deals.table, deal.id == log.deal)
        .where(log.field.in_(("created", "stage", "pipeline")), deal.pipeline == pipeline)
        .order_by(log.deal, log.at, log.id)
    )  # fmt: skip
    for _, lines in groupby(_streamed(tx, query), itemgetter(0)):
        found = list(lines)
        entries = [
            (line[4], line[1])
            for line in found
            if line[2] != "pipeline" and not (line[2] == "created" and line[3] == ELSEWHERE)
        ]
        moved = [line[1] for line in found if line[2] == "pipeline"]
        if moved:
            entries = [one for one in entries if one[1] >= moved[-1]]
        yield DealJourney(entries, found[0][5], found[0][6])


def open_deals(tx: Transaction, pipeline: str, currency: str) -> Sequence[OpenDeal]:
    """Every open deal of a pipeline; an amount without a currency is in `currency`."""
    log, deal = deals.change_table.c, deals.table.c
    came = sa.exists().where(
        log.deal == deal.id, log.at >= deal.stage_entered_at, log.field == "created",
        _text(tx, log.before) == ELSEWHERE,
    )  # fmt: skip
    query = sa.select(
        deal.id, deal.name, deal.stage, deal.owner, deal.amount,
        sa.func.coalesce(deal.currency, currency),
        deal.stage_entered_at, deal.expected_close_at, sa.not_(came),
    ).where(deal.pipeline == pipeline, deal.closed == "")  # fmt: skip
    return [OpenDeal(*row) for row in tx.conn.execute(query)]


def of_leads(
    tx: Transaction, group: sa.ColumnElement[Any], where: Iterable[sa.ColumnElement[bool]] = ()
) -> Iterator[LeadJourney]:
    """The journeys of the leads that have moved at all."""
    log, lead = change_table.c, leads.table.c
    query = (
        sa.select(
            log.lead, log.at, _text(tx, log.before), _text(tx, log.after), lead.created_at,
            group,
        )
        .join(leads.table, lead.id == log.lead)
        .where(log.field == "stage", lead.stage != leads.ERASED, *where)
        .order_by(log.lead, log.at, log.id)
    )  # fmt: skip
    for _, lines in groupby(_streamed(tx, query), itemgetter(0)):
        found = list(lines)
        first = (found[0][2] or "", found[0][4])
        yield LeadJourney(found[0][5], [first, *((line[3], line[1]) for line in found)])


def resting_leads(
    tx: Transaction, group: sa.ColumnElement[Any], where: Iterable[sa.ColumnElement[bool]] = ()
) -> Iterator[Resting]:
    """The leads that have never moved, counted by stage and by the day on which they came (UTC)."""
    log, lead = change_table.c, leads.table.c
    moved = sa.exists().where(log.lead == lead.id, log.field == "stage")
    day = sa.func.date_trunc("day", lead.created_at) if tx.is_postgres else _day(lead.created_at)
    query = (
        sa.select(group, lead.stage, sa.func.min(lead.created_at), sa.func.count())
        .where(lead.stage != leads.ERASED, sa.not_(moved), *where)
        .group_by(group, lead.stage, day)
    )
    for row in tx.conn.execute(query):
        yield Resting(*row)


def _day(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.type_coerce(column, sa.BigInteger) // 86_400_000_000


def _streamed(tx: Transaction, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """Rows as they come; a server that would send all at once sends them in portions."""
    return iter(tx.conn.execute(query.execution_options(yield_per=10_000)))


def _text(tx: Transaction, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The text that a JSON column holds, whatever letters it has."""
    if tx.is_postgres:
        return sa.cast(column.op("#>>")(sa.text("'{}'")), sa.Text)
    return sa.func.json_extract(column, "$", type_=sa.Text)
