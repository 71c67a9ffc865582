"""The tables of what was published when; this module holds no queries."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from engine.store.columns import Instant


class Publication(SQLModel, table=True):
    """One apply or rollback that changed something: who, when, how. Append only."""

    __tablename__ = "publication"
    id: str = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    actor: str = ""
    how: str


class PublishedVersion(SQLModel, table=True):
    """What a publication did to one playbook; `digest` is empty where it was retired."""

    __tablename__ = "published_version"
    __table_args__ = (Index("ix_published_version_playbook", "playbook", "publication"),)
    publication: str = Field(primary_key=True)
    playbook: str = Field(primary_key=True)
    digest: str
    before: str = ""


class Shadow(SQLModel, table=True):
    """A version that is compared with the live one: of which playbook, and from when on."""

    __tablename__ = "shadow"
    playbook: str = Field(primary_key=True)
    digest: str
    since: datetime = Field(sa_column=Column(Instant(), nullable=False))
    actor: str = ""
