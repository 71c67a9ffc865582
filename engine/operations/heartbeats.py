"""Signs of life: processes that say they are there, so that `doctor` can tell."""

import sqlalchemy as sa

from engine.store.database import Store, Transaction
from engine.store.inserting import upsert
from engine.store.tables import Heartbeat

table: sa.Table = Heartbeat.__table__  # type: ignore[attr-defined]


def beat(store: Store, process: str, kind: str) -> None:
    """Says that `process` (a host and a pid) lives."""

    def work(tx: Transaction) -> None:
        row = {"process": process, "kind": kind, "at": tx.now, "detail": ""}
        upsert(tx, table, [row], keys=["process"], update=["at"])

    store.write(work)
