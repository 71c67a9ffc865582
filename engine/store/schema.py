"""The schema's version: bringing a database to it, and telling whether it is there.

Revisions live in the `migrations` package; this module only runs them.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlmodel import SQLModel

import engine.store.account_tables
import engine.store.bulk_tables
import engine.store.clock_tables
import engine.store.company_tables
import engine.store.consent_tables
import engine.store.deal_tables
import engine.store.escalation_tables
import engine.store.key_tables
import engine.store.mail_file_tables
import engine.store.notice_tables
import engine.store.pool_tables
import engine.store.record_tables
import engine.store.refusal_tables
import engine.store.restoration_tables
import engine.store.retention_tables
import engine.store.returned_tables
import engine.store.score_tables
import engine.store.sending_tables
import engine.store.split_tables
import engine.store.tables
import engine.store.throttle_tables
import engine.store.version_tables  # noqa: F401 - fills the metadata
from engine.store.database import Store, Transaction

_MIGRATION_LOCK = 0x6C6F6E67  # one number for every Longplay: who holds it migrates


def migrate(store: Store | str) -> str:
    """Brings the database to the newest revision and returns that revision.

    It makes the SQLite file where there is none. Several processes may call it at once: one
    migrates, the others wait and find nothing left to do.
    """
    if isinstance(store, Store):
        return store.write(_upgrade)
    opened = Store(store)
    try:
        return opened.write(_upgrade)
    finally:
        opened.close()


def schema_revision(store: Store) -> str | None:
    """The revision the database is at; nothing for one that was never migrated."""
    return store.read(lambda tx: MigrationContext.configure(tx.conn).get_current_revision())


def head_revision() -> str:
    """The revision that this release of Longplay works with."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise RuntimeError("the 'migrations' package holds no revision")
    return head


def knows_revision(revision: str) -> bool:
    """Whether this release can bring a database of that revision to its own."""
    known = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    return any(one.revision == revision for one in known)


def is_current(store: Store) -> bool:
    """Whether the database is at the revision that this release works with."""
    return schema_revision(store) == head_revision()


def differences(conn: Connection) -> list[object]:
    """What the database has and the tables do not declare, and the reverse: empty when equal."""
    return list(compare_metadata(MigrationContext.configure(conn), SQLModel.metadata))


def alembic_config(conn: Connection | None = None) -> Config:
    """What Alembic needs to know to work on `conn`."""
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config


def _upgrade(tx: Transaction) -> str:
    if tx.is_postgres:
        # It waits for another one's end, and changes large tables, for as long as that takes.
        tx.conn.execute(sa.text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    command.upgrade(alembic_config(tx.conn), "head")
    return head_revision()
