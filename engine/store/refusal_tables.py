"""The table of refusals: why records that came to a playbook's door were not let in."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant


class Refusal(SQLModel, table=True):
    """The latest refusal of a record by a playbook for one kind of reason; older ones go.

    Attributes:
        record: the lead, or of a playbook for deals the deal.
        reason: a closed word (`runtime.enrolling.Decline`), or `trigger`: its `if` did not hold.
        why: a sentence, with the values that were looked at.
    """

    __tablename__ = "refusal"
    record: str = Field(primary_key=True)
    playbook: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    why: str
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
