"""What a scoring playbook compiles into: the rules and levels that the runtime scores by.

It is a part of the plan (`engine.playbook.plan`); each threshold's steps are a plan of their own.
"""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from engine.playbook.durations import parse_offset

PRIMARY = "score"
"""The score that `lead.score` and `lead.grade` are of."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FitRule(_Part):
    """Points that a lead has for as long as the condition holds."""

    cond: str
    points: float
    note: str = ""

    @property
    def reason(self) -> str:
        """Why the points are there."""
        return self.note or self.cond


class BehaviorRule(_Part):
    """Points that each such event adds."""

    event: str
    cond: str = ""
    points: float
    most: float | None = Field(None, description="points it gives at most in the period `per`")
    per: str = Field("", description="a length of time, exact")
    note: str = ""

    @property
    def name(self) -> str:
        """What the ledger knows it by: it outlives other points and another limit."""
        return f"{self.event} if {self.cond}" if self.cond else self.event

    @property
    def reason(self) -> str:
        """Why the points are there."""
        return self.note or self.name


class Decay(_Part):
    """How behavior points fade: by half in each `half_life`, or `points` at a time when idle."""

    half_life: str = ""
    points: float = 0
    every: str = ""
    idle: str = ""


class Grade(_Part):
    """A grade, and the least total that has it."""

    name: str
    least: float


class Level(_Part):
    """A threshold: its name, its level, the playbook of its steps, and what must hold as well."""

    name: str
    playbook: str
    at: float
    cond: str = ""


class Scoring(_Part):
    """Everything a score is worked out by."""

    score: str = PRIMARY
    low: float | None = Field(None, description="the total is never read below")
    high: float | None = Field(None, description="the total is never read above")
    fit: tuple[FitRule, ...] = ()
    behavior: tuple[BehaviorRule, ...] = ()
    decay: Decay = Field(default_factory=Decay)
    grades: tuple[Grade, ...] = Field((), description="the highest first")
    thresholds: tuple[Level, ...] = ()

    @property
    def events(self) -> frozenset[str]:
        """The events that give points."""
        return frozenset(rule.event for rule in self.behavior)

    @property
    def levels(self) -> tuple[float, ...]:
        """The totals at which a grade or a threshold begins, ascending."""
        found = {one.least for one in self.grades} | {one.at for one in self.thresholds}
        return tuple(sorted(found))


def exact_length(text: str) -> timedelta:
    """A length of time of a scoring playbook; a day is 24 hours, a week seven of them."""
    return parse_offset(text).rough


def grade_of(grades: Sequence[Grade], total: float) -> str | None:
    """The grade of a total; None below all of them."""
    return next((one.name for one in grades if total >= one.least), None)
