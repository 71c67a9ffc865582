"""Which jobs share a batch: those of a queue, but mail to a place that may be slow goes apart.

A batch is worked off window by window, and each window waits for its slowest message. So a mailbox
provider with a rate of its own, one that throttles, and one with very many mails in this slice get
batches of their own; mail to all the others goes together, because each batch has its price.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from engine.operations import throttles
from engine.operations.pacer import rate_to
from engine.operations.published import Current
from engine.playbook.providers import PROVIDER_OF, destination_of
from engine.store.database import Transaction

J = TypeVar("J")

MANY = 50
"""Mails of a slice to one large provider from which on they go in a batch of their own."""

_PROVIDERS = frozenset(PROVIDER_OF.values())


def apart(
    tx: Transaction, current: Current, going: Sequence[tuple[str, str, J]]
) -> list[tuple[str, list[J]]]:
    """Groups jobs, given as (queue, address, job), into lists that share batches, with queues."""
    if not going:
        return []
    names = [destination_of(address) if address else "" for _, address, _ in going]
    counts = Counter(names)
    slow = throttles.standing(tx)
    alone = {
        name
        for name in counts
        if name
        and (name in slow or rate_to(current, name) or (name in _PROVIDERS and counts[name] > MANY))
    }
    # With a rate for every destination most are alone in this: one batch each would cost too much.
    if len(alone) > len(_PROVIDERS):
        alone = {name for name in alone if name in slow or name in _PROVIDERS}
    groups: dict[tuple[str, str], list[J]] = {}
    for (queue, _, job), name in zip(going, names, strict=True):
        groups.setdefault((queue, name if name in alone else ""), []).append(job)
    return [(queue, members) for (queue, _), members in groups.items()]
