"""The hourly look at segments that time alone can change: who has come into one since the last.

The database names those for whom it holds now and did not at the last look, a stretch of leads at
a time; each is asked once more under its lock. Who leaves is not looked for: nothing fires on it.
"""

from datetime import datetime

import sqlalchemy as sa

from engine.operations import published
from engine.operations.clocks import LATE
from engine.operations.published import Current
from engine.operations.reactions import Reactor, Wish
from engine.operations.scopes import load_facts, load_histories
from engine.operations.selecting import Selection
from engine.operations.timed_segments import TimedSegment, table, timed_segments
from engine.playbook.conditions import condition
from engine.store import enrollments, leads
from engine.store.database import Transaction

PAGE = 500


def look(tx: Transaction, cursor: str) -> str | None:
    """Works off one page; `cursor` is the moment that this look is about, empty at its beginning.

    Returns:
        The cursor for the next page; None when every segment has been looked at.
    """
    at = datetime.fromisoformat(cursor) if cursor else tx.now
    query = sa.select(table).where(table.c.looked_at < at).order_by(table.c.playbook).limit(1)
    row = tx.conn.execute(query).mappings().first()
    if row is None:
        return None
    current = published.current(tx)
    this = sa.and_(table.c.playbook == row["playbook"], table.c.condition == row["condition"])
    one = _segment(current, row)
    if one is None:
        tx.conn.execute(sa.delete(table).where(this))
        return at.isoformat()
    # Whoever came in longer ago than a firing may be late is in, and is not told any more.
    since = max(row["looked_at"], at - LATE)
    following = _page(tx, current, one, since, at, row["cursor"])
    done = {"looked_at": at, "cursor": ""}
    values = done if following is None else {"cursor": following}
    tx.conn.execute(sa.update(table).where(this).values(values))
    return at.isoformat()


def _segment(current: Current, row: sa.RowMapping) -> TimedSegment | None:
    name = (row["playbook"], row["condition"])
    return next((one for one in timed_segments(current) if (one.playbook, one.key) == name), None)


def _page(
    tx: Transaction, current: Current, one: TimedSegment, since: datetime, at: datetime, after: str
) -> str | None:
    chosen = Selection(current, condition(one.condition))
    was = chosen.parts(tx, since)
    also = [sa.not_(sa.func.coalesce(sa.and_(*was.where), sa.false()))] if was.is_whole else []
    found = chosen.stretch(tx, after, PAGE, also=also, now=at)
    ids = found.ids
    leads.lock(tx, ids)
    facts = load_facts(tx, current, ids)
    plan = current.plans[one.playbook]
    names = sorted({*plan.history, *chosen.counted})
    histories = load_histories(tx, ids, names) if names else {}
    already = enrollments.entered_since(tx, one.playbook, ids, since)
    wishes = [
        Wish(lead, one.playbook, f"segment:{one.position}:{at.isoformat()}",
             why=f"trigger {one.position + 1}: segment", lane="bulk")
        for lead, each in facts.items()
        if lead not in already
        and chosen.holds(each, histories.get(lead), at)
        and not chosen.holds(each, histories.get(lead), since)
    ]  # fmt: skip
    Reactor(tx, current, facts, histories).enroll(wishes)
    return found.cursor
