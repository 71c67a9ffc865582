"""The refusals' repository: a row a record, playbook and kind of reason, written once an hour.

Whoever writes holds the leads' locks. The table is bounded by its key; what is older than `KEPT` is
taken away with the record's next refusal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from engine.store import quick
from engine.store.columns import Instant
from engine.store.database import Transaction
from engine.store.inserting import renew
from engine.store.refusal_tables import Refusal

table: sa.Table = Refusal.__table__  # type: ignore[attr-defined]

EVERY = timedelta(hours=1)
"""How often the same refusal is written anew: a page that is viewed all day costs a look-up."""

KEPT = timedelta(days=90)
_LONGEST = 300
_old = sa.delete(table).where(
    table.c.record.in_(sa.bindparam("records", expanding=True)),
    table.c.at < sa.bindparam("before", type_=Instant()),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that a playbook did not let in, and why."""

    record: str
    playbook: str
    reason: str
    why: str


def write(tx: Transaction, refused: Iterable[Refused]) -> None:
    """Keeps the latest refusal of each kind."""
    latest = {(one.record, one.playbook, one.reason): one for one in refused}
    if not latest:
        return
    rows = [
        {"record": one.record, "playbook": one.playbook, "reason": one.reason,
         "why": one.why[:_LONGEST], "at": tx.now}
        for _, one in sorted(latest.items())
    ]  # fmt: skip
    renew(tx, table, rows, keys=("record", "playbook", "reason"), update=("why", "at"), every=EVERY)
    records = sorted({record for record, _, _ in latest})
    quick.change(tx, _old, records=records, before=tx.now - KEPT)


def of(tx: Transaction, records: Sequence[str], playbook: str = "") -> Sequence[sa.RowMapping]:
    """The refusals of these records, oldest first."""
    query = sa.select(table).where(table.c.record.in_(records))
    if playbook:
        query = query.where(table.c.playbook == playbook)
    return tx.conn.execute(query.order_by(table.c.at, table.c.playbook)).mappings().all()
