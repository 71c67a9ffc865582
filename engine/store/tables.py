"""The tables. Rows are the truth of the runtime (runtime.md); this module holds no queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from engine.store.columns import JsonDocument, instant, json_document, only_where

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

OPEN = "ended_at IS NULL"
HAS_DEAL = "deal IS NOT NULL"


class Published(SQLModel, table=True):
    """The workspace as last applied: one row, `id` 1. `revision`: of every publication."""

    __tablename__ = "published"
    id: int = Field(default=1, primary_key=True)
    digest: str
    revision: str = ""
    workspace: dict[str, Any] = json_document(dict)
    applied_at: datetime = instant(nullable=False)


class PlaybookRow(SQLModel, table=True):
    """A playbook's current version; earlier ones live on in `plan`."""

    __tablename__ = "playbook"
    name: str = Field(primary_key=True)
    digest: str
    kind: str
    title: str = ""
    retired: bool = False
    applied_at: datetime = instant(nullable=False)


class PlanRow(SQLModel, table=True):
    """A compiled plan. Never changed; never deleted while an enrollment names it."""

    __tablename__ = "plan"
    digest: str = Field(primary_key=True)
    playbook: str = Field(index=True)
    format: int
    body: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = instant(nullable=False)


class TemplateRow(SQLModel, table=True):
    """The text of a template file, by digest, so that a plan can pin it."""

    __tablename__ = "template"
    digest: str = Field(primary_key=True)
    name: str
    body: str = Field(sa_column=Column(Text, nullable=False))


class Lead(SQLModel, table=True):
    """A person we track. `fields` holds the workspace's custom fields.

    `scores` holds a standing for each score (`engine.runtime.scoring`), `score` and `grade` what
    was read of `lead.score` then. Where it fades, SQL reads it out of the columns `score_…`.
    """

    __tablename__ = "lead"
    __table_args__ = (
        Index("ix_lead_stage_id", "stage", "id"),
        Index("ix_lead_owner_id", "owner", "id"),
        Index("ix_lead_company", "company", **only_where("company IS NOT NULL")),
        Index("ix_lead_company_id", "company_id", "id", **only_where("company_id IS NOT NULL")),
        Index("ix_lead_created_at_id", "created_at", "id"),
        Index("ix_lead_timezone_id", "timezone", "id"),
        Index("ix_lead_score_look", "score_look_at", **only_where("score_look_at IS NOT NULL")),
    )
    id: str = Field(primary_key=True)
    email: str | None = None
    email_key: str | None = Field(default=None, unique=True)
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    company: str | None = None
    company_id: str | None = None
    title: str | None = None
    country: str | None = None
    city: str | None = None
    language: str | None = None
    timezone: str | None = None
    source: str | None = None
    birthday: str | None = None
    consent: str | None = None
    open_consent: str | None = None
    stage: str
    score: float = 0
    grade: str | None = None
    scores: dict[str, Any] = json_document(dict)
    score_fit: float | None = None
    score_behavior: float | None = None
    score_at: int | None = Field(default=None, sa_column=Column(BigInteger))
    score_half_life: float | None = None
    score_low: float | None = None
    score_high: float | None = None
    score_look_at: datetime | None = instant()
    owner: str | None = None
    tags: list[str] = json_document(list)
    fields: dict[str, Any] = json_document(dict)
    orders: int = 0
    revenue: float = 0
    version: int = 0
    created_at: datetime = instant(nullable=False)
    stage_entered_at: datetime = instant(nullable=False)
    last_seen_at: datetime | None = instant()
    last_activity_at: datetime | None = instant()
    last_contacted_at: datetime | None = instant()
    last_sent_at: datetime | None = instant()
    last_opened_at: datetime | None = instant()
    last_clicked_at: datetime | None = instant()


class Change(SQLModel, table=True):
    """A change of a lead's field: who, why, from what, to what. Append only."""

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_lead_at", "lead", "at"),
        Index("ix_change_moves", "lead", "at", **only_where("field = 'stage'")),
    )
    id: str = Field(primary_key=True)
    lead: str
    at: datetime = instant(nullable=False)
    field: str
    before: Any = Field(default=None, sa_column=Column(JsonDocument))
    after: Any = Field(default=None, sa_column=Column(JsonDocument))
    actor: str
    reason: str = ""


class Event(SQLModel, table=True):
    """Something a lead did or had happen. Immutable; the id is the client's."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_lead_name_at", "lead", "name", "at"),
        Index("ix_event_deal_at", "deal", "at", **only_where(HAS_DEAL)),
    )
    id: str = Field(primary_key=True)
    name: str
    lead: str
    deal: str | None = None
    at: datetime = instant(nullable=False)
    accepted_at: datetime = instant(nullable=False)
    properties: dict[str, Any] = json_document(dict)


class Cohort(SQLModel, table=True):
    """The open enrollments of one plan version, lane and shard; the id is its driver's too."""

    __tablename__ = "cohort"
    id: str = Field(primary_key=True)
    playbook: str = Field(index=True)
    digest: str
    lane: str
    shard: int = 0


class Enrollment(SQLModel, table=True):
    """One record's passage through one playbook: where it stands, and what wakes it.

    `record` is what the playbook is for: the lead, or a deal, whose primary contact `lead` then is.
    `deal` is the deal that the run knows: the record itself, or the one that it has opened.
    """

    __tablename__ = "enrollment"
    __table_args__ = (
        Index("ix_enrollment_due", "cohort", "wake_at", **only_where(OPEN)),
        Index(
            "uq_enrollment_open",
            "playbook",
            "record",
            "key",
            unique=True,
            **only_where(OPEN),
        ),
        UniqueConstraint("playbook", "record", "cause"),
        Index("ix_enrollment_lead", "lead"),
        Index("ix_enrollment_deal", "deal", **only_where(HAS_DEAL)),
        Index("ix_enrollment_playbook_state", "playbook", "state", "id"),
    )
    id: str = Field(primary_key=True)
    playbook: str
    digest: str
    cohort: str
    record: str
    lead: str
    deal: str | None = None
    key: str = ""
    cause: str
    event: str | None = None
    seq: int = 0
    pc: int = 0
    state: str
    blocked_on: str = ""
    wake_at: datetime | None = instant()
    until_at: datetime | None = instant()
    anchor_at: datetime = instant(nullable=False)
    listen_seq: int = 0
    held_at: datetime | None = instant()
    memory: dict[str, Any] = json_document(dict)
    entered_at: datetime = instant(nullable=False)
    ended_at: datetime | None = instant()
    outcome: str = ""
    goal: bool = False
    goal_value: float | None = None
    reason: str = ""


class StepLog(SQLModel, table=True):
    """What an enrollment did at each seq, and why. A duplicate must raise."""

    __tablename__ = "step_log"
    enrollment: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    op: str
    step: str
    outcome: str
    why: str = ""
    at: datetime = instant(nullable=False)


class AwaitedEvent(SQLModel, table=True):
    """An event kept for an enrollment that may wait for it (runtime.md's `inbox`)."""

    __tablename__ = "awaited_event"
    enrollment: str = Field(primary_key=True)
    event: str = Field(primary_key=True)
    name: str
    source: str = ""
    properties: dict[str, Any] = json_document(dict)
    at: datetime = instant(nullable=False)
    at_seq: int
    consumed_seq: int | None = None
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class Suppression(SQLModel, table=True):
    """An address that must not be mailed: about everything (topic empty) or one topic.

    The reason is part of the key, so that lifting one leaves the others in force.
    """

    __tablename__ = "suppression"
    email_key: str = Field(primary_key=True)
    topic: str = Field(default="", primary_key=True)
    reason: str = Field(primary_key=True)
    source: str = ""
    at: datetime = instant(nullable=False)


class Assignment(SQLModel, table=True):
    """An owner given to a lead, or to a deal of it: by which rule, and why."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index("ix_assignment_owner_at", "owner", "at"),
        Index("ix_assignment_lead_at", "lead", "at"),
        Index("ix_assignment_deal_at", "deal", "at", **only_where(HAS_DEAL)),
    )
    id: str = Field(primary_key=True)
    lead: str
    deal: str | None = None
    rule: str
    owner: str
    former: str | None = None
    why: str
    actor: str
    at: datetime = instant(nullable=False)


class Turn(SQLModel, table=True):
    """When an owner last got a lead under a rule: what round robin looks at.

    `position` is where the owner stood then in the rule's turns (`engine.runtime.assignment`).
    """

    __tablename__ = "turn"
    rule: str = Field(primary_key=True)
    owner: str = Field(primary_key=True)
    position: float = 0
    at: datetime = instant(nullable=False)


class Task(SQLModel, table=True):
    """Something for a person to do; also a stopped enrollment that waits for a decision.

    `level` is the highest level of an escalation that has fired.
    """

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_open", "owner", "due_at", **only_where("state = 'open'")),
        Index("ix_task_enrollment", "enrollment"),
        Index("ix_task_lead", "lead"),
        Index("ix_task_deal", "deal", **only_where(HAS_DEAL)),
    )
    id: str = Field(primary_key=True)
    kind: str
    owner: str | None = None
    lead: str | None = None
    deal: str | None = None
    enrollment: str | None = None
    subject: str
    text: str = ""
    priority: str = ""
    level: int | None = None
    state: str
    due_at: datetime | None = instant()
    snoozed_until: datetime | None = instant()
    result: str = ""
    ended_by: str = ""
    created_at: datetime = instant(nullable=False)
    ended_at: datetime | None = instant()


class Heartbeat(SQLModel, table=True):
    """A process that is alive: what `doctor` and the sweeper's leap check look at."""

    __tablename__ = "heartbeat"
    process: str = Field(primary_key=True)
    kind: str
    at: datetime = instant(nullable=False)
    detail: str = ""
