"""The table of pools: leads and deals that were released, and who claimed them. No queries."""

from datetime import datetime

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant, only_where

IS_OPEN = "owner IS NULL"
IS_CLAIMED = "owner IS NOT NULL"


class Pooled(SQLModel, table=True):
    """A record that was put into a pool: open until somebody claims it, and kept afterwards.

    A row is out of date, and counts for nothing, while the record has another owner than it says.

    Attributes:
        lead: the lead that lies there; nothing where it is a deal.
        deal: the deal that lies there. Its contact is the deal's to know.
        former: who had the record before.
        not_former_until: until when the former owner may not claim it.
        owner: who claimed it; nothing while it is open.
    """

    __tablename__ = "pooled"
    __table_args__ = (
        Index("ix_pooled_lead", "lead"),
        Index("ix_pooled_deal", "deal", **only_where("deal IS NOT NULL")),
        Index(
            "ix_pooled_open", "pool", "at", "id",
            sqlite_where=text(IS_OPEN), postgresql_where=text(IS_OPEN),
        ),
        Index(
            "ix_pooled_claimed", "owner", "pool", "claimed_at",
            sqlite_where=text(IS_CLAIMED), postgresql_where=text(IS_CLAIMED),
        ),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    pool: str
    lead: str | None = None
    deal: str | None = None
    former: str | None = None
    not_former_until: datetime | None = Field(sa_column=Column(Instant()))
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    owner: str | None = None
    claimed_at: datetime | None = Field(sa_column=Column(Instant()))
