"""The schema's version: bringing a database to it, and telling whether it is there.

Revisions live in the `migrations` package; this module only runs them.
"""

from enum import Enum
from importlib.resources import files
from importlib.resources.abc import Traversable

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
import engine.store.schema_tables
import engine.store.score_tables
import engine.store.sending_tables
import engine.store.split_tables
import engine.store.tables
import engine.store.throttle_tables
import engine.store.version_tables
from engine.store.database import Store, Transaction
from migrations.rules import WORKS_FROM

bound_table: sa.Table = engine.store.schema_tables.SchemaBound.__table__  # type: ignore[attr-defined]

_FIRST = "0001"
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


class Fit(Enum):
    """How a database's tables stand to this release."""

    EMPTY = "empty"
    FITS = "fits"
    TOO_OLD = "too old"
    TOO_NEW = "too new"


def fit(store: Store) -> tuple[Fit, str]:
    """Whether this release may work on the database, and at what revision that is.

    Newer tables are fit as long as they have only been expanded since: then workers of two
    releases are at work side by side.
    """
    revision = schema_revision(store)
    head = head_revision()
    if revision is None:
        return Fit.EMPTY, ""
    if revision == head:
        return Fit.FITS, revision
    if knows_revision(revision):
        return Fit.TOO_OLD, revision
    return (Fit.FITS if store.read(_works_from) <= head else Fit.TOO_NEW), revision


def _works_from(tx: Transaction) -> str:
    found = tx.conn.execute(sa.select(bound_table.c.works_from)).scalar()
    return found or "9999"


def _bound() -> str:
    """The oldest revision whose code works on the newest tables, as the revisions say."""
    revisions = ScriptDirectory.from_config(alembic_config()).walk_revisions()
    return max((str(getattr(one.module, WORKS_FROM, _FIRST)) for one in revisions), default=_FIRST)


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
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config


def _scripts() -> Traversable:
    return files("migrations")


def _upgrade(tx: Transaction) -> str:
    if tx.is_postgres:
        # It waits for another one's end, and changes large tables, for as long as that takes.
        tx.conn.execute(sa.text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        tx.conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    if (revision := MigrationContext.configure(tx.conn).get_current_revision()) is not None and (
        not knows_revision(revision)
    ):
        return revision  # a newer release was faster; whether that suits this one is asked later
    command.upgrade(alembic_config(tx.conn), "head")
    tx.conn.execute(sa.delete(bound_table))
    tx.conn.execute(sa.insert(bound_table), {"id": 1, "works_from": _bound()})
    return head_revision()
