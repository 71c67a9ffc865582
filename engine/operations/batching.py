"""Which jobs share a batch: those of a queue, but mail to a place that may be slow goes apart.

Senders have few places for batches. So a mailbox provider with a rate of its own, one that
throttles or is slow, and one with very many mails in this slice get batches of their own, which go
by a queue of their own, too; mail to all the others goes together, as each batch has its price.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.ids import queue_apart
from engine.operations import slowness, throttles
from engine.operations.pacer import rate_to
from engine.operations.published import Current
from engine.playbook.providers import PROVIDER_OF, destination_of
from engine.store.database import Transaction

J = TypeVar("J")

MANY = 50
"""Mails of a slice to one large provider from which on they go in a batch of their own."""

_PROVIDERS = frozenset(PROVIDER_OF.values())


@dataclass(frozen=True, slots=True)
class Group(Generic[J]):
    """Jobs that may share batches: those of a queue, and of one destination or of all others."""

    queue: str
    destination: str
    """Empty: mail to all the others, or no mail."""
    jobs: list[J]


def apart(tx: Transaction, current: Current, going: Sequence[tuple[str, str, J]]) -> list[Group[J]]:
    """Groups jobs, given as (queue, address, job)."""
    if not going:
        return []
    names = [destination_of(address) if address else "" for _, address, _ in going]
    counts = Counter(names)
    slow = {*throttles.standing(tx), *slowness.standing(tx)}
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
    return [
        Group(queue_apart(queue) if name else queue, name, jobs)
        for (queue, name), jobs in groups.items()
    ]
