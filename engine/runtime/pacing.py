"""Sending at a rate: each mail gets a slot, and no stretch of time holds more than the rate allows.

The generic cell rate algorithm (ITU-T I.371) with a small burst: of `count` mails in `per`, a tenth
may leave at once and the others are spread evenly, so that any window of length `per` holds at most
`count`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `count` mails in any stretch of `per`."""

    count: int
    per: timedelta

    @property
    def burst(self) -> int:
        """Mails that may leave at once: a tenth, and three where there are so few.

        With one alone, each that somebody looks at late would make all others later, too.
        """
        return max(1, self.count // 10, min(3, self.count // 3))

    @property
    def spare(self) -> int:
        """Mails of the burst that a bulk leaves to lone leads."""
        return self.burst // 2

    @property
    def interval(self) -> timedelta:
        """Between two mails, once the burst is used up."""
        return self.per / max(1, self.count - self.burst + (1 if self.count == self.burst else 0))


def next_slot(
    pace: Pace,
    next_at: datetime | None,
    now: datetime,
    *,
    spare: int = 0,
    stride: timedelta = timedelta(),
) -> tuple[datetime, datetime]:
    """The slot of one more mail, and what `next_at` is after it.

    Args:
        pace: the rate.
        next_at: what the last call answered; None: no mail has left yet.
        now: the moment.
        spare: mails that could still leave at once after this one, for whoever goes first.
        stride: by how much time moved at once to come to `now`, in a rehearsal: what would have
            left on the way leaves now.

    Returns:
        (slot, next_at): the mail may leave at `slot`, which is not before now.
    """
    earliest = now - pace.interval * (pace.burst - 1) - stride
    virtual = max(next_at, earliest) if next_at is not None else earliest
    return max(virtual + pace.interval * spare, now), virtual + pace.interval
