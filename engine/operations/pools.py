"""Records without an owner that people claim: what lies in the pools, and who may take it.

A claim is one transaction: the record is locked, assigning is locked, and only then it is asked
whether the record still lies there and whether the owner has room. So the first claim wins, and two
at once exceed no limit. A deal in a pool is claimed as such; its contact keeps its own owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.errors import InputError, NotFoundError
from engine.ids import LeadId
from engine.operations import published
from engine.operations.deal_changes import react_to_deals
from engine.operations.deal_locks import lock_deals
from engine.operations.lead_changes import found_lead, react_to
from engine.operations.owning import OwnerDesk
from engine.operations.published import Current
from engine.playbook.durations import parse_duration
from engine.playbook.spelling import did_you_mean
from engine.playbook.workspace import Pool
from engine.runtime import civil
from engine.runtime.assignment import Assigned
from engine.runtime.identity import full_name
from engine.store import deals, leads, pools
from engine.store.database import Store, Transaction


@dataclass(frozen=True, slots=True)
class Room:
    """What an owner has taken from a pool so far, as far as the pool limits it."""

    claims: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an owner may not claim a record.

    Attributes:
        kind: `no-pool`, `no-member`, `cool-down`, `claims` or `holds`.
        why: the reason as a sentence; `help` is the next move.
    """

    kind: str
    why: str
    help: str = ""


def summary(store: Store) -> list[dict[str, Any]]:
    """Every pool of the workspace: who may claim, how much, and how many records lie in it."""

    def read(tx: Transaction) -> list[dict[str, Any]]:
        workspace, waiting = published.current(tx).workspace, pools.counts(tx)
        return [
            {
                "pool": name, "members": sorted(workspace.members(pool.members)),
                "claims": _rate(pool), "holds": pool.holds or None,
                "waiting": waiting.get(name, 0),
            }
            for name, pool in workspace.pools.items()
        ]  # fmt: skip

    return store.read(read)


def listing(
    store: Store,
    *,
    pool: str = "",
    owner: str = "",
    after: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Records that lie in a pool, or in any; whoever waits longest first.

    With an `owner`, each says in `why_not` why he may not claim it; nothing: he may. The next page
    is `after` the last one's `since` and `place`.

    Raises:
        InputError: the workspace has no such pool, or no such owner.
    """

    def read(tx: Transaction) -> list[dict[str, Any]]:
        current = published.current(tx)
        _known("pool", pool, current.workspace.pools)
        _known("owner", owner, current.workspace.owners)
        rows = pools.waiting(tx, pool=pool, after=after, limit=limit)
        if not owner:
            return [_shape(row) for row in rows]
        rooms = {name: _room(tx, current, name, owner) for name in {row["pool"] for row in rows}}
        return [
            _shape(row) | _refused(_why_not(current, row, owner, rooms[row["pool"]], tx.now))
            for row in rows
        ]

    return store.read(read)


def claim(
    store: Store, name: str, *, owner: str, actor: str, record: str = ""
) -> dict[str, Any]:  # fmt: skip
    """Gives the record of this address or id, which lies in a pool, to the owner.

    Args:
        store: the workspace's store.
        name: a lead's address or id, or a deal's id.
        owner: who takes it.
        actor: who says so.
        record: `lead` or `deal`, where an id might name both; nothing: whichever there is.

    Raises:
        NotFoundError: there is no such record, or it lies in no pool (any more).
        InputError: the owner is no member of the pool, has had it, or has no room for it.
    """

    def work(tx: Transaction) -> dict[str, Any]:
        current = published.current(tx)
        _known("owner", owner, current.workspace.owners, needed=True)
        if record == "deal" or (not record and _is_deal(tx, name)):
            return _claim_deal(tx, current, name, owner, actor)
        return _claim_lead(tx, current, name, owner, actor)

    return store.write(work)


def _claim_lead(
    tx: Transaction, current: Current, name: str, owner: str, actor: str
) -> dict[str, Any]:
    lead = found_lead(tx, name)
    leads.lock(tx, [lead])
    desk = OwnerDesk(tx, current, actor=actor)
    row = pools.open_row(tx, lead=lead)
    if row is None:
        raise _gone(name, leads.load(tx, [lead]).get(lead, {}))
    _check(tx, current, row, owner)
    pools.claim(tx, owner, lead=lead)
    why = f"{owner} claimed it from {row['pool']}"
    saved = leads.save_many(
        tx, {lead: {"owner": owner}}, actor=actor, reason=why, custom=current.custom,
        zone=current.zone,
    )  # fmt: skip
    desk.give(lead, Assigned(owner, why), rule="", former=None)
    desk.flush()
    react_to(tx, [saved[lead]], starts=True)
    return {"id": lead, "record": "lead", "lead": saved[lead].after.get("email") or lead,
            "deal": None, "pool": row["pool"], "owner": owner}  # fmt: skip


def _claim_deal(
    tx: Transaction, current: Current, deal: str, owner: str, actor: str
) -> dict[str, Any]:
    contacts = lock_deals(tx, [deal])
    if deal not in contacts:
        raise NotFoundError(
            f"there is no deal '{deal[:200]}'", help="see what lies in a pool: longplay pool list"
        )
    desk = OwnerDesk(tx, current, actor=actor)
    row = pools.open_row(tx, deal=deal)
    if row is None:
        raise _gone(deal, deals.load(tx, [deal]).get(deal, {}))
    _check(tx, current, row, owner)
    pools.claim(tx, owner, deal=deal)
    why = f"{owner} claimed it from {row['pool']}"
    saved = deals.save_many(
        tx, {deal: {"owner": owner}}, actor=actor, reason=why, custom=current.deal_fields,
        zone=current.zone,
    )  # fmt: skip
    contact = LeadId(contacts[deal])
    desk.give(contact, Assigned(owner, why), rule="", former=None, deal=deal)
    desk.flush()
    react_to_deals(tx, [saved[deal]], starts=True)
    email = leads.load(tx, [contact])[contact].get("email")
    return {"id": deal, "record": "deal", "lead": email or contact, "deal": deal,
            "name": saved[deal].after["name"], "pool": row["pool"], "owner": owner}  # fmt: skip


def _is_deal(tx: Transaction, name: str) -> bool:
    """Whether the name means a deal: no lead has it, or only the deal lies in a pool."""
    if "@" in name or not deals.contacts_of(tx, [name]):
        return False
    lead = leads.find(tx, name)
    if lead is None:
        return True
    return pools.open_row(tx, lead=lead) is None and pools.open_row(tx, deal=name) is not None


def _refused(found: Refusal | None) -> dict[str, str]:
    return {"why_not": found.why, "kind": found.kind} if found else {"why_not": "", "kind": ""}


def _known(what: str, name: str, known: Mapping[str, object], *, needed: bool = False) -> None:
    if (name or needed) and name not in known:
        raise InputError(f"no {what} is named '{name[:60]}'", help=did_you_mean(name, known))


def _gone(name: str, facts: Mapping[str, object]) -> NotFoundError:
    if facts.get("owner"):
        return NotFoundError(f"'{name[:200]}' is {facts['owner']}'s already")
    return NotFoundError(
        f"'{name[:200]}' lies in no pool", help="see what does with: longplay pool list"
    )


def _check(tx: Transaction, current: Current, row: Mapping[str, Any], owner: str) -> None:
    found = _why_not(current, row, owner, _room(tx, current, row["pool"], owner), tx.now)
    if found is not None:
        raise InputError(found.why, help=found.help)


def _why_not(
    current: Current, row: Mapping[str, Any], owner: str, room: Room, now: datetime
) -> Refusal | None:
    """Why the owner may not claim what lies there; None: he may."""
    name, what = row["pool"], "deal" if row["deal"] else "lead"
    pool = current.workspace.pools.get(name)
    if pool is None:
        return Refusal("no-pool", f"the pool '{name}' is not in longplay.yaml any more",
                       f"put it back, or give the {what} an owner by hand")  # fmt: skip
    if owner not in current.workspace.members(pool.members):
        return Refusal("no-member", f"'{owner}' is no member of {name}",
                       "add them in longplay.yaml, under `members:`")  # fmt: skip
    until = row["not_former_until"]
    if owner == row["former"] and until is not None and now < until:
        again = f"may claim it again from {_iso(until)} on"
        return Refusal("cool-down", f"'{owner}' had the {what} before, and {again}")
    if pool.claims is not None and room.claims >= pool.claims.count:
        most = f"{pool.claims.count} from {name} within {pool.claims.per}"
        return Refusal("claims", f"'{owner}' has claimed {most}")
    if pool.holds and room.held >= pool.holds:
        most = f"{pool.holds} leads and deals from {name}"
        return Refusal("holds", f"'{owner}' holds {most}, which is the limit")
    return None


def _room(tx: Transaction, current: Current, name: str, owner: str) -> Room:
    pool: Pool | None = current.workspace.pools.get(name)
    if pool is None:
        return Room()
    claims = 0
    if pool.claims is not None:
        span = parse_duration(pool.claims.per)
        since = tx.now - (civil.add(tx.now, span, current.zone) - tx.now)
        claims = pools.claims(tx, owner, name, since)
    return Room(claims, pools.held(tx, owner, name) if pool.holds else 0)


def _shape(row: Mapping[str, Any]) -> dict[str, Any]:
    called = row["full_name"] or full_name(row["first_name"], row["last_name"])
    return {
        "id": row["deal"] or row["lead"], "record": "deal" if row["deal"] else "lead",
        "lead": row["email"] or row["lead"], "name": row["name"] or called,
        "company": row["company"], "pool": row["pool"], "since": row["at"].isoformat(),
        "former": row["former"], "not_former_until": _iso(row["not_former_until"]),
        "place": row["id"],
    }  # fmt: skip


def _rate(pool: Pool) -> str | None:
    """A limit as it is written: `5 per day`."""
    rate = pool.claims
    return f"{rate.count} per {rate.per.removeprefix('1 ')}" if rate else None


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
