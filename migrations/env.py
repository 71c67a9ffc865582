"""Alembic's entry: it runs on the connection it is given and opens none of its own."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import engine.store.bulk_tables
import engine.store.clock_tables
import engine.store.consent_tables
import engine.store.deal_tables
import engine.store.record_tables
import engine.store.retention_tables
import engine.store.returned_tables
import engine.store.sending_tables
import engine.store.tables
import engine.store.version_tables  # noqa: F401 - fills the metadata
from engine.store.columns import Instant, JsonDocument


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Spells our own column kinds in a revision; everything else is Alembic's business."""
    if kind == "type" and isinstance(item, Instant):
        autogen.imports.add("from engine.store.columns import Instant")
        return "Instant()"
    if kind == "type" and item is JsonDocument:
        autogen.imports.add("from engine.store.columns import JsonDocument")
        return "JsonDocument"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_item=render_item,
    render_as_batch=connection.dialect.name == "sqlite",
    # SQLite can roll back DDL too, because the store begins its transactions itself.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
