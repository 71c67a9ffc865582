"""The tables of what goes by the clock: triggers' next firings, and records' coming moments."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant


class TriggerClock(SQLModel, table=True):
    """A `cron`, `at` or `date` trigger that is armed: when it is to be looked at, how far it came.

    Attributes:
        trigger: what it says, which is its name over all versions of the playbook.
        zone: with `timezone: lead`, whose leads it is for; empty: those without a zone, or all.
        digest: the newest plan that says so; `position` is its place there.
        basis: what moments were worked out by (zones, calendars, the field's type).
        next_at: when there is something to do: a firing, a page of filling or of clearing.
        firing_at: the firing under way; `cursor` is the last lead that it has come to.
        stopped_at: when the playbook ceased to say it; what was due by then is still done.
        served_at: when it was looked at last, so that clocks take turns.
    """

    __tablename__ = "trigger_clock"
    playbook: str = Field(primary_key=True)
    trigger: str = Field(primary_key=True)
    zone: str = Field(default="", primary_key=True)
    kind: str
    digest: str
    position: int
    basis: str = ""
    next_at: datetime | None = Field(default=None, sa_column=Column(Instant(), index=True))
    firing_at: datetime | None = Field(default=None, sa_column=Column(Instant()))
    cursor: str = ""
    stopped_at: datetime | None = Field(default=None, sa_column=Column(Instant()))
    served_at: datetime | None = Field(default=None, sa_column=Column(Instant()))


class ComingMoment(SQLModel, table=True):
    """When a `date` trigger is due for one record. It goes when it has fired."""

    __tablename__ = "coming_moment"
    __table_args__ = (Index("ix_coming_moment_at", "at"),)
    playbook: str = Field(primary_key=True)
    trigger: str = Field(primary_key=True)
    record: str = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
