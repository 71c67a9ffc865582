"""Segment triggers that time alone can set off, and until when each was looked at.

Between two hourly looks a record may have come into such a segment without anybody noticing. So a
change of it is compared with what it was at the last look: nothing that came in between is lost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa

from engine.ids import derived_id
from engine.operations import clocks
from engine.operations.published import Current
from engine.operations.selecting import reads_time
from engine.playbook.conditions import condition
from engine.store.bulk_tables import SegmentLook
from engine.store.database import Transaction
from engine.store.inserting import insert_new

table: sa.Table = SegmentLook.__table__  # type: ignore[attr-defined]
LOOK = "segments"
"""The name of the hourly look, among those that the clocks have."""


@dataclass(frozen=True, slots=True)
class TimedSegment:
    """A segment trigger of a current plan whose answer time alone can change."""

    playbook: str
    position: int
    condition: str

    @property
    def key(self) -> str:
        """What its look is kept under: another text is another segment."""
        return derived_id("segment", self.condition)


@lru_cache(maxsize=8)
def timed_segments(current: Current) -> tuple[TimedSegment, ...]:
    """Those of the published playbooks for leads."""
    return tuple(_of(current))


def _of(current: Current) -> Iterator[TimedSegment]:
    for plan in current.plans.values():
        for position, trigger in enumerate(plan.enroll.triggers):
            is_segment = trigger.kind == "segment" and plan.record == "lead"
            if is_segment and reads_time(current, condition(trigger.cond)):
                yield TimedSegment(plan.playbook, position, trigger.cond)


def watch(tx: Transaction, current: Current) -> None:
    """After an apply: begins to look at what is new, and forgets what nobody asks any more.

    Who is in a new segment already is in it: triggers fire on what happens after the apply.
    """
    wanted = {(one.playbook, one.key): one for one in timed_segments(current)}
    known = tx.conn.execute(sa.select(table.c.playbook, table.c.condition)).all()
    for playbook, key in known:
        if (playbook, key) not in wanted:
            this = sa.and_(table.c.playbook == playbook, table.c.condition == key)
            tx.conn.execute(sa.delete(table).where(this))
    rows = [
        {"playbook": one.playbook, "condition": key, "position": one.position,
         "looked_at": tx.now, "cursor": ""}
        for (_, key), one in wanted.items()
    ]  # fmt: skip
    insert_new(tx, table, rows, key="condition")
    if wanted:
        clocks.look_hourly(tx, LOOK)
    else:
        clocks.stop_looking(tx, LOOK)


def looked_at(tx: Transaction, current: Current) -> Mapping[str, datetime]:
    """Condition → until when records were looked at; those that time does not change are absent."""
    timed = timed_segments(current)
    if not timed:
        return {}
    query = sa.select(table.c.condition, sa.func.max(table.c.looked_at)).group_by(table.c.condition)
    times = {row[0]: row[1] for row in tx.conn.execute(query)}
    return {one.condition: times[one.key] for one in timed if one.key in times}
