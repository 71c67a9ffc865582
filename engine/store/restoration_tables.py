"""The tables of a store that was brought back from a copy: what is unknown since. No queries."""

from datetime import datetime

from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import instant


class Restoration(SQLModel, table=True):
    """That the store is a copy of an earlier one: at most one row.

    Attributes:
        copied_at: the copy's moment; what was mailed after it the ledger does not know.
        lost_at: when the store that was lost mailed last, at the latest.
        begun_at: when the copy was put in its place.
        released_at: when the first mail went after that; None: none has.
        is_told: whether a complete list of what was mailed meanwhile was given.
        actor: who brought it back.
    """

    __tablename__ = "restoration"
    id: int = Field(primary_key=True)
    copied_at: datetime = instant(nullable=False)
    lost_at: datetime = instant(nullable=False)
    begun_at: datetime = instant(nullable=False)
    released_at: datetime | None = instant()
    is_told: bool = False
    actor: str = ""


class RestoredRun(SQLModel, table=True):
    """An enrollment of the copy that may have gone on, and been mailed, in the lost time."""

    __tablename__ = "restored_run"
    enrollment: str = Field(primary_key=True)


class MailedBefore(SQLModel, table=True):
    """A message that went in the time that is lost, by what lasts of its job's id.

    The job may be yet to come.
    """

    __tablename__ = "mailed_before"
    job: str = Field(primary_key=True)
