"""Comparing the send ledger with what the mail server saw: two books that nobody kept together."""

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from engine.store.database import Transaction


@dataclass
class Mails:
    """What both books say; `faults` is empty when they agree."""

    mails_accepted: int = 0
    mails_at_the_server: int = 0
    accepted_twice: int = 0
    in_doubt: int = 0
    in_doubt_arrived: int = 0
    faults: list[str] = field(default_factory=list)


def reckon(
    tx: Transaction,
    arrived: Sequence[tuple[str, str]],
    mails: Mails,
    *,
    unsent: Iterable[str] = ("skipped",),
) -> None:
    """Holds every message of the ledger against the server's log.

    Args:
        tx: any transaction.
        arrived: what the server stored: (Message-ID, recipient).
        mails: where the counts and the faults go.
        unsent: states in which a message may end without having arrived.
    """
    query = sa.text("SELECT message_id, state, enrollment, step FROM job WHERE kind = 'email'")
    counts = collections.Counter(message_id for message_id, _ in arrived)
    mails.mails_at_the_server = len(arrived)
    mails.accepted_twice = sum(1 for number in counts.values() if number > 1)
    for message_id, state, enrollment, step in tx.conn.execute(query):
        there, name = counts.pop(message_id, 0), f"{enrollment}/{step}"
        if state == "accepted":
            mails.mails_accepted += 1
            if there != 1:
                mails.faults.append(f"{name} is accepted, and arrived {there} times")
        elif state == "in_doubt":
            mails.in_doubt += 1
            mails.in_doubt_arrived += there
            if there > 1:
                mails.faults.append(f"{name} is in doubt, and arrived {there} times")
        elif there:
            mails.faults.append(f"{name} is {state}, and arrived {there} times")
        elif state not in unsent:
            mails.faults.append(f"{name} is {state}")
    if counts:
        mails.faults.append(f"{len(counts)} mails arrived that the ledger does not know")


def in_flight(tx: Transaction) -> set[str]:
    """Message-IDs of what a sender has in hand: only that can come to be in doubt."""
    query = sa.text("SELECT message_id FROM job WHERE state = 'in_flight'")
    return {row[0] for row in tx.conn.execute(query)}


def unfinished(tx: Transaction) -> int:
    """Enrollments and messages that are still to be worked on; a stopped one waits for a person."""
    query = (
        "SELECT (SELECT count(*) FROM enrollment WHERE ended_at IS NULL AND state <> 'stopped') + "
        "(SELECT count(*) FROM job WHERE state IN ('queued', 'in_flight', 'deferred'))"
    )
    return int(tx.conn.execute(sa.text(query)).scalar_one())


def walks(tx: Transaction) -> dict[str, list[str]]:
    """The steps that each enrollment took, in order."""
    query = sa.text("SELECT enrollment, step FROM step_log ORDER BY enrollment, seq")
    found: dict[str, list[str]] = {}
    for enrollment, step in tx.conn.execute(query):
        found.setdefault(enrollment, []).append(step)
    return found
