"""The table of what happened on escalations: levels that fired, and what people did about them.

Where an escalation stands is its enrollment's business, what waits for a person its task's. It
holds no queries.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import Instant


class EscalationAct(SQLModel, table=True):
    """Something that happened on an escalation: who did what, when. Append only.

    Attributes:
        act: `fired`, `passed`, `acknowledged`, `snoozed`, `paused`, `resumed` or `done`.
        level: the level that fired or was passed over; of an act, the highest that had fired.
        by: the person; empty: the clock.
        until: until when it holds.
        reason: why, in that person's words; of what fired, when it was due.
        position: ascends in the order of commits, since it is taken under the lead's lock.
    """

    __tablename__ = "escalation_act"
    __table_args__ = (
        Index("ix_escalation_act_enrollment_at", "enrollment", "at"),
        Index("ix_escalation_act_lead_at", "lead", "at"),
    )
    id: str = Field(primary_key=True)
    enrollment: str
    playbook: str
    lead: str
    deal: str | None = None
    at: datetime = Field(sa_column=Column(Instant(), nullable=False))
    act: str
    round: int
    level: int
    by: str = ""
    until: datetime | None = Field(default=None, sa_column=Column(Instant()))
    reason: str = ""
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
