"""The tables of destinations that asked for patience, or are slow: a row each while it lasts."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant


class Throttle(SQLModel, table=True):
    """A mailbox provider, or a domain, that takes no mail for now, or less of it.

    Attributes:
        level: how often it asked in a row; it falls by one whenever mail is taken again.
        until: no mail goes there before.
        reason: what it answered.
        at: when the level last changed.
    """

    __tablename__ = "throttle"
    destination: str = Field(primary_key=True)
    level: int
    until: datetime = Field(sa_column=Column(Instant(), nullable=False))
    reason: str = ""
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))


class Slow(SQLModel, table=True):
    """A destination that takes long for each mail, so that its mail goes apart.

    Attributes:
        seconds: what a mail took there.
        at: when that was last found out.
    """

    __tablename__ = "slow_destination"
    destination: str = Field(primary_key=True)
    seconds: float
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
