"""What `/v1/inbox` and `/v1/notices` take and answer."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from web.documents import Document

Verb = Literal["done", "acknowledge", "snooze", "approve", "reject", "reassign", "retry", "skip"]


class ActLine(BaseModel):
    """Something that somebody did with an entry of the inbox."""

    at: datetime
    did: str
    by: str
    way: str = Field(description="cli, api, page, message; empty: not kept")
    detail: str = Field(description="the new owner; a reason")
    until_at: datetime | None


class EntryAnswer(BaseModel):
    """An entry of the inbox."""

    id: str
    kind: str = Field(description="escalation, approval, task, notice or stopped")
    subject: str
    owner: str | None
    level: int | None
    due_at: datetime | None
    state: str
    text: str
    lead: str
    deal: str | None
    deal_name: str | None
    amount: float | None = Field(description="what is at stake: the open deal's")
    currency: str | None
    enrollment: str | None
    priority: str
    snoozed_until: datetime | None
    result: str
    ended_by: str
    created_at: datetime
    acts: list[ActLine] = Field(description="who did what when, the latest first")


class InboxAnswer(BaseModel):
    """A page of the inbox, what is at stake first."""

    entries: list[EntryAnswer]
    next: str | None = Field(description="ask again with `after` set to this; null: no more")


class AnswerDocument(Document):
    """An answer to an entry of the inbox."""

    by: str = Field("", max_length=200, description="who answers; left out: api")
    result: str = Field("", max_length=10_000, description="of done: what came of it")
    until: datetime | None = Field(None, description="of snooze; left out: tomorrow at nine")
    to: str = Field("", max_length=200, description="of reassign: the new owner")


class AnswersDocument(AnswerDocument):
    """One answer to many entries."""

    verb: Verb
    ids: list[str] = Field(min_length=1, max_length=500)


class FailedLine(BaseModel):
    """An entry that did not take the answer."""

    id: str
    error: str


class AnsweredAnswer(BaseModel):
    """What a bulk came to."""

    done: list[str]
    failed: list[FailedLine]


class NoticeAnswer(BaseModel):
    """Something that one of your own people, or a room, was told or will be."""

    id: str
    owner: str | None
    channel: str
    to: str | None
    text: str | None
    playbook: str
    step: str
    lead: str
    enrollment: str
    state: str = Field(description="waiting, told, failed or left out")
    in_inbox: bool = Field(description="nobody took it, so that it was put into the inbox")
    created_at: datetime
    at: datetime | None
    attempts: int
    reason: str
    message: str = Field(description="the message that carries it; several may share one")


class NoticesAnswer(BaseModel):
    """A page of notices, newest first."""

    notices: list[NoticeAnswer]
    next: str | None = Field(description="ask again with `before` set to this; null: no more")
