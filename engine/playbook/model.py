"""A playbook as it is written: frozen models, one field a key. Steps are in `steps` and `actions`.

It owns what keys there are and what kind of value each takes; whether the names in them exist is
checked when the playbook is compiled.
"""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, SkipValidation, WithJsonSchema, model_validator

from engine.playbook.fields import (
    Again,
    CronText,
    Days,
    Expression,
    FieldName,
    Flag,
    Frozen,
    Hours,
    LengthOrMoment,
    Moment,
    Name,
    Number,
    Text,
    Timezone,
    Tracking,
)
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.reading import Reader, StepList
from engine.playbook.scenarios import Scenario
from engine.playbook.written import flaw

if TYPE_CHECKING:
    from engine.playbook.step import Step

    Steps = tuple[Step, ...]
else:
    Steps = Annotated[Any, SkipValidation, StepList(), WithJsonSchema({"x-list-of": "steps"})]

TriggerKind = Literal["event", "stage", "score", "segment", "cron", "date", "at", "manual"]
TRIGGERS: tuple[TriggerKind, ...] = get_args(TriggerKind)
_LEVEL = re.compile(r">=\s*(-?\d+(?:\.\d+)?)\Z")


class When(Frozen):
    """One item of `enroll.when`: what brings a record in. It has one of the trigger keys."""

    event: Name = Field("", description="an event, built in or declared")
    stage: Name = Field("", description="the record enters this stage")
    score: Text = Field("", description="the score crosses a level upward: `'>= 40'`")
    name: FieldName = Field("score", description="which score; left out: `score`")
    segment: Expression = Field(
        "", description="a condition that becomes true, or a segment's name"
    )
    cron: CronText = Field("", description="a batch of every record for which `if` then holds")
    date: Moment = Field("", description="each record at its own moment: `2 days before lead.x`")
    at: Moment = Field("", description="once, every record for which `if` holds")
    manual: Flag = Field(False, description="by hand, the API, or another playbook")
    cond: Expression = Field("", alias="if", description="and only if this holds")
    timezone: Timezone = Field("", description="`lead` or a zone; left out: the workspace's")
    every: Literal["", "year"] = Field("", description="`year`: on the date's anniversaries")

    @classmethod
    def arrange(cls, node: Node, reader: Reader) -> Node:
        """`- manual` stands alone, without a colon."""
        if isinstance(node, ScalarNode) and node.text == "manual":
            yes = ScalarNode(node.span, "true")
            return MapNode(node.span, {"manual": node}, {"manual": yes})
        return node

    @property
    def kind(self) -> TriggerKind:
        """Which of the trigger keys was written."""
        return next(kind for kind in TRIGGERS if getattr(self, kind))

    @property
    def level(self) -> float:
        """The level of a score trigger."""
        found = _LEVEL.match(self.score)
        return float(found[1]) if found else 0.0

    @model_validator(mode="after")
    def _one_trigger(self) -> "When":
        kinds = [kind for kind in TRIGGERS if getattr(self, kind)]
        if len(kinds) != 1:
            message = (
                f"one trigger, not {len(kinds)}: {' and '.join(kinds)}"
                if kinds
                else ("no trigger here")
            )
            raise flaw("bad-trigger", message, f"each item has one of: {', '.join(TRIGGERS)}")
        if self.score and not _LEVEL.match(self.score):
            raise flaw(
                "bad-trigger",
                f"'{self.score}' is no level that a score crosses",
                'write it like `score: ">= 40"`',
                at="score",
            )
        if self.every and not self.date:
            raise flaw("bad-trigger", "'every' goes with 'date' only", "leave it out", at="every")
        if self.timezone and not (self.cron or self.at or self.date):
            message = f"'timezone' does not go with '{kinds[0]}'"
            raise flaw("bad-trigger", message, "leave it out", at="timezone")
        return self


class EnrollRule(Frozen):
    """`enroll:` – who comes in, how often, and under which key."""

    when: tuple[When, ...] = Field((), strict=False, description="any of these starts a run")
    cond: Expression = Field("", alias="if", description="must hold as well, at that moment")
    key: Expression = Field("", description="one open enrollment per record and key")
    again: Again = Field("never", description="`never`, `always`, or `after 90 days`")


class ExitRule(Frozen):
    """One item of `exit`: what ends a run before its last step."""

    event: Name = Field("", description="this event ends it")
    cond: Expression = Field("", alias="if", description="when this holds")
    goal: Name = Field("", description="the exit is a success of this name")
    value: Expression = Field("", description="what the success was worth")

    @model_validator(mode="after")
    def _something(self) -> "ExitRule":
        if not self.event and not self.cond:
            raise flaw("bad-exit", "an exit needs an 'event' or an 'if'",
                       "write `- event: order.placed`, or `- if: CONDITION`")  # fmt: skip
        if self.value and not self.goal:
            raise flaw("bad-exit", "'value' counts for a goal", "add `goal: NAME`", at="value")
        return self


class SendWindow(Frozen):
    """When mail may go."""

    days: Days = Field("", description="`mon-fri`")
    hours: Hours = Field("", description="`09:00-17:30`")
    timezone: Timezone = Field("", description="`lead` or a zone; left out: the workspace's")
    calendar: Name = Field("", description="its holidays are closed, its make-up days open")


class Track(Frozen):
    """What is looked at in a mail: each `true`, `false`, or `consent` (only with the lead's)."""

    opens: Tracking = Field("consent", description="opens, by a picture")
    clicks: Tracking = Field(True, description="clicks, by links of ours")


OverCap = Literal["defer", "skip"]


class SendDefaults(Frozen):
    """`send:` – defaults for every email step of the playbook."""

    topic: Name = Field("", description="what a lead can unsubscribe from")
    window: SendWindow | None = Field(None, description="when mail may go")
    over_cap: OverCap = Field("defer", description="over the cap: later, or not at all")
    expires: LengthOrMoment = Field("", description="not sent by then, it is left out")
    track: Track | None = Field(None, description="opens and clicks")
    via: Name = Field("", description="the mail account it leaves by; left out: the topic's")


class Playbook(Frozen):
    """A nurture playbook: its triggers, exits, defaults and steps."""

    playbook: Name = Field(description="its name, which is the file's")
    kind: Literal["nurture"] = Field("nurture", description="what sort of playbook it is")
    title: Text = Field("", description="its name for people")
    note: Text = Field("", description="for the next reader")
    cost: Number = Field(0, description="for its return on investment")
    record: Literal["lead", "deal"] = Field("lead", alias="for", description="`lead` or `deal`")
    calendar: Name = Field("", description="the calendar of business units")
    enroll: EnrollRule = Field(default_factory=EnrollRule, description="who comes in")
    exit: tuple[ExitRule, ...] = Field((), strict=False, description="what ends a run early")
    exit_on_unsubscribe: Flag = Field(True, description="an unsubscribed lead leaves")
    send: SendDefaults = Field(default_factory=SendDefaults, description="defaults for its mail")
    steps: Steps = Field(description="what happens, in order")
    scenarios: tuple[Scenario, ...] = Field((), strict=False, description="its tests")

    @property
    def by_hand_only(self) -> bool:
        """Whether nothing but a person, the API or another playbook starts it."""
        return all(item.kind == "manual" for item in self.enroll.when)
