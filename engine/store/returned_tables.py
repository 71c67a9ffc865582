"""The table of what came back; this module holds no queries."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from engine.store.columns import Instant


class ReturnedRow(SQLModel, table=True):
    """One bounce, complaint or answer, kept once however often it is told. Append only.

    The id is made of what it is and of the message it is about. It holds no address and no text
    of a person: `detail` is what a mail system said.
    """

    __tablename__ = "returned"
    __table_args__ = (
        Index("ix_returned_playbook_kind_at", "playbook", "kind", "at"),
        Index("ix_returned_lead_kind_at", "lead", "kind", "at"),
    )
    id: str = Field(primary_key=True)
    kind: str
    job: str = ""
    lead: str = ""
    playbook: str = ""
    status: str = ""
    cause: str = ""
    detail: str = ""
    door: str = ""
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
