"""Tables of scores: the ledger of points, and scores that are being worked out anew."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from engine.store.columns import instant


class ScoreEntry(SQLModel, table=True):
    """Why a score changed: points for one reason. Append only; what is late may change `points`.

    Of behavior `points` is what was given of the rule's `worth`, which a limit (`most` points in
    `per` microseconds) may cut. Of fit it is by how much that became more or less. `at` is when the
    lead did it, `noted_at` when we came to know.
    """

    __tablename__ = "score_entry"
    __table_args__ = (Index("ix_score_entry_lead", "lead", "name", "at"),)
    id: str = Field(primary_key=True)
    lead: str
    name: str
    part: str = "behavior"
    points: float
    worth: float = 0
    rule: str = ""
    most: float | None = None
    per: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    event: str = ""
    reason: str
    at: datetime = instant(nullable=False)
    noted_at: datetime = instant(nullable=False)


class Rescoring(SQLModel, table=True):
    """A score whose rules changed: leads are worked out anew, page by page, up to the cursor.

    `fires` says whether whoever reaches a threshold by that runs its steps.
    """

    __tablename__ = "rescoring"
    name: str = Field(primary_key=True)
    playbook: str
    digest: str
    cursor: str = ""
    done: int = 0
    fires: bool = False
    began_at: datetime = instant(nullable=False)
    due_at: datetime = instant(nullable=False)
