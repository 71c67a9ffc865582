"""`retention:` in `longplay.yaml`: how long what is over is kept. What is not named stays."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.playbook.durations import DurationError, parse_duration
from engine.playbook.fields import Frozen, Length
from engine.playbook.written import flaw

SHORTEST = timedelta(days=30)
"""What is late, in doubt or to be explained is seen to within a month; nothing goes before."""


def _kept(value: object) -> object:
    """A length of time that is not too short to keep anything."""
    if isinstance(value, str) and value.strip():
        try:
            span = parse_duration(value)
        except DurationError:
            return value  # what reads every length of time says what is wrong with it
        if span.is_business:
            raise flaw("bad-duration", f"'{value}' depends on a calendar", "write days")
        if span.rough < SHORTEST:
            raise flaw("bad-duration", f"'{value}' is too short", "keep it for 30 days at least")
    return value


Kept = Annotated[
    Length,
    BeforeValidator(_kept),
    WithJsonSchema({"type": "string", "examples": ["400 days", "730 days"]}),
]


class Retention(Frozen):
    """How long what is over is kept. What is not named is kept for good."""

    events: Kept | None = Field(
        None,
        description="events that no condition counts and no running enrollment came in by; of "
        "those that go the id stays, so that they are not taken for new",
        examples=["400 days"],
    )
    messages: Kept | None = Field(
        None,
        description="address, subject and the server's answer of messages that ended; the line in "
        "the ledger stays, and so do its links",
        examples=["730 days"],
    )
    steps: Kept | None = Field(
        None, description="the step logs of enrollments that ended", examples=["365 days"]
    )
    enrollments: Kept | None = Field(
        None,
        description="enrollments that ended and that the same record has followed by another in "
        "the same playbook; the last one stays, because `again` asks for it",
        examples=["1100 days"],
    )
    traces: Kept = Field(
        "90 days",
        description="what the machinery leaves behind: finished batches, signs of life, why "
        "records were not let in",
    )

    @property
    def is_asked_for(self) -> bool:
        """Whether anything is to go at all."""
        return any((self.events, self.messages, self.steps, self.enrollments))


def longest(written: str) -> timedelta:
    """A length in days that no calendar exceeds: a month has 31 days here, a year 366."""
    span = parse_duration(written)
    years, months = divmod(span.months, 12)
    return timedelta(days=366 * years + 31 * months + span.days) + span.exact
