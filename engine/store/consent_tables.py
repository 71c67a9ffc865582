"""The tables of permission: the ledger of consents, and addresses known by their hash alone."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from engine.store.columns import instant


class ConsentRow(SQLModel, table=True):
    """Something that a lead was asked, agreed to or took back: the evidence. Append only.

    `email` is the lead's address then, `ip` and `agent` are where the answer came from; `at` is
    when it was given, `recorded_at` when we learned of it. What holds now is on the lead itself.
    """

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_lead_at", "lead", "at"),)
    id: str = Field(primary_key=True)
    lead: str
    email: str = ""
    purpose: str
    topic: str = ""
    state: str
    source: str = ""
    text_version: str = ""
    text_hash: str = ""
    ip: str = ""
    agent: str = ""
    actor: str = ""
    at: datetime = instant(nullable=False)
    recorded_at: datetime = instant(nullable=False)


class ForgottenRow(SQLModel, table=True):
    """An address that was erased and must still not be mailed: a salted hash, and why."""

    __tablename__ = "forgotten"
    hash: str = Field(primary_key=True)
    topic: str = Field(default="", primary_key=True)
    reason: str = Field(primary_key=True)
    at: datetime = instant(nullable=False)


class SaltRow(SQLModel, table=True):
    """The salt of this store's hashes: one row, `id` 1, made when it is first needed."""

    __tablename__ = "salt"
    id: int = Field(default=1, primary_key=True)
    value: str
