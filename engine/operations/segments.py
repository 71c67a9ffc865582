"""The workspace's segments: what each says, how many leads are in it, and who."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import NotFoundError
from engine.operations import leads_view, published
from engine.operations.published import Current
from engine.operations.selecting import Count, Selection
from engine.playbook.conditions import condition
from engine.playbook.spelling import closest
from engine.store.database import Store, Transaction


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment in numbers.

    Attributes:
        count: how many leads are in it.
        in_python: the parts of it that SQL cannot express, each with the reason; they take longer.
    """

    name: str
    condition: str
    count: Count
    in_python: Sequence[str]


def listing(store: Store, *, seconds: float | None = None) -> list[Segment]:
    """Every segment; one that takes longer than `seconds` is counted as far as that goes."""

    def read(tx: Transaction) -> list[Segment]:
        current = published.current(tx)
        return [_segment(tx, current, name, seconds) for name in sorted(current.workspace.segments)]

    return store.read(read)


def show(store: Store, name: str) -> Segment:
    """One segment.

    Raises:
        NotFoundError: the workspace has none of that name.
    """

    def read(tx: Transaction) -> Segment:
        current = published.current(tx)
        known = current.workspace.segments
        if name not in known:
            near = closest(name, known)
            raise NotFoundError(
                f"there is no segment '{name[:60]}'",
                help=f"did you mean '{near}'?" if near else "segments stand in longplay.yaml",
            )
        return _segment(tx, current, name, None)

    return store.read(read)


def members(
    store: Store, name: str, *, after: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """A page of the leads in a segment, in the order they became known."""
    return leads_view.listing(store, where=f"segment.{name}", after=after, limit=limit)


def _segment(tx: Transaction, current: Current, name: str, seconds: float | None) -> Segment:
    text = current.workspace.segments[name]
    chosen = Selection(current, condition(text))
    count = chosen.count(tx, seconds=seconds)
    return Segment(name, text, count, chosen.parts(tx).reasons)
