"""An event at a lead, as those see it who react to it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.runtime.matching import Happened


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event at a lead, stored in this transaction.

    `starts` is false for what may not enroll: old events, imports without `--trigger`. `by` is the
    enrollment whose own step this is: it neither ends nor moves that one.
    """

    lead: str
    happened: Happened
    at: datetime
    starts: bool = True
    by: str = ""


def by_lead(occurrences: Sequence[Occurrence]) -> dict[str, list[Occurrence]]:
    """The events of each lead, in order."""
    found: dict[str, list[Occurrence]] = {}
    for one in occurrences:
        found.setdefault(one.lead, []).append(one)
    return found


def kept_row(row: Mapping[Any, Any], one: Occurrence, now: datetime) -> dict[str, Any]:
    """An event as it is kept for an enrollment that may wait for it; its lead is locked."""
    return {
        "enrollment": row["id"], "event": one.happened.id, "name": one.happened.name,
        "source": one.happened.source, "properties": dict(one.happened.properties), "at": now,
        # Taken under the lead's lock, so it ascends in the order of commits (I9).
        "at_seq": row["seq"], "consumed_seq": None, "position": time.time_ns(),
    }  # fmt: skip
