"""The tables of splits: which enrollment drew which arm, and how far each split has come."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant, JsonDocument

IS_OUT = "event <> '' AND converted_at IS NULL"


class SplitDraw(SQLModel, table=True):
    """An arm that an enrollment drew at a split.

    Attributes:
        event: what the split finds its winner by; empty where it looks for none.
        due_at: until when the event counts for the arm; nothing where none is looked for.
        by_weight: whether it was drawn by weight, and not by what was known of the arms.
    """

    __tablename__ = "split_draw"
    __table_args__ = (
        # Holds all that counting an arm looks at.
        Index("ix_split_draw_due", "playbook", "split", "event", "due_at", "arm", "converted_at"),
        Index(
            "ix_split_draw_out", "lead", sqlite_where=text(IS_OUT), postgresql_where=text(IS_OUT)
        ),
    )
    enrollment: str = Field(primary_key=True)
    split: str = Field(primary_key=True)
    playbook: str
    lead: str
    arm: str
    by_weight: bool = True
    event: str = ""
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    due_at: datetime | None = Field(sa_column=Column(Instant()))
    converted_at: datetime | None = Field(sa_column=Column(Instant()))


class SplitStanding(SQLModel, table=True):
    """How far a split with a winner has come, over all versions of its playbook.

    With another event to find the winner by, a split begins anew: what was known is of the old one.
    Whoever draws locks this row first, so that two at once never pass the sample.

    Attributes:
        sampled: enrollments drawn by weight.
        decide_at: when the last of them has had its time.
        counted_until: draws whose time ended by then are in `evidence`.
        evidence: arm → [those who had their time, those of them who converted].
    """

    __tablename__ = "split_standing"
    playbook: str = Field(primary_key=True)
    split: str = Field(primary_key=True)
    event: str = Field(primary_key=True)
    sampled: int = 0
    decide_at: datetime | None = Field(sa_column=Column(Instant()))
    counted_until: datetime = Field(sa_column=Column(Instant(), nullable=False))
    evidence: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JsonDocument, nullable=False)
    )
