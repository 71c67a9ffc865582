"""The values that conditions, plans and records are made of."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol, TypeAlias

Scalar: TypeAlias = str | int | float | bool | date | datetime | timedelta | None
Value: TypeAlias = Scalar | Sequence["Value"] | Mapping[str, "Value"]
Record: TypeAlias = Mapping[str, Value]
"""A lead, a deal, an owner, an event: names to values; a name that is absent is missing."""


class History(Protocol):
    """What a lead did: the events that `count`, `last` and `sum` look at."""

    def occurrences(self, event: str) -> Sequence[tuple[datetime, Mapping[str, Value]]]:
        """Every occurrence of `event`, oldest first: when, and its properties."""
        ...


Scope: TypeAlias = Mapping[str, object]
"""The names a condition may use: `lead deal owner event run segment` (records), `now` (aware
datetime), `history` (a History) and `zone` (a tzinfo). A name that is absent is missing."""
