"""The tables of work over very many leads: bulk enrollments, and hourly looks at segments."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant, JsonDocument

RUNS = "state = 'running'"


class BulkEnrollment(SQLModel, table=True):
    """Very many leads, or deals, that are being enrolled in one playbook, a slice at a time.

    Attributes:
        record: `lead` or `deal`: what is enrolled, looked at and counted.
        condition: whom; empty: every one.
        cause: what the enrollments are caused by; the same cause enrolls a record once.
        state: running, paused, finished, cancelled, or failed with a `reason`.
        cursor: the last record that was looked at; it moves in the transaction of its slice.
        total: how many records there were when it began; `looked` of them have been looked at.
    """

    __tablename__ = "bulk_enrollment"
    __table_args__ = (
        Index(
            "ix_bulk_enrollment_running",
            "touched_at",
            sqlite_where=text(RUNS),
            postgresql_where=text(RUNS),
        ),
    )
    id: str = Field(primary_key=True)
    playbook: str
    record: str = "lead"
    condition: str = ""
    key: str | None = None
    properties: dict[str, Any] = Field(sa_column=Column(JsonDocument, nullable=False))
    cause: str
    actor: str
    state: str
    cursor: str = ""
    total: int = 0
    looked: int = 0
    enrolled: int = 0
    skipped: dict[str, int] = Field(sa_column=Column(JsonDocument, nullable=False))
    reason: str = ""
    created_at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    touched_at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(Instant()))


class SegmentLook(SQLModel, table=True):
    """A segment trigger whose answer time alone can change: until when it was looked at.

    Attributes:
        condition: the segment's digest; another text is another segment.
        looked_at: who was in it at that moment has been seen to.
        cursor: how far the look under way has come.
    """

    __tablename__ = "segment_look"
    playbook: str = Field(primary_key=True)
    condition: str = Field(primary_key=True)
    position: int
    looked_at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    cursor: str = ""
