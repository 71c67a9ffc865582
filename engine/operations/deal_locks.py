"""Locking deals: their primary contacts first, in id order, then the deals (runtime.md, I7)."""

from collections.abc import Iterable

from engine.store import deals, leads
from engine.store.database import Transaction


def lock_deals(tx: Transaction, ids: Iterable[str], others: Iterable[str] = ()) -> dict[str, str]:
    """Locks leads, and deals with their primary contacts.

    Args:
        tx: the open transaction; it holds no lock on a lead yet.
        ids: the deals.
        others: leads to lock as well, in the same order.

    Returns:
        The primary contact of every deal that exists.
    """
    wanted = sorted(set(ids))
    contacts = deals.contacts_of(tx, wanted)
    held = {*others, *contacts.values()}
    leads.lock(tx, held)
    if not wanted or not tx.is_postgres:
        return contacts
    deals.lock(tx, wanted)
    # Until now somebody may have given a deal another contact. Locking that one out of order may
    # deadlock; the database then aborts one of the two, and it is done again from the start.
    contacts = deals.contacts_of(tx, wanted)
    leads.lock(tx, set(contacts.values()) - held)
    return contacts
