"""Leads as people and scripts see them: one in full, or a page of many."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

from engine.ids import LeadId
from engine.operations import published
from engine.operations.lead_changes import found_lead
from engine.operations.published import Current
from engine.operations.selecting import selection
from engine.playbook.values import Value
from engine.runtime.fields import BUILT_IN, to_json
from engine.store import companies, leads, suppressions
from engine.store.database import Store, Transaction

_ON_TOP = ("id", "email", "stage", "score", "scores", "grade", "owner", "tags")


def count(store: Store, where: str) -> int:
    """How many leads a condition holds of.

    Raises:
        InputError: it is wrong.
    """
    return store.read(lambda tx: selection(published.current(tx), where).count(tx).number)


def show(store: Store, name: str) -> dict[str, Any]:
    """The lead of this address or id, as contract.md promises it.

    Raises:
        NotFoundError: there is none.
    """
    return store.read(lambda tx: shown(tx, found_lead(tx, name)))


def listing(
    store: Store,
    *,
    stage: str | None = None,
    owner: str | None = None,
    tag: str | None = None,
    text: str | None = None,
    where: str = "",
    after: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A page of leads in the order they became known; the next begins `after` the last id.

    Raises:
        InputError: the condition `where` is wrong.
    """

    def read(tx: Transaction) -> list[dict[str, Any]]:
        current = published.current(tx)
        chosen = leads.filters(tx, stage=stage, owner=owner, tag=tag, text=text)
        ids = selection(current, where).page(tx, after or "", limit, also=chosen)
        known = leads.load(tx, ids, current.custom)
        page = [known[LeadId(id)] for id in ids]
        blocked = suppressions.blocked(tx, {str(lead["id"]): lead["email"] for lead in page})
        return shapes(page, current, blocked)

    return store.read(read)


def shapes(
    page: Iterable[Mapping[str, Value]], current: Current, blocked: Container[str]
) -> list[dict[str, Any]]:
    """Leads in the form of the contract; `blocked` are those that must not be mailed."""
    return [{**_shape(lead, current), "suppressed": str(lead["id"]) in blocked} for lead in page]


def names_of(tx: Transaction, ids: Iterable[str]) -> dict[str, str]:
    """What to call leads by: the address, or the id of one that has none."""
    wanted = {one for one in ids if one}
    found = leads.load(tx, wanted)
    return {one: one for one in wanted} | {
        str(id): str(facts["email"] or id) for id, facts in found.items()
    }


def shown(tx: Transaction, lead: LeadId) -> dict[str, Any]:
    """`show` within a transaction that is open already."""
    current = published.current(tx)
    facts = leads.load(tx, [lead], current.custom)[lead]
    email = facts.get("email")
    entries = suppressions.of_address(tx, email) if isinstance(email, str) else []
    found = _shape(facts, current)
    blocked = suppressions.blocked(tx, {lead: email})
    return {
        **found,
        "company_id": companies.of_lead(tx, lead),
        "suppressed": lead in blocked,
        "suppressions": [
            {name: one[name] for name in ("topic", "reason", "source", "at")} for one in entries
        ],
    }


def _shape(facts: Mapping[str, Value], current: Current) -> dict[str, Any]:
    shown: dict[str, Any] = {name: to_json(facts.get(name)) for name in _ON_TOP}
    shown["fields"] = {
        name: to_json(facts[name])
        for name in (*BUILT_IN, *current.custom)
        if name not in _ON_TOP and (name in current.custom or facts.get(name) is not None)
    }
    return shown
