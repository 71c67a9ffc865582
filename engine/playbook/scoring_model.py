"""A scoring playbook as it is written: frozen models, one field a key.

It owns what keys there are and what kind of value each takes; whether names exist is checked when
the playbook is compiled (`scoring_checks`).
"""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from engine.playbook.durations import DurationError, parse_duration
from engine.playbook.fields import Again, Expression, FieldName, Frozen, Name, Number, Text
from engine.playbook.model import Steps
from engine.playbook.scenarios import Scenario
from engine.playbook.written import flaw, number, text

_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:\.\.|…)\s*(-?\d+(?:\.\d+)?)\s*\Z")
_LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s+per\s+(.+)\Z", re.DOTALL)
MOST_POINTS = 1_000_000
"""Nobody gives more for one thing; sums of this size stay exact."""


def whole_range(value: object) -> str:
    """`0..100`."""
    found = text(value).strip()
    parts = _RANGE.match(found)
    if parts is None:
        raise flaw("bad-range", f"'{found}' is no range", "write it like `0..100`")
    if float(parts[1]) >= float(parts[2]):
        hint = f"the lower end stands first: `{parts[2]}..{parts[1]}`"
        raise flaw("bad-range", f"'{found}' has nothing in it", hint)
    return f"{parts[1]}..{parts[2]}"


def exact_duration(value: object) -> str:
    """A length of time that is the same for everybody: no months, no business hours."""
    found = text(value).strip()
    try:
        length = parse_duration(found)
    except DurationError as error:
        raise flaw("bad-duration", error.message, error.help) from None
    if length.is_zero:
        raise flaw("bad-duration", f"'{found}' is no time at all", "write it like `30 days`")
    if length.is_business:
        hint = "points fade by night and on holidays as well: write `30 days`"
        raise flaw("bad-duration", f"'{found}' counts business time", hint)
    return found


def limit(value: object) -> str:
    """`15 per 7 days`."""
    found = text(value).strip()
    parts = _LIMIT.match(found)
    if parts is None or float(parts[1]) == 0:
        hint = "write the points and the time: `15 per 7 days`"
        raise flaw("bad-limit", f"'{found}' is no limit of points", hint)
    per = parts[2] if parts[2][0].isdigit() else f"1 {parts[2]}"
    return f"{parts[1]} per {exact_duration(per)}"


def worth(value: object) -> float:
    """Points of a rule; they may be negative, and are never none."""
    found = number(value)
    if not found:
        raise flaw("bad-points", "a rule of no points does nothing", "leave it out")
    if abs(found) > MOST_POINTS:
        raise flaw("bad-points", f"'{found}' are too many points", f"write {MOST_POINTS} at most")
    return found


_NUMBER = WithJsonSchema({"type": "number"})
_LENGTH = WithJsonSchema({"type": "string", "examples": ["30 days"]})
Range = Annotated[
    str,
    BeforeValidator(whole_range),
    WithJsonSchema({"type": "string", "examples": ["0..100"]}),
]
ExactLength = Annotated[str, BeforeValidator(exact_duration), _LENGTH]
Limit = Annotated[
    str, BeforeValidator(limit), WithJsonSchema({"type": "string", "examples": ["15 per 7 days"]})
]
Worth = Annotated[int | float, BeforeValidator(worth), _NUMBER]


class Fit(Frozen):
    """One item of `fit`: points for as long as the condition holds of the lead."""

    cond: Expression = Field("", alias="if", description="what must hold of the lead")
    points: Worth = Field(description="points to add; negative ones are taken")
    note: Text = Field("", description="the reason that people are shown")

    @model_validator(mode="after")
    def _has_condition(self) -> "Fit":
        if not self.cond:
            message = "a rule of fit needs an 'if'"
            raise flaw("missing-key", message, "write `- if: CONDITION` with its `points:`")
        return self


class Behavior(Frozen):
    """One item of `behavior`: points for each such event."""

    event: Name = Field(description="an event, built in or declared")
    cond: Expression = Field("", alias="if", description="and only if this holds")
    points: Worth = Field(description="points to add; negative ones are taken")
    at_most: Limit = Field("", description="points it gives at most in a period")
    note: Text = Field("", description="the reason that people are shown")


class Fading(Frozen):
    """`decay:` – how behavior points fade: by half-life, or some at a time while idle."""

    half_life: ExactLength = Field("", description="after this time, half of the points are left")
    points: Number = Field(0, description="points taken when nothing happened: negative")
    every: ExactLength = Field("", description="and taken again so often")
    idle: ExactLength = Field("", description="how long nothing happened before the first time")

    @model_validator(mode="after")
    def _one_way(self) -> "Fading":
        by_points = bool(self.points or self.every or self.idle)
        example = "write `{half_life: 30 days}`, or `{points: -5, every: 7 days, idle: 14 days}`"
        if self.half_life and by_points:
            raise flaw("bad-decay", "points fade in one way, not in two", example)
        if not self.half_life and not (self.points and self.every and self.idle):
            raise flaw("bad-decay", "nothing says how the points fade", example)
        if self.points > 0:
            hint = f"write `points: -{self.points:g}`"
            raise flaw("bad-decay", "idle leads lose points", hint, at="points")
        return self


class Threshold(Frozen):
    """One item of `thresholds`: a playbook of its own, for whoever reaches the level."""

    name: Name = Field(description="its name, within this playbook")
    at: Number = Field(description="the total that must be reached, upward")
    cond: Expression = Field("", alias="if", description="and this must hold as well")
    again: Again = Field(
        "always", description="`always` (after each fall below it), `never`, or `after 30 days`"
    )
    steps: Steps = Field(description="what happens, in order")


class ScoringPlaybook(Frozen):
    """A scoring playbook: what leads get points for, and what happens at which total."""

    playbook: Name = Field(description="its name, which is the file's")
    kind: Literal["scoring"] = Field(description="what sort of playbook it is")
    title: Text = Field("", description="its name for people")
    note: Text = Field("", description="for the next reader")
    score: FieldName = Field("score", description="the score that it keeps: `lead.score`")
    range: Range = Field("", description="the total is read within it")
    fit: tuple[Fit, ...] = Field((), strict=False, description="who the lead is")
    behavior: tuple[Behavior, ...] = Field((), strict=False, description="what the lead does")
    decay: Fading | None = Field(None, description="how behavior points fade")
    grades: dict[str, Number] = Field(
        default_factory=dict, description="grade → the least total that has it"
    )
    thresholds: tuple[Threshold, ...] = Field(
        (), strict=False, description="what happens at which total"
    )
    scenarios: tuple[Scenario, ...] = Field((), strict=False, description="its tests")

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The ends of the range; None: there is none."""
        low, dots, high = self.range.partition("..")
        return (float(low), float(high)) if dots else (None, None)


def threshold_name(playbook: str, threshold: str) -> str:
    """What the playbook of a threshold's steps is called."""
    return f"{playbook}.{threshold}"
