"""An event at a lead, as those see it who react to it."""

from dataclasses import dataclass
from datetime import datetime

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
