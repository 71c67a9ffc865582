"""Leads without an owner that people claim: what lies in the pools, and who may take it.

A claim is one transaction: assigning is locked, the lead is locked, and only then it is asked
whether the lead still lies there and whether the owner has room. So the first claim wins, and two
at once exceed no limit.
"""

from datetime import datetime
from typing import Any

from engine.errors import InputError, NotFoundError
from engine.ids import LeadId
from engine.operations import published
from engine.operations.lead_changes import found_lead, react_to
from engine.operations.owning import OwnerDesk
from engine.operations.published import Current
from engine.playbook.durations import parse_duration
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import Pool
from engine.runtime import civil
from engine.runtime.assignment import Assigned
from engine.store import leads, pools
from engine.store.database import Store, Transaction


def listing(store: Store, *, pool: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Leads that lie in a pool, or in any; whoever waits longest first.

    Raises:
        InputError: the workspace has no such pool.
    """

    def read(tx: Transaction) -> list[dict[str, Any]]:
        known = published.current(tx).workspace.pools
        if pool and pool not in known:
            raise InputError(f"no pool is named '{pool[:60]}'", help=did_you_mean(pool, known))
        return [
            {
                "id": row["lead"], "lead": row["email"] or row["lead"], "company": row["company"],
                "pool": row["pool"], "since": row["at"].isoformat(), "former": row["former"],
                "not_former_until": _iso(row["not_former_until"]),
            }
            for row in pools.waiting(tx, pool=pool, limit=limit)
        ]  # fmt: skip

    return store.read(read)


def claim(store: Store, name: str, *, owner: str, actor: str) -> dict[str, Any]:
    """Gives the lead of this address or id, which lies in a pool, to the owner.

    Raises:
        NotFoundError: there is no such lead, or it lies in no pool (any more).
        InputError: the owner is no member of the pool, has had it, or has no room for it.
    """
    return store.write(lambda tx: _claim(tx, name, owner, actor))


def _claim(tx: Transaction, name: str, owner: str, actor: str) -> dict[str, Any]:
    current = published.current(tx)
    people = current.workspace.owners
    if owner not in people:
        raise InputError(f"no owner is named '{owner[:60]}'", help=did_you_mean(owner, people))
    lead = found_lead(tx, name)
    leads.lock(tx, [lead])
    desk = OwnerDesk(tx, current, actor=actor)
    row = pools.open_row(tx, lead)
    if row is None:
        raise _gone(tx, lead, name)
    pool = current.workspace.pools.get(row["pool"])
    if pool is None:
        raise InputError(
            f"the pool '{row['pool']}' is not in longplay.yaml any more",
            help="put it back, or give the lead an owner: longplay leads set LEAD owner=NAME",
        )
    _check(tx, current, pool, row, owner)
    pools.claim(tx, lead, owner)
    why = f"{owner} claimed it from {row['pool']}"
    saved = leads.save_many(
        tx, {lead: {"owner": owner}}, actor=actor, reason=why, custom=current.custom,
        zone=current.zone,
    )  # fmt: skip
    desk.give(lead, Assigned(owner, why), rule="", former=None)
    desk.flush()
    react_to(tx, [saved[lead]], starts=True)
    return {"id": lead, "lead": saved[lead].after.get("email") or lead, "pool": row["pool"],
            "owner": owner}  # fmt: skip


def _gone(tx: Transaction, lead: LeadId, name: str) -> NotFoundError:
    facts = leads.load(tx, [lead]).get(lead, {})
    if facts.get("owner"):
        return NotFoundError(f"'{name[:200]}' is {facts['owner']}'s already")
    return NotFoundError(
        f"'{name[:200]}' lies in no pool", help="see what does with: longplay pool list"
    )


def _check(tx: Transaction, current: Current, pool: Pool, row: dict[str, Any], owner: str) -> None:
    name = row["pool"]
    if owner not in current.workspace.members(pool.members):
        raise InputError(
            f"'{owner}' is no member of {name}", help="add them in longplay.yaml, under `members:`"
        )
    until = row["not_former_until"]
    if owner == row["former"] and until is not None and tx.now < until:
        raise InputError(
            f"'{owner}' had the lead before, and may claim it again from {until.isoformat()} on"
        )
    if pool.claims is not None:
        span = parse_duration(pool.claims.per)
        since = tx.now - (civil.add(tx.now, span, current.zone) - tx.now)
        if pools.claims(tx, owner, name, since) >= pool.claims.count:
            raise InputError(
                f"'{owner}' has claimed {pool.claims.count} from {name} within {pool.claims.per}"
            )
    if pool.holds and pools.held(tx, owner, name) >= pool.holds:
        raise InputError(f"'{owner}' holds {pool.holds} leads from {name}, which is the limit")


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
