"""What happened in a rehearsal: rows for people to read, and what lines of `expect` look for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened.

    Attributes:
        step: the step it happened at; empty: at none.
        did: what, in a word or two.
        detail: the reason, or what it was about.
        facts: happening → what it is about: `email` → step id, `stage` → its name, …
        result: how a step that was passed ended; empty: no step was passed.
        is_event: it was given to the run, and is nothing that the run did.
    """

    at: datetime
    step: str
    did: str
    detail: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    result: str = ""
    is_event: bool = False

    def as_json(self) -> dict[str, object]:
        """The contract's form."""
        return {"at": self.at, "step": self.step, "did": self.did, "detail": self.detail}
