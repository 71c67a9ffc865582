"""What an escalation playbook compiles into, besides its ops: whom it watches, and by what clock.

It is a part of the plan (`engine.playbook.plan`), whose op `climb` is the ladder of its levels.
"""

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

ACKNOWLEDGE = "1 business day"
"""How long an acknowledgement holds further levels back where the playbook does not say."""

Start: TypeAlias = Literal["entered", "assigned", "created", "last_activity"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Watch(_Part):
    """Which records are watched: in which stages, and under which condition."""

    pipeline: str = Field("", description="of deals: the pipeline; empty: any")
    stages: tuple[str, ...] = Field((), description="any of these; empty: any that is open")
    cond: str = Field("", description="and only while this holds")


class Escalation(_Part):
    """The clock of an escalation."""

    watch: Watch = Field(default_factory=Watch)
    starts: Start = Field("entered", description="what the first round counts from")
    resets_on: tuple[str, ...] = Field((), description="events that begin another round")
    acknowledge: str = Field(ACKNOWLEDGE, description="how long an acknowledgement holds levels")
    rounds: int = Field(0, description="so many rounds at most; 0: any number")
    backdate: bool = Field(False, description="what is there at first counts from its real start")
