"""The tables of deals: each deal as it is now, and every change of one. It holds no queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant, JsonDocument, only_where

IS_OPEN = "closed = ''"


class Deal(SQLModel, table=True):
    """A possible sale, in a stage of a pipeline.

    Attributes:
        lead: the primary contact: who gets the mail, and whose events count for the deal.
        company_id: the company it is with: at first the contact's.
        closed: `won`, `lost`, or empty while it is open.
        entry_ref: names the present stay in the stage; made anew on every entry (runtime.md, I10).
        fields: the workspace's custom fields.
    """

    __tablename__ = "deal"
    __table_args__ = (
        Index("ix_deal_lead", "lead"),
        Index("ix_deal_open", "lead", sqlite_where=text(IS_OPEN), postgresql_where=text(IS_OPEN)),
        Index("ix_deal_pipeline_stage_id", "pipeline", "stage", "id"),
        Index("ix_deal_owner_id", "owner", "id"),
        Index("ix_deal_created_at_id", "created_at", "id"),
        Index("ix_deal_company_id", "company_id", "id", **only_where("company_id IS NOT NULL")),
    )
    id: str = Field(primary_key=True)
    name: str
    lead: str
    company_id: str | None = None
    pipeline: str
    stage: str
    closed: str = ""
    entry_ref: str
    amount: float | None = None
    currency: str | None = None
    owner: str | None = None
    decision_maker: str | None = None
    lost_reason: str | None = None
    tags: list[str] = Field(default_factory=list, sa_column=Column(JsonDocument, nullable=False))
    fields: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JsonDocument, nullable=False)
    )
    version: int = 0
    created_at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    stage_entered_at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    last_activity_at: datetime | None = Field(sa_column=Column(Instant()))
    expected_close_at: datetime | None = Field(sa_column=Column(Instant()))
    quote_sent_at: datetime | None = Field(sa_column=Column(Instant()))
    closed_at: datetime | None = Field(sa_column=Column(Instant()))


class DealChange(SQLModel, table=True):
    """A change of a deal's field, its stage included: who, why, from what, to what. Append only."""

    __tablename__ = "deal_change"
    __table_args__ = (Index("ix_deal_change_deal_at", "deal", "at"),)
    id: str = Field(primary_key=True)
    deal: str
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    field: str
    before: Any = Field(default=None, sa_column=Column(JsonDocument))
    after: Any = Field(default=None, sa_column=Column(JsonDocument))
    actor: str
    reason: str = ""
