"""Erasing a lead: nothing of the person stays, and every sum stays true.

The first slice ends the lead's runs with the reason `erased`, puts its addresses on the list of
those that must not be mailed (as salted hashes), and empties its row; from then on nobody finds it.
Further slices take the person out of every table that `engine.store.holdings` knows, a page at a
time and one transaction each; each is begun anew where the last one ended, by whoever comes first:
the command, or the schedules' driver, which looks every hour. A message that is in flight lands
before its line is emptied.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from engine.errors import NotFoundError
from engine.ids import new_id
from engine.operations import clocks, published
from engine.operations.deal_locks import lock_deals
from engine.operations.enrollment_rows import finish_rows
from engine.operations.lead_changes import found_lead
from engine.operations.scopes import load_facts
from engine.runtime.position import Finish
from engine.runtime.traces import traces_of
from engine.store import consents, deals, enrollments, erasures, forgotten, gone, jobs, leads
from engine.store.database import Store, Transaction
from engine.store.erasing_companies import company_of
from engine.store.erasing_deals import deals_of
from engine.store.erasing_rows import (
    bulk_rows,
    by_rule,
    changes,
    events_of,
    in_flight,
    late_events,
    messages,
    open_tasks,
    runs,
    step_over,
)
from engine.store.holdings import HOLDINGS, Holding
from engine.store.lead_writing import change_table

ERASED = "erased"
"""The reason that an erased lead's runs end with."""

LOOK = "erasures"
"""The name of the hourly look that ends what was begun."""

PAGE = 1_000
"""Rows that one transaction takes the person out of."""

_PATIENCE = timedelta(seconds=15)
_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Erased:
    """How an erasure stands.

    Attributes:
        id: of the empty lead that stands for the person in sums.
        is_over: whether nothing is left.
        waits: messages in flight that it waits for.
        ended: enrollments that it ended.
        deals: deals that the person was the contact of; somebody should look at them.
        addresses: every address that the lead had, for whoever keeps mail elsewhere; only told to
            who asked for the erasure, and kept nowhere.
        rows: rows that were emptied, renamed or removed, by table.
    """

    id: str
    is_over: bool = False
    waits: int = 0
    ended: int = 0
    deals: Sequence[str] = ()
    addresses: Sequence[str] = ()
    rows: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `--json` shows: without the addresses."""
        return {
            "erasure": self.id, "done": self.is_over, "waits_for_messages": self.waits,
            "ended": self.ended, "deals": list(self.deals), "rows": dict(self.rows),
        }  # fmt: skip


def erase(
    store: Store,
    name: str,
    *,
    actor: str,
    reason: str = "",
    patience: timedelta = _PATIENCE,
    told: Callable[[Erased], None] | None = None,
) -> Erased:
    """Erases the lead of this address or id, slice by slice.

    Args:
        store: the workspace's store.
        name: an address or an id; also one that the lead had before it was merged.
        actor: who does it; `reason` is why, without the person's name.
        patience: how long to wait for messages in flight; the rest goes within the hour.
        told: called after each slice.

    Raises:
        NotFoundError: there is no such lead.
    """
    began = store.write(lambda tx: _begin(tx, name, actor, reason))
    until = time.monotonic() + patience.total_seconds()
    while True:
        row, waits, more = store.write(lambda tx: _slice(tx, began.id), alone=True)
        now = Erased(
            began.id, row["ended_at"] is not None, waits, began.ended, began.deals,
            began.addresses, row["rows"],
        )  # fmt: skip
        if told is not None:
            told(now)
        if now.is_over or (not more and time.monotonic() > until):
            store.empty_log()
            return now
        time.sleep(0 if more else _PAUSE)


def requests(store: Store, *, before: str = "", limit: int = 100) -> list[dict[str, Any]]:
    """Erasures, the newest first: when, by whom and why, and how far each has come."""
    rows = store.read(lambda tx: erasures.page(tx, before=before, limit=limit))
    names = ("id", "actor", "reason", "began_at", "ended_at", "rows")
    return [{name: row[name] for name in names} for row in rows]


def look(tx: Transaction, cursor: str) -> str | None:
    """Works off one slice of an erasure that is not over; answers behind which one to go on."""
    found = erasures.under_way(tx, after=cursor, limit=1)
    if not found:
        if not erasures.under_way(tx, limit=1):
            clocks.stop_looking(tx, LOOK)
        return None
    _, _, more = _slice(tx, found[0])
    return cursor if more else found[0]


def _begin(tx: Transaction, name: str, actor: str, reason: str) -> Erased:
    lead = found_lead(tx, name)
    mine = deals.of_lead(tx, lead)
    lock_deals(tx, mine, [lead])
    row = leads.row(tx, lead)
    addresses = _addresses(tx, row)
    facts = load_facts(tx, published.current(tx), [lead])[lead]
    traces = traces_of(facts, [*addresses, *(str(one["id"]) for one in gone.of(tx, lead))])
    ended = _end_runs(tx, lead)
    forgotten.forget(tx, addresses)
    id = new_id()
    erasures.begin(tx, row, id=id, stage=row["stage"], actor=actor, reason=reason[:500])
    # At once, because only here it is known what names the person.
    deals_of(tx, lead, id, traces)
    company_of(tx, row, traces)
    bulk_rows(tx, traces)
    step_over(tx, lead)
    clocks.look_hourly(tx, LOOK)
    return Erased(id, ended=ended, deals=mine, addresses=addresses)


def _addresses(tx: Transaction, row: Mapping[str, Any]) -> list[str]:
    """Every address that the lead has, or had as far as anything tells."""
    lead = row["id"]
    mail = sa.and_(jobs.table.c.lead == lead, jobs.table.c.kind == "email")
    sent = tx.conn.execute(sa.select(jobs.table.c.address).where(mail).distinct()).scalars()
    lines = sa.select(change_table.c.before, change_table.c.after).where(
        change_table.c.lead == lead, change_table.c.field == "email"
    )
    changed = [side for line in tx.conn.execute(lines) for side in line]
    merged = [one["email_key"] for one in gone.of(tx, lead)]
    agreed = [one["email"] for one in consents.of_lead(tx, lead)]
    found = [row["email"], *merged, *changed, *agreed, *sent]
    return list(dict.fromkeys(one for one in found if isinstance(one, str) and "@" in one))


def _end_runs(tx: Transaction, lead: str) -> int:
    rows = enrollments.open_of(tx, [lead])
    finish_rows(tx, [(row, Finish("deleted", ERASED)) for row in rows])
    return len(rows)


def _slice(tx: Transaction, id: str) -> tuple[Mapping[str, Any], int, bool]:
    """One transaction's part: the erasure's row, what it waits for, and whether more is to do."""
    row = _known(tx, id)
    if row["former"]:
        leads.lock(tx, [row["former"], id])
        row = _known(tx, id)  # somebody else may have ended it meanwhile
    former = row["former"]
    if not former:
        return row, 0, False
    _end_runs(tx, former)
    left, rows = PAGE, dict(row["rows"])
    for one in HOLDINGS.values():
        done = _part(tx, one, former, id, left)
        if done:
            rows[one.table] = rows.get(one.table, 0) + done
            left -= done
        if left <= 0:
            break
    erasures.change(tx, id, rows=rows)
    waits = 0 if left <= 0 else in_flight(tx, former)
    if left > 0 and not waits:
        late_events(tx, id, row["began_at"])
        erasures.end(tx, id, former)
    return _known(tx, id), waits, left <= 0


def _part(tx: Transaction, one: Holding, former: str, id: str, limit: int) -> int:
    """A page of one table; 0 for one that goes with another, or went in the first slice."""
    if one.erase != "own":
        return by_rule(tx, one, former, id, limit) if one.names else 0
    match one.table:
        case "change":
            return changes(tx, former, id, limit)
        case "event":
            return events_of(tx, former, id, limit)
        case "enrollment":
            return runs(tx, former, id, limit)
        case "job":
            return messages(tx, one, former, id, limit)
        case "task":
            return open_tasks(tx, one, former, id, limit)
        case _:
            return 0


def _known(tx: Transaction, id: str) -> Mapping[str, Any]:
    row = erasures.get(tx, id)
    if row is None:
        raise NotFoundError(f"there is no erasure '{id[:60]}'")
    return row
