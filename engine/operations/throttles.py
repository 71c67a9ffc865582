"""Destinations that asked for patience: one row each, seen by the senders of all workers."""

from collections.abc import Iterable

import sqlalchemy as sa

from engine.mail.transports.port import Accepted, DeferralClass, Deferred, Outcome
from engine.playbook.providers import destination_of
from engine.runtime.throttling import Patience, taken, throttled
from engine.store import quick
from engine.store.database import Transaction
from engine.store.inserting import upsert
from engine.store.throttle_tables import Throttle

table: sa.Table = Throttle.__table__  # type: ignore[attr-defined]

ASKS = (DeferralClass.THROTTLED, DeferralClass.HOST)
"""The causes of a 4xx that concern all mail to a destination, and not one mailbox."""

_all = sa.select(*table.c)


def standing(tx: Transaction) -> dict[str, Patience]:
    """Every destination that asked for patience, and is not well again: few."""
    return {
        row["destination"]: Patience(row["level"], row["until"], row["at"], row["reason"])
        for row in quick.fetch(tx, _all)
    }


def learn(tx: Transaction, results: Iterable[tuple[str, Outcome | str]]) -> dict[str, Patience]:
    """Takes in what became of a window of mail: (address, outcome); answers where all stand.

    A destination that throttles is left alone at once. Another temporary fault of its host counts
    only where nothing was taken there in the same window.
    """
    asked: dict[str, Deferred] = {}
    well: set[str] = set()
    for address, outcome in results:
        if isinstance(outcome, Accepted):
            well.add(destination_of(address))
        elif isinstance(outcome, Deferred) and outcome.cause in ASKS:
            known = asked.setdefault(destination_of(address), outcome)
            if known.cause is DeferralClass.HOST:
                asked[destination_of(address)] = outcome
    known_all = standing(tx)
    if not asked and not known_all:
        return known_all
    for name, answer in sorted(asked.items()):
        if answer.cause is DeferralClass.THROTTLED or name not in well:
            after = throttled(known_all.get(name), str(answer.reply)[:300], tx.now)
            _write(tx, name, known_all.get(name), after)
            known_all[name] = after
    for name in sorted(well & known_all.keys() - asked.keys()):
        better = taken(known_all[name], tx.now)
        _write(tx, name, known_all[name], better)
        if better is None:
            del known_all[name]
        else:
            known_all[name] = better
    return known_all


def _write(tx: Transaction, name: str, before: Patience | None, after: Patience | None) -> None:
    if after == before:
        return
    if after is None:
        tx.conn.execute(sa.delete(table).where(table.c.destination == name))
        return
    row = {
        "destination": name, "level": after.level, "until": after.until, "reason": after.reason,
        "at": after.at,
    }  # fmt: skip
    upsert(tx, table, [row], keys=["destination"], update=["level", "until", "reason", "at"])
