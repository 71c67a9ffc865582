"""Scenarios as they are written: a record, what happens to it, and what must follow.

They stand beside the playbook in its file and are no part of its plan. How one is played is not
known here; `rehearsal` does that.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from engine.playbook import written
from engine.playbook.durations import parse_duration
from engine.playbook.fields import Flag, Frozen, Name, Number, Text, Tree
from engine.playbook.moments import CivilMoment, MomentError, parse_moment
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.reading import Reader
from engine.playbook.written import flaw

HAPPENINGS = (
    "email", "stage", "owner", "task", "tag", "untag", "score", "notify", "level", "outcome",
    "step",
)  # fmt: skip
"""What a line of `expect` may be about."""


def civil_moment(text: str) -> CivilMoment:
    """A date, with or without a clock time.

    Raises:
        MomentError: it is none.
    """
    found = parse_moment(text)
    if not isinstance(found, CivilMoment):
        help = "a scenario has a date, like '2026-03-02 09:30'"
        raise MomentError(f"'{text}' is another time every time", help=help)
    return found


Civil: TypeAlias = Annotated[
    str,
    BeforeValidator(written.parsed(civil_moment, "bad-time")),
    WithJsonSchema({"type": "string", "examples": ["2026-03-02 09:30"]}),
]


Since: TypeAlias = Annotated[
    str,
    BeforeValidator(written.parsed(parse_duration, "bad-duration")),
    WithJsonSchema({"type": "string", "examples": ["2 days", "0 minutes"]}),
]


class ScenarioEvent(Frozen):
    """Something that happens to the record."""

    event: Name = Field(description="the event, built in or declared")
    after: Since = Field("", description="how long after the start; `0 minutes` is at once")
    at: Civil = Field("", description="or when, in the workspace's zone; neither: it is the start")
    from_: Name = Field(
        "", alias="from", description="the step whose mail it is on; left out: the last mail"
    )
    properties: dict[str, Tree] = Field(default_factory=dict, description="what it carries")
    lead: dict[str, Tree] = Field(
        default_factory=dict, description="fields of the lead that it brings along"
    )

    @model_validator(mode="after")
    def _one_time(self) -> "ScenarioEvent":
        if self.after and self.at:
            raise flaw("bad-time", "'after' and 'at' are two times", "keep one of them", at="at")
        return self


class Happening(Frozen):
    """One thing that happens in a run, and when."""

    email: Name = Field(
        "", description="a mail is accepted: the step's id, or a template used once"
    )
    stage: Name = Field("", description="the record enters this stage")
    owner: Name = Field("", description="the record is given to this owner")
    task: Text = Field("", description="a task is made whose text has these words")
    tag: Text = Field("", description="this tag is put on")
    untag: Text = Field("", description="this tag is taken off")
    score: Number | None = Field(None, description="the score becomes this")
    notify: Name = Field("", description="this person or channel is told; or `inbox`")
    level: Text = Field("", description="this level of an escalation fires: `2`")
    outcome: Name = Field(
        "",
        description="the run ends so; or `not-enrolled`, or stands at its end `stopped`, `waiting`",
    )
    step: Name = Field("", description="this step is passed; the id alone means the same")
    result: Text = Field("", description="and with this result: `skipped`, `timed out`, `yes`")
    at: Civil = Field("", description="and at this minute, in the workspace's zone")
    after: Since = Field("", description="and so long after the start, to the minute")

    @property
    def kind(self) -> str:
        """Which of the happenings it is; empty: none."""
        return next(iter(self._kinds()), "")

    @property
    def wanted(self) -> str:
        """What stands behind the happening's key."""
        return str(getattr(self, self.kind)) if self.kind else ""

    def _kinds(self) -> list[str]:
        return [name for name in HAPPENINGS if getattr(self, name) not in ("", None)]

    @model_validator(mode="after")
    def _one_happening(self) -> "Happening":
        kinds = self._kinds()
        if len(kinds) > 1:
            message = f"one line, {len(kinds)} things: {' and '.join(kinds)}"
            raise flaw("bad-expectation", message, "give each a line of its own", at=kinds[1])
        if self.result and self.kind not in ("step", "email", "notify"):
            message = "'result' goes with 'step', 'email' and 'notify'"
            raise flaw("bad-expectation", message, "name the step: `step: ID`", at="result")
        if self.after and self.at:
            raise flaw("bad-time", "'after' and 'at' are two times", "keep one of them", at="at")
        return self


class Unexpected(Happening):
    """What must not happen in the whole run."""

    @model_validator(mode="after")
    def _says_something(self) -> "Unexpected":
        if not self.kind:
            raise flaw("bad-expectation", "nothing is named here", _EXAMPLE)
        return self


class Expected(Happening):
    """A line of `expect`: it must happen behind the line before it."""

    not_: Unexpected | None = Field(
        None, alias="not", description="must not happen in the whole run"
    )
    only: Flag = Field(False, description="a line of its own: nothing but what the others name")

    @classmethod
    def arrange(cls, node: Node, reader: Reader) -> Node:
        """A step's id may stand alone."""
        if isinstance(node, ScalarNode) and not node.is_null:
            return MapNode(node.span, {"step": node}, {"step": node})
        return node

    @model_validator(mode="after")
    def _one_of_three(self) -> "Expected":
        said = [bool(self.kind), self.not_ is not None, self.only]
        if sum(said) != 1:
            message = "nothing is expected here" if not any(said) else "one line, several things"
            raise flaw("bad-expectation", message, _EXAMPLE)
        if not self.kind and (self.at or self.after or self.result):
            message = "'at', 'after' and 'result' belong to what happens"
            raise flaw("bad-expectation", message, _EXAMPLE)
        return self


_EXAMPLE = "write it like `- email: hello`, `- not: {stage: mql}` or `- only: true`"


class Approval(Frozen):
    """What a person answers."""

    step: Name = Field(description="the step that asks")
    answer: Literal["yes", "no"] = Field(description="`yes` or `no`, given at once")


class Scenario(Frozen):
    """A test of the playbook, beside it in its file; not part of the plan."""

    name: Text = Field(description="what is shown when it fails")
    note: Text = Field("", description="for the next reader")
    lead: dict[str, Tree] = Field(
        default_factory=dict, description="the lead's fields at the start"
    )
    deal: dict[str, Tree] = Field(default_factory=dict, description="the deal's fields")
    owner: Name = Field("", description="the record's owner at the start")
    at: Civil = Field(
        "", description="when it starts, in the workspace's zone; left out: 2026-03-02 09:00"
    )
    events: tuple[ScenarioEvent, ...] = Field((), strict=False, description="what happens")
    saved: dict[str, Tree] = Field(default_factory=dict, description="answers of webhooks, by name")
    approvals: tuple[Approval, ...] = Field((), strict=False, description="answers of people")
    arms: dict[str, Text] = Field(default_factory=dict, description="the arm of each split")
    level: Text = Field("", description="the level of an escalation that is due at the start: `2`")
    expect: tuple[Expected, ...] = Field(
        (), strict=False, description="what must happen, in this order"
    )


DEFAULT_START = "2026-03-02 09:00"
"""When a scenario starts that does not say: a Monday morning."""
