"""Which clicks no person can have made, by when they came: link scanners that look like browsers.

A scanner opens what a mail leads to before the mail is in the mailbox, or all of its links at a
time. Whoever reads takes longer. What is left in doubt counts as a person's.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

SOONEST = timedelta(seconds=1)
"""Sooner after the mail server took the mail, nobody can have read it."""

TOGETHER = timedelta(seconds=1)
"""Nobody follows two links of one mail within this."""

BURST = timedelta(seconds=5)
"""Nobody follows three links of one mail within this."""


def scanned(
    link: str, now: datetime, accepted_at: datetime | None, others: Iterable[tuple[datetime, str]]
) -> bool:
    """Whether a machine followed the link.

    Args:
        link: which of the message's links.
        now: when it was followed.
        accepted_at: when the mail server took the message; None: that is not known.
        others: when links of the same message were followed lately, and which.
    """
    if accepted_at is not None and timedelta(0) <= now - accepted_at < SOONEST:
        return True
    lately = [(now - at, other) for at, other in others if other != link and at <= now]
    if any(age < TOGETHER for age, _ in lately):
        return True
    return len({other for age, other in lately if age < BURST}) >= 2
