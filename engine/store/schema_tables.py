"""The table that tells older releases whether they may work on newer tables. No queries."""

from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes


class SchemaBound(SQLModel, table=True):
    """The oldest revision whose code goes on working on these tables: one row."""

    __tablename__ = "schema_bound"
    id: int = Field(primary_key=True)
    works_from: str
