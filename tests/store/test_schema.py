"""The schema: what migrations build is what the tables declare, on both databases."""

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from engine.store.database import Store
from engine.store.schema import differences, head_revision, is_current, migrate, schema_revision


def test_migrated_schema_is_what_the_tables_declare(store: Store) -> None:
    """Nothing is missing from the migrations, and nothing is left over."""
    assert store.write(lambda tx: differences(tx.conn)) == []


def test_a_difference_is_seen(store: Store) -> None:
    """The comparison can fail: a dropped index is reported."""

    def drop(conn: sa.Connection) -> list[object]:
        conn.exec_driver_sql("DROP INDEX ix_lead_stage_id")
        return differences(conn)

    assert len(store.write(lambda tx: drop(tx.conn))) == 1


def test_migrate_makes_the_file_and_is_repeatable(tmp_path: Path) -> None:
    """A store that does not exist yet is made, and a second migration changes nothing."""
    store = Store(f"sqlite:///{tmp_path}/deep/er/longplay.db")
    assert not is_current(store)
    assert schema_revision(store) is None
    assert migrate(store) == head_revision()
    assert migrate(store.url) == head_revision()
    assert is_current(store)
    store.close()


def test_processes_migrating_at_once_all_succeed(tmp_path: Path) -> None:
    """Whoever comes first migrates; the others wait and find the work done."""
    code = "import sys; from engine.store.schema import migrate; migrate(sys.argv[1])"
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/longplay.db"]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in running] == [("", 0)] * 4


def test_postgres_connections_migrating_at_once_all_succeed(postgres_store: Store) -> None:
    """The advisory lock orders them."""
    drop = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
    postgres_store.write(lambda tx: tx.conn.exec_driver_sql(drop))
    code = "import sys; from engine.store.schema import migrate; migrate(sys.argv[1])"
    command = [sys.executable, "-c", code, postgres_store.url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in running] == [("", 0)] * 2
    assert is_current(postgres_store)
