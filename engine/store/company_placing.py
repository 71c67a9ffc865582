"""Giving leads and deals their companies as they are written: found by what they are known by,
or made. It is part of writing leads, a few statements a batch; nothing is asked lead by lead.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.ids import new_id
from engine.playbook.values import Value
from engine.runtime.companies import Company, Placing, Signs, domain_key, signs_of
from engine.store import companies, quick
from engine.store.companies import deal_table, key_table, table
from engine.store.database import Transaction
from engine.store.lead_facts import table as lead_table

ACTOR = "company match"
"""Who makes companies out of what leads say, as histories know it."""

_by_keys = (
    sa.select(key_table.c.key, table.c.id, table.c.name, table.c.domain)
    .join(table, table.c.id == key_table.c.company)
    .where(key_table.c.key.in_(sa.bindparam("keys", expanding=True)))
)
_of_leads = sa.select(lead_table.c.id, lead_table.c.company_id).where(
    lead_table.c.id.in_(sa.bindparam("ids", expanding=True)), lead_table.c.company_id.is_not(None)
)
_move = (
    lead_table.update()
    .where(lead_table.c.id == sa.bindparam("the_id"))
    .values(company_id=sa.bindparam("the_company", type_=lead_table.c.company_id.type))
)
_fill = (
    deal_table.update()
    .where(deal_table.c.lead == sa.bindparam("the_id"), deal_table.c.company_id.is_(None))
    .values(company_id=sa.bindparam("the_company", type_=deal_table.c.company_id.type))
)


def place_new(tx: Transaction, drafts: Sequence[MutableMapping[str, Any]]) -> None:
    """Fills in the company of rows of new leads."""
    signs = [signs_of(draft["email_key"], draft["company"]) for draft in drafts]
    for draft, company in zip(drafts, place(tx, signs), strict=True):
        draft["company_id"] = company


def place_again(tx: Transaction, leads: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Leads whose address (by its key) or company's name is another now belong where that says.

    Their deals that had no company yet get it too; those that have one keep it.
    """
    if not leads:
        return
    found = place(tx, [signs_of(key, name) for key, name in leads.values()])
    rows = [
        {"the_id": lead, "the_company": company} for lead, company in zip(leads, found, strict=True)
    ]
    quick.run(tx, _move, rows)
    quick.run(tx, _fill, [row for row in rows if row["the_company"]])


def companies_of(tx: Transaction, leads: Sequence[str]) -> dict[str, str]:
    """The companies of these leads that have one, by lead."""
    rows = quick.fetch(tx, _of_leads, ids=sorted(set(leads)))
    return {row["id"]: row["company_id"] for row in rows}


def place(tx: Transaction, signs: Sequence[Signs]) -> list[str | None]:
    """The company of each lead; those that nobody knows yet are made."""
    keys = {key for one in signs for key in one.keys}
    if not keys:
        return [None] * len(signs)
    placing, found = _look(tx, keys, signs)
    if not (placing.new or placing.keys or placing.changed):
        return found
    return _write(tx, placing, found, keys, signs)


def _look(
    tx: Transaction, keys: set[str], signs: Sequence[Signs]
) -> tuple[Placing, list[str | None]]:
    known: dict[str, str] = {}
    there: dict[str, Company] = {}
    for row in quick.fetch(tx, _by_keys, keys=sorted(keys)):
        known[row["key"]] = row["id"]
        there[row["id"]] = Company(row["id"], row["name"], row["domain"])
    placing = Placing(known, there, new_id)
    return placing, [placing.place(one) for one in signs]


def _write(
    tx: Transaction,
    placing: Placing,
    found: list[str | None],
    keys: set[str],
    signs: Sequence[Signs],
) -> list[str | None]:
    rows = [companies.row_of(one.id, one.name, one.domain, tx.now) for one in placing.new.values()]
    companies.insert(tx, rows, ACTOR, _WHY)
    learned = companies.learn(tx, placing.keys)
    for id in sorted(placing.changed):
        _save(tx, placing.companies[id], learned)
    if len(learned) == len(placing.keys):
        return found
    # Somebody else made one of them at the same moment: theirs is the company, ours goes.
    _, found = _look(tx, keys, signs)
    companies.remove(tx, sorted(placing.new.keys() - set(filter(None, found))))
    return found


def _save(tx: Transaction, company: Company, learned: frozenset[str]) -> None:
    """Writes what was learned of a company; a domain only if nobody else got it meanwhile."""
    values: dict[str, Value] = {"name": company.name}
    if company.domain and domain_key(company.domain) in learned:
        values["domain"] = company.domain
    companies.save(tx, company.id, values, actor=ACTOR, reason=_WHY, custom={})


_WHY = "what a lead says"


def adopt(tx: Transaction, survivor: str, former: str) -> None:
    """A lead without a company gets that of the lead that is merged into it."""
    theirs = companies_of(tx, [survivor, former])
    if survivor not in theirs and former in theirs:
        quick.run(tx, _move, [{"the_id": survivor, "the_company": theirs[former]}])
