"""The documents of the API about companies and pools: what is taken and what is given."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from web.documents import Document, Id


class CompanyDocument(BaseModel):
    """Fields of a company, the workspace's own among them, here or under `fields`."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    fields: dict[str, JsonValue] = Field(
        default_factory=dict, description="the workspace's own fields"
    )
    reason: str = Field("", max_length=500, description="why; it is kept")

    def values(self) -> dict[str, JsonValue]:
        """Every field by name."""
        return {**(self.model_extra or {}), **self.fields}


class CompanyAnswer(BaseModel):
    """A company."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    domain: str | None
    domains: list[str] = Field(description="every domain that its leads are known by")
    owner: str | None = Field(description="whose account it is")
    leads: int
    deals: int
    open_deals: int
    open_amounts: dict[str, float] = Field(description="what its open deals are worth, by currency")
    created_at: datetime
    fields: dict[str, JsonValue]


class CompaniesAnswer(BaseModel):
    """A page of companies, in the order they became known."""

    companies: list[CompanyAnswer]
    next: str | None = Field(description="ask again with `after` set to this; null: no more")


class CompanyLeadsAnswer(BaseModel):
    """A page of the leads of a company."""

    leads: list[dict[str, JsonValue]]
    next: str | None = Field(description="ask again with `after` set to this; null: no more")


class MergeCompanyDocument(Document):
    """Which company is merged into the one of the path."""

    other: Id = Field(description="its id, domain or name", examples=["acme-labs.example"])
    reason: str = Field("", max_length=500, description="why; it is kept")


class MergedCompanyAnswer(BaseModel):
    """What came of merging two companies."""

    survivor: str
    merged: str
    fields: dict[str, JsonValue] = Field(description="what changed: name → before and after")
    moved: dict[str, int] = Field(description="rows that went over, by table")


class CompanyPairsAnswer(BaseModel):
    """Pairs of companies that may be one."""

    duplicates: list[dict[str, JsonValue]]
    next: str | None = Field(description="ask again with `after` set to this; null: no more")


class PoolAnswer(BaseModel):
    """A pool of the workspace."""

    pool: str
    members: list[str] = Field(description="owners who may claim")
    claims: str | None = Field(description="how many one may claim, such as `5 per day`")
    holds: int | None = Field(description="how many from it one may hold")
    waiting: int = Field(description="how many leads and deals lie in it")


class PoolsAnswer(BaseModel):
    """Every pool."""

    pools: list[PoolAnswer]


class PooledAnswer(BaseModel):
    """A lead, or a deal, that lies in a pool."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="of the lead, or of the deal")
    record: Literal["lead", "deal"]
    lead: str = Field(description="the address, or the id of one without; of a deal its contact's")
    name: str | None
    company: str | None
    pool: str
    since: datetime
    former: str | None = Field(description="who had it before")
    not_former_until: datetime | None = Field(description="until when that one may not claim it")
    why_not: str = Field("", description="why `owner` of the query may not claim it; empty: may")


class PoolPageAnswer(BaseModel):
    """A page of what lies in a pool, whoever waits longest first."""

    records: list[PooledAnswer]
    next: str | None = Field(description="ask again with `after` set to this; null: no more")


class ClaimDocument(Document):
    """Who claims what."""

    id: Id = Field(description="a lead's address or id, or a deal's id")
    owner: Id = Field(description="who takes it", examples=["li.wei"])
    record: Literal["", "lead", "deal"] = Field(
        "", description="which of the two the id names; left out: whichever lies in a pool"
    )


class ClaimedAnswer(BaseModel):
    """What somebody has claimed."""

    model_config = ConfigDict(extra="allow")

    id: str
    record: Literal["lead", "deal"]
    lead: str
    pool: str
    owner: str
