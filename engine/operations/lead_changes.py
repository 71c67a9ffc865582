"""What changes of leads set off, whoever made them: by hand, over the API, by an import.

A change is looked at by triggers, exits and waits like any other, in the same transaction.
"""

from collections.abc import Sequence

from engine.errors import NotFoundError
from engine.ids import LeadId, new_id
from engine.operations import published
from engine.operations.derived import store_derived
from engine.operations.reactions import Reaction, Reactor
from engine.runtime.matching import Edge
from engine.store import leads
from engine.store.database import Transaction
from engine.store.leads import LeadChange


def react_to(tx: Transaction, changes: Sequence[LeadChange], *, starts: bool) -> Reaction:
    """Lets changes of leads set off what they set off.

    Args:
        tx: the transaction that made the changes; it holds the leads' locks.
        changes: what changed.
        starts: whether they may enroll; an import's may not unless somebody says so.
    """
    current = published.current(tx)
    edges = {
        str(one.id): Edge(one.before, one.after, new_id())
        for one in changes
        if one.before is None or one.changed
    }
    facts = {str(one.id): dict(one.after) for one in changes}
    occurrences = store_derived(tx, current, edges, starts=starts)
    return Reactor(tx, current, facts).react(occurrences, edges, starts=starts)


def found_lead(tx: Transaction, name: str) -> LeadId:
    """The lead of this address or id.

    Raises:
        NotFoundError: there is none.
    """
    lead = leads.find(tx, name)
    if lead is None:
        raise NotFoundError(
            f"there is no lead '{name[:200]}'",
            help="list them with: longplay leads list",
        )
    return lead
