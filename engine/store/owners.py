"""What the store knows of owners: their loads, their turns, and the log of who got what and why."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.ids import LeadId, new_id
from engine.runtime.assignment import Turn
from engine.store.companies import table as company_table
from engine.store.database import Transaction
from engine.store.deals import table as deal_table
from engine.store.inserting import insert_many, upsert
from engine.store.lead_facts import table as lead_table
from engine.store.tables import Assignment
from engine.store.tables import Turn as TurnRow

table: sa.Table = Assignment.__table__  # type: ignore[attr-defined]
turn_table: sa.Table = TurnRow.__table__  # type: ignore[attr-defined]

_ASSIGNING = 0x6F776E65  # one lock for all rules, because owners and their loads are in several


@dataclass(frozen=True, slots=True)
class Given:
    """A lead, or a deal of it, that was given to an owner.

    Attributes:
        lead: the lead.
        deal: the deal, if it is that which was given.
        rule: the rule that decided; empty: a person or a playbook named the owner.
        owner: who got it.
        former: who had it before.
        why: the decision's sentence.
        actor: who or what caused it.
    """

    lead: str
    rule: str
    owner: str
    why: str
    actor: str
    former: str | None = None
    deal: str | None = None


def lock(tx: Transaction) -> None:
    """Keeps other transactions from assigning until this one ends; after the leads' locks.

    Two that decided at once would both give the same owner his last free place.
    """
    if tx.is_postgres:
        tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_ASSIGNING)))


def loads(tx: Transaction, owners: Iterable[str], open_stages: Collection[str]) -> dict[str, int]:
    """How many leads in `open_stages` each of these owners has; one query."""
    query = (
        sa.select(lead_table.c.owner, sa.func.count())
        .where(lead_table.c.owner.in_(list(owners)), lead_table.c.stage.in_(list(open_stages)))
        .group_by(lead_table.c.owner)
    )
    return {row[0]: row[1] for row in tx.conn.execute(query)}


def of_open_deals(tx: Transaction, lead: str) -> list[str]:
    """Who owns open deals of the lead, the newest deal's first."""
    query = sa.select(deal_table.c.owner).where(
        deal_table.c.lead == lead, deal_table.c.closed == "", deal_table.c.owner.is_not(None)
    )
    newest = query.order_by(deal_table.c.created_at.desc(), deal_table.c.id)
    return list(tx.conn.execute(newest).scalars())


def account(tx: Transaction, company: str) -> tuple[str, str | None]:
    """A company's name, and whose account it is."""
    query = sa.select(company_table.c.name, company_table.c.owner)
    row = tx.conn.execute(query.where(company_table.c.id == company)).first()
    return (row.name, row.owner) if row is not None else ("", None)


def of_company(tx: Transaction, company: str, *, but: str) -> list[str]:
    """Who owns leads of the company besides `but`, whoever has most of them first."""
    query = (
        sa.select(lead_table.c.owner)
        .where(
            lead_table.c.company_id == company, lead_table.c.owner.is_not(None),
            lead_table.c.id != but,
        )
        .group_by(lead_table.c.owner)
        .order_by(sa.func.count().desc(), lead_table.c.owner)
    )  # fmt: skip
    return list(tx.conn.execute(query).scalars())


def turns(tx: Transaction, rules: Iterable[str]) -> dict[str, dict[str, Turn]]:
    """The last turns of everybody, by rule and owner; one query, an entry for every rule."""
    found: dict[str, dict[str, Turn]] = {rule: {} for rule in rules}
    for row in tx.conn.execute(sa.select(turn_table).where(turn_table.c.rule.in_(list(found)))):
        found[row.rule][row.owner] = Turn(row.at, row.position)
    return found


def save_turns(tx: Transaction, turns: Mapping[str, Mapping[str, Turn]]) -> None:
    """Keeps the last turns, by rule and owner."""
    rows = [
        {"rule": rule, "owner": owner, "at": turn.at, "position": turn.position}
        for rule, of_rule in sorted(turns.items())
        for owner, turn in sorted(of_rule.items())
    ]
    upsert(tx, turn_table, rows, keys=("rule", "owner"), update=("at", "position"))


def record(tx: Transaction, given: Sequence[Given]) -> None:
    """Adds to the log who got which lead, and why."""
    rows = [
        {
            "id": new_id(), "lead": one.lead, "rule": one.rule, "owner": one.owner,
            "former": one.former, "why": one.why, "actor": one.actor, "at": tx.now,
            "deal": one.deal,
        }
        for one in given
    ]  # fmt: skip
    insert_many(tx, table, rows)


def assignments_of(tx: Transaction, lead: str) -> list[dict[str, Any]]:
    """Who got the lead, newest first."""
    query = sa.select(table).where(table.c.lead == lead, table.c.deal.is_(None))
    newest = query.order_by(table.c.at.desc(), table.c.id.desc())
    return [row._asdict() for row in tx.conn.execute(newest)]


def former_owners(
    tx: Transaction, leads: Iterable[str], since: datetime
) -> dict[LeadId, frozenset[str]]:
    """Who lost each lead to somebody else since then; one query."""
    query = sa.select(table.c.lead, table.c.former).where(
        table.c.lead.in_(list(leads)),
        table.c.deal.is_(None),
        table.c.at >= since,
        table.c.former.is_not(None),
    )
    found: dict[LeadId, set[str]] = {}
    for lead, former in tx.conn.execute(query):
        found.setdefault(LeadId(lead), set()).add(former)
    return {lead: frozenset(names) for lead, names in found.items()}


def former_of_deal(tx: Transaction, deal: str, since: datetime) -> frozenset[str]:
    """Who lost this deal to somebody else since then."""
    query = sa.select(table.c.former).where(
        table.c.deal == deal, table.c.at >= since, table.c.former.is_not(None)
    )
    return frozenset(tx.conn.execute(query).scalars())
