"""The tables of what is kept how long: what went, and the ids that must not come again."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant


class PastEvent(SQLModel, table=True):
    """The id of an event that is not kept any more: coming again, it is known."""

    __tablename__ = "past_event"
    id: str = Field(primary_key=True)


class RetentionMark(SQLModel, table=True):
    """How far one kind of record has been tidied away.

    Attributes:
        until: what was over by then may be gone; it never goes back.
        removed: how many went, in all.
        looked_at: when the last whole pass began.
    """

    __tablename__ = "retention_mark"
    kind: str = Field(primary_key=True)
    until: datetime = Field(sa_column=Column(Instant(), nullable=False))
    removed: int = 0
    looked_at: datetime = Field(sa_column=Column(Instant(), nullable=False))
