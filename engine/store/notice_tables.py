"""The tables of what our own people are told, and of what they answered. No queries."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

import engine.store.tables  # noqa: F401 - names keys and indexes
from engine.store.columns import instant, only_where


class Notice(SQLModel, table=True):
    """Something that one of our own people, or a room, is told: at once, or together with more.

    Attributes:
        id: of (enrollment, seq), as a job's is: the same however often it is made.
        digest: the job that carries it: its own, of the same id, or one that it shares with all
            others of that moment.
        owner: who is told; nothing: a room, or nobody.
        channel: the room in which it is said; empty: by mail.
        task: what in the inbox it is about, where it tells of that alone.
        text: what it says; empty: its own job's template says it.
        due_at: when it is told.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_digest", "digest"),
        Index("ix_notice_lead", "lead", **only_where("lead IS NOT NULL")),
        Index("ix_notice_created", "created_at", "id"),
        Index("ix_notice_owner", "owner", "created_at", "id"),
    )
    id: str = Field(primary_key=True)
    digest: str
    owner: str | None = None
    channel: str = ""
    lead: str | None = None
    deal: str | None = None
    enrollment: str
    playbook: str
    step: str
    task: str | None = None
    text: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = instant(nullable=False)
    due_at: datetime = instant(nullable=False)


class TaskAct(SQLModel, table=True):
    """What somebody did with an entry of the inbox. Append only.

    Attributes:
        did: `done`, `snoozed`, `acknowledged`, `approved`, `rejected`, `reassigned`, `retried`,
            `skipped`.
        by: who: an owner, a user of the machine, or what acts for them.
        way: how: `cli`, `api`, `page`, or `message`.
        detail: the new owner.
        until_at: until when it is put off.
    """

    __tablename__ = "task_act"
    __table_args__ = (Index("ix_task_act_task", "task", "at"), Index("ix_task_act_at", "at", "id"))
    id: str = Field(primary_key=True)
    task: str
    at: datetime = instant(nullable=False)
    did: str
    by: str = ""
    way: str = ""
    detail: str = ""
    until_at: datetime | None = instant()
