"""The documents of the API: what is taken and what is given, strictly typed.

`/openapi.json` is made from these models, so a description here is the reference's.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    WithJsonSchema,
    model_validator,
)

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def instant(value: object) -> datetime:
    """A time of ISO 8601 with its offset; one without an offset means nothing to anybody else."""
    if not isinstance(value, str):
        raise ValueError("it must be a text such as '2026-11-21T09:00:00+08:00'")
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise ValueError("it has no offset: write it like '2026-11-21T09:00:00+08:00'")
        found = found.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is out of range") from None
    except ValueError as error:
        told = str(error) if "offset" in str(error) else "it is no ISO 8601 time"
        raise ValueError(f"{told}") from None
    if found < EARLIEST:
        raise ValueError("it is before 1970")
    return found


Instant = Annotated[
    datetime,
    BeforeValidator(instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Id = Annotated[str, Field(min_length=1, max_length=200)]


class Document(BaseModel):
    """Nothing unknown, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EventDocument(Document):
    """Something that a lead did."""

    name: str = Field(
        min_length=1, max_length=200, description="the event's name", examples=["form.submitted"]
    )
    lead: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="who: `email` or `id`, and fields of the lead to write; left out with a deal: "
        "its primary contact",
        examples=[{"email": "ann@example.com"}],
    )
    id: Id | None = Field(
        None, description="the sender's own id: the same id twice is one event", examples=["f-1017"]
    )
    deal: Id | None = Field(None, description="the deal's id, when the event is about one")
    at: Instant | None = Field(None, description="when it happened, with offset; left out: now")
    properties: dict[str, JsonValue] = Field(
        default_factory=dict, description="what else is known", examples=[{"form": "trial"}]
    )


class RejectedEvent(Document):
    """An event that was not accepted."""

    index: int = Field(description="its place in what was sent, from 0")
    error: str = Field(description="what is wrong with it")


class EventsAnswer(Document):
    """What became of a batch of events: accepted means committed."""

    accepted: int
    duplicates: int = Field(description="events whose id was known already")
    rejected: list[RejectedEvent]


class ConsentDocument(Document):
    """Something that a lead was asked, agreed to or took back."""

    lead: dict[str, JsonValue] = Field(
        description="who: `email` or `id`, and fields of the lead to write",
        examples=[{"email": "ann@example.com"}],
    )
    state: str = Field(
        description="`asked`, `given`, `confirmed` (from the lead's own mailbox) or `withdrawn`",
        examples=["given"],
    )
    purpose: str = Field("marketing", description="`marketing` or `open_tracking`")
    topic: str = Field("", description="the only topic that it is about; left out: every one")
    id: Id | None = Field(None, description="the sender's own id: the same id twice is once")
    at: Instant | None = Field(None, description="when it was said, with offset; left out: now")
    source: str = Field(
        "", max_length=400, description="where it was said", examples=["form newsletter"]
    )
    text_version: str = Field("", max_length=400, description="which version of the text was shown")
    text: str = Field(
        "", max_length=10_000, description="the text itself; its SHA-256 alone is kept"
    )
    ip: str = Field("", max_length=64, description="the address that the answer came from")
    user_agent: str = Field("", max_length=1_000, description="what the client said that it is")


class ConsentAnswer(Document):
    """What became of it."""

    recorded: bool = Field(description="false: it was on record already")


class ConsentLine(Document):
    """A line of the ledger."""

    id: str
    lead: str
    email: str
    purpose: str
    topic: str
    state: str
    source: str
    text_version: str
    text_hash: str
    ip: str
    agent: str
    actor: str
    at: Instant
    recorded_at: Instant


class ConsentsAnswer(Document):
    """How a lead's consents stand."""

    lead: str
    email: str | None
    consent: str | None = Field(description="to marketing")
    open_consent: str | None = Field(description="to our seeing openings")
    withheld: str = Field(description="why marketing is held back; empty: it is not")
    ledger: list[ConsentLine]


class LeadDocument(BaseModel):
    """Fields of a lead, the workspace's own among them, here or under `fields`."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    fields: dict[str, JsonValue] = Field(
        default_factory=dict, description="the workspace's own fields"
    )
    reason: str = Field(
        "", max_length=500, description="why; a lead goes back to an earlier stage only with one"
    )
    force: bool = Field(False, description="back, too, where the lead's stage does not say so")

    def values(self) -> dict[str, JsonValue]:
        """Every field by name."""
        return {**(self.model_extra or {}), **self.fields}


class LeadAnswer(BaseModel):
    """A lead."""

    model_config = ConfigDict(extra="allow")

    id: str
    email: str | None
    stage: str
    score: float
    scores: dict[str, JsonValue]
    grade: str | None
    owner: str | None
    tags: list[str]
    fields: dict[str, JsonValue]
    company_id: str | None = Field(None, description="the company that it belongs to")
    suppressed: bool = Field(description="whether no marketing goes to it")


class MergeDocument(Document):
    """Which lead is merged into the one of the path."""

    other: Id = Field(description="its address or id", examples=["old@example.com"])
    take: list[str] = Field(
        default_factory=list, description="fields whose values come from the other lead"
    )
    reason: str = Field("", max_length=500, description="why; it is kept")


class MergedAnswer(BaseModel):
    """What came of a merge."""

    survivor: str
    merged: str
    fields: dict[str, JsonValue] = Field(description="what changed: name → before and after")
    ended: list[dict[str, JsonValue]] = Field(description="enrollments that ended")
    moved: dict[str, int] = Field(description="rows that went over, by table")


class EraseDocument(Document):
    """Why a lead is erased."""

    reason: str = Field("", max_length=500, description="it is kept: leave the name out")


class ErasedAnswer(BaseModel):
    """How an erasure stands."""

    erasure: str = Field(description="the id of what stands for the lead in sums")
    done: bool
    waits_for_messages: int = Field(description="in flight this moment")
    ended: int = Field(description="enrollments that ended")
    deals: list[str] = Field(description="deals that the lead was the contact of")
    rows: dict[str, int] = Field(description="rows that were emptied or removed, by table")


class ExportAnswer(BaseModel):
    """Everything that is held about a lead: a list for each kind of record."""

    model_config = ConfigDict(extra="allow")

    workspace: str
    exported_at: str
    lead: LeadAnswer


class DuplicatesAnswer(BaseModel):
    """A page of pairs of leads that may be one person."""

    duplicates: list[dict[str, JsonValue]]
    next: str | None


class LifecycleAnswer(BaseModel):
    """The stages of the lifecycle, in order."""

    stages: list[dict[str, JsonValue]]


class DealDocument(BaseModel):
    """Fields of a deal, the workspace's own among them, here or under `fields`."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    lead: str | dict[str, JsonValue] | None = Field(
        None,
        description="the primary contact: an address, an id, or `email` and fields of the lead",
        examples=["ann@example.com"],
    )
    stage: str | None = Field(
        None, description="`proposal`, or `b2b.proposal`", examples=["b2b.proposal"]
    )
    force: bool = Field(
        False, description="moves backward too, out of a closed stage, to another pipeline"
    )
    fields: dict[str, JsonValue] = Field(
        default_factory=dict, description="the workspace's own fields"
    )

    def values(self) -> dict[str, JsonValue]:
        """Every field that was given, by name."""
        named = {name: getattr(self, name) for name in ("lead", "stage")}
        given = {name: one for name, one in named.items() if name in self.model_fields_set}
        return {**(self.model_extra or {}), **given, **self.fields}


class DealAnswer(BaseModel):
    """A deal."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    lead: str = Field(description="the primary contact's address, or its id without one")
    pipeline: str
    stage: str
    amount: float | None
    currency: str | None
    owner: str | None
    tags: list[str]
    stage_entered_at: datetime
    closed: str = Field(description="`won`, `lost`, or empty while it is open")
    fields: dict[str, JsonValue]


class DealsAnswer(BaseModel):
    """A page of deals, in the order of their ids."""

    deals: list[DealAnswer]
    next: str | None = Field(description="ask again with `after` set to this; null: no more")


class EnrollDocument(Document):
    """Whom to enroll in which playbook: leads, or deals."""

    playbook: Id = Field(description="the playbook's name", examples=["trial-nurture"])
    leads: list[Id] = Field(
        default_factory=list, max_length=5_000, description="addresses or ids",
        examples=[["ann@example.com"]],
    )  # fmt: skip
    deals: list[Id] = Field(
        default_factory=list, max_length=5_000, description="or the ids of deals"
    )
    key: str | None = Field(None, max_length=200, description="one enrollment per lead and key")
    data: dict[str, JsonValue] = Field(
        default_factory=dict, description="what `event` is in the playbook"
    )

    @model_validator(mode="after")
    def _somebody(self) -> "EnrollDocument":
        if bool(self.leads) == bool(self.deals):
            raise ValueError("name 'leads', or 'deals'")
        return self


class EnrolledAnswer(Document):
    """How many entered, and why the others did not."""

    enrolled: int
    skipped: dict[str, int] = Field(description="reason to count")


class EnrollmentAnswer(BaseModel):
    """One lead's passage through one playbook."""

    id: str
    playbook: str
    digest: str
    lead: str
    deal: str | None
    key: str
    state: str
    step: str
    until: datetime | None
    entered_at: datetime
    ended_at: datetime | None
    outcome: str
    reason: str


class EnrollmentsAnswer(BaseModel):
    """A page of enrollments, newest first."""

    enrollments: list[EnrollmentAnswer]
    next: str | None = Field(description="ask again with `before` set to this; null: no more")


class ControlledAnswer(Document):
    """What was done to an enrollment."""

    id: str
    before: str = Field(description="its state before")
    after: str = Field(description="its state now")


class ProblemAnswer(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    help: str | None = Field(None, description="the next move")
