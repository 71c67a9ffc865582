"""The store in memory: the same tables, quickly there, and taken up again as it was kept."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.store.database import Store, Transaction
from engine.store.inserting import insert_new
from engine.store.memory import MemoryStore
from engine.store.schema import migrate
from engine.store.sending_tables import Brake

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
brakes: sa.Table = Brake.__table__  # type: ignore[attr-defined]


def count(store: Store) -> int:
    return store.read(lambda tx: len(tx.conn.execute(sa.select(brakes)).all()))


def brake(tx: Transaction) -> None:
    insert_new(tx, brakes, [{"scope": "*", "at": tx.now, "actor": "ann"}], key="scope")


def test_it_has_the_tables_of_a_migrated_database(tmp_path: Path) -> None:
    """What is rehearsed on is what production runs on."""
    real = Store(f"sqlite:///{tmp_path / 'longplay.db'}")
    migrate(real)
    real_tables = set(sa.inspect(real.engine).get_table_names()) - {"alembic_version"}
    made = sa.inspect(MemoryStore(lambda: NOON).engine)
    assert set(made.get_table_names()) == real_tables
    real.close()


def test_it_goes_back_to_what_was_kept() -> None:
    """What came after `keep` is gone after `take_up`."""
    store = MemoryStore(lambda: NOON)
    kept = store.keep()
    store.write(brake)
    assert count(store) == 1
    store.take_up(kept)
    assert count(store) == 0


def test_a_write_that_fails_leaves_nothing() -> None:
    """A transaction in memory is one as well."""
    store = MemoryStore(lambda: NOON)

    def work(tx: Transaction) -> None:
        brake(tx)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        store.write(work)
    assert count(store) == 0


def test_it_is_there_in_milliseconds() -> None:
    """The tables are made once a process, and copied."""
    MemoryStore(lambda: NOON)
    begun = time.process_time()
    for _ in range(20):
        MemoryStore(lambda: NOON)
    assert time.process_time() - begun < 0.4
