"""The tables of what leaves the house: jobs, their batches, the brake, the pace. No queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.columns import instant, json_document, only_where
from engine.store.tables import OPEN

UNUSUAL_STATE = "state NOT IN ('queued', 'in_flight', 'accepted')"
"""Where a job seldom is: a query says it in these words, or SQLite does not see the index."""


class Job(SQLModel, table=True):
    """One effect on the outside world, keyed by (enrollment, seq): the send ledger."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("enrollment", "seq"),
        # A job changes its state three times on its way, so that few indexes hold the state.
        Index("ix_job_batch", "batch", **only_where(OPEN)),
        Index("ix_job_lead", "lead", "accepted_at"),
        Index("ix_job_created", "kind", "created_at", "id"),
        Index("ix_job_unusual", "state", "created_at", "id", **only_where(UNUSUAL_STATE)),
        Index("ix_job_deferred", "cohort", "not_before", **only_where("state = 'deferred'")),
    )
    id: str = Field(primary_key=True)
    enrollment: str
    seq: int
    cohort: str
    batch: str
    queue: str
    kind: str
    playbook: str
    step: str
    lead: str
    state: str
    marketing: bool = False
    attempt: int = 0
    via: str = ""
    token: str = ""
    lease_until: datetime | None = instant()
    not_before: datetime | None = instant()
    message_id: str
    address: str = ""
    subject: str = ""
    links: list[str] = json_document(list)
    params: dict[str, Any] = json_document(dict)
    reason: str = ""
    created_at: datetime = instant(nullable=False)
    accepted_at: datetime | None = instant()
    ended_at: datetime | None = instant()


class Batch(SQLModel, table=True):
    """Jobs that one bounded activity serves: open while one of them is queued or in flight.

    `destination`: where all of its mail goes, if it goes apart from other mail.
    """

    __tablename__ = "batch"
    __table_args__ = (Index("ix_batch_open", "cohort", **only_where("state = 'open'")),)
    id: str = Field(primary_key=True)
    cohort: str
    queue: str
    destination: str = ""
    state: str
    touched_at: datetime = instant(nullable=False)


class Brake(SQLModel, table=True):
    """The emergency brake: a playbook's name, or `*` for everything."""

    __tablename__ = "brake"
    scope: str = Field(primary_key=True)
    at: datetime = instant(nullable=False)
    actor: str = ""


class Pace(SQLModel, table=True):
    """When the next mail may leave under a rate: one row a sender."""

    __tablename__ = "pace"
    scope: str = Field(primary_key=True)
    next_at: datetime = instant(nullable=False)
