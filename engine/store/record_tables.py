"""The tables about records as such: leads that are gone, and leads that may be one person.

It holds no queries.
"""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant, JsonDocument


class GoneLead(SQLModel, table=True):
    """The id, and the address, of a lead that lives on as another: whoever asks is led there.

    Attributes:
        survivor: the lead that holds everything now.
        email_key: the address that it had besides the survivor's; mail from there is known.
    """

    __tablename__ = "gone_lead"
    id: str = Field(primary_key=True)
    survivor: str = Field(index=True)
    email_key: str | None = Field(default=None, index=True)
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))


class Erasure(SQLModel, table=True):
    """A lead that was erased, and how far that has come. Its row in `lead` is empty, and stays.

    Attributes:
        id: the lead's new id, which nobody outside knows.
        former: the id that it had, while rows still name it; then empty.
        stage: where it was, so that sums over all who ever came remain true.
        actor: who asked for it; `reason` is in that person's words.
        rows: how many rows were emptied, removed or renamed, by table.
        ended_at: when nothing of the person was left.
    """

    __tablename__ = "erasure"
    __table_args__ = (Index("ix_erasure_former", "former"),)
    id: str = Field(primary_key=True)
    former: str = ""
    stage: str
    actor: str
    reason: str = ""
    rows: dict[str, int] = Field(sa_column=Column(JsonDocument, nullable=False))
    began_at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(Instant()))


class LeadKey(SQLModel, table=True):
    """What a lead may have in common with a duplicate of it: made by the search for duplicates.

    Attributes:
        kind: `email`, `phone` or `name`.
        value: the address without its variants, the number in E.164, the name and the company.
    """

    __tablename__ = "lead_key"
    __table_args__ = (Index("ix_lead_key_lead", "lead"),)
    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    lead: str = Field(primary_key=True)


class Duplicate(SQLModel, table=True):
    """Two leads that may be one person, each pair once: `one` is the smaller id.

    Attributes:
        score: how sure it is, 1 to 100.
        reasons: what speaks for it and against it, in words.
        state: `open`, or `distinct`: a person said that they are two.
    """

    __tablename__ = "duplicate"
    __table_args__ = (
        Index("ix_duplicate_other", "other"),
        Index("ix_duplicate_state_score", "state", "score"),
    )
    one: str = Field(primary_key=True)
    other: str = Field(primary_key=True)
    score: int
    reasons: list[str] = Field(sa_column=Column(JsonDocument, nullable=False))
    state: str = "open"
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
