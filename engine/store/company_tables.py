"""The tables of companies: each as it is now, what it is known by, what changed. No queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant, JsonDocument, instant


class CompanyRow(SQLModel, table=True):
    """A company that leads and deals belong to.

    Attributes:
        likeness: its name without form and place: what duplicates have in common.
        label: its domain without the ending, for the same.
        domain: the one it is shown with; all that it has are in `company_key`.
        owner: whose account it is.
        fields: the workspace's custom fields.
    """

    __tablename__ = "company"
    __table_args__ = (
        Index("ix_company_likeness_id", "likeness", "id"),
        Index("ix_company_label_id", "label", "id"),
        Index("ix_company_owner_id", "owner", "id"),
    )
    id: str = Field(primary_key=True)
    name: str
    likeness: str = ""
    label: str = ""
    domain: str | None = None
    owner: str | None = None
    fields: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JsonDocument, nullable=False)
    )
    version: int = 0
    created_at: datetime = instant(nullable=False)


class CompanyKey(SQLModel, table=True):
    """What a company is known by: `domain:acme.example`, or `name:` and the folded name."""

    __tablename__ = "company_key"
    __table_args__ = (Index("ix_company_key_company", "company"),)
    key: str = Field(primary_key=True)
    company: str


class CompanyChange(SQLModel, table=True):
    """A change of a company's field: who, why, from what, to what. Append only."""

    __tablename__ = "company_change"
    __table_args__ = (Index("ix_company_change_company_at", "company", "at"),)
    id: str = Field(primary_key=True)
    company: str
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    field: str
    before: Any = Field(default=None, sa_column=Column(JsonDocument))
    after: Any = Field(default=None, sa_column=Column(JsonDocument))
    actor: str
    reason: str = ""


class GoneCompany(SQLModel, table=True):
    """The id of a company that lives on as another."""

    __tablename__ = "gone_company"
    id: str = Field(primary_key=True)
    survivor: str = Field(index=True)
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))


class DistinctCompanies(SQLModel, table=True):
    """Two companies that a person said are two; `one` is the smaller id."""

    __tablename__ = "distinct_companies"
    one: str = Field(primary_key=True)
    other: str = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
