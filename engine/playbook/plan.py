"""The plan: what a playbook compiles into, and the only thing that the runtime reads.

A plan is a flat tuple of ops. It is immutable, names itself by the digest of its content, and says
which format it was written in; a running enrollment keeps the plan that it began with.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from engine.errors import EnvironmentFault
from engine.playbook.escalation_plan import Escalation
from engine.playbook.scoring_plan import Scoring

FORMAT = 1
"""The format number this code writes; every released format stays readable.

Whatever a plan can hold is the format: another op, field or default is another number.
"""

_RESTORE = "bring the backup of the database back, or run the release that published it"

RecordKind = Literal["lead", "deal"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Op(_Frozen):
    step: str = Field(description="the id of the step that this op belongs to; stable over edits")


class Do(_Op):
    """An inline action: its effect commits in the transaction that passes this op."""

    op: Literal["do"] = "do"
    action: str = Field(description="the action's name: `set`, `tag`, `stage`, `assign`, …")
    params: Mapping[str, JsonValue] = Field(default_factory=dict, description="its parameters")
    on_error: Literal["stop", "continue"] = "stop"


class Send(_Op):
    """A job for the outside world (mail, notice): the enrollment waits until it has ended."""

    op: Literal["send"] = "send"
    action: str = Field(description="`email`, `notify`")
    params: Mapping[str, JsonValue] = Field(default_factory=dict, description="its parameters")
    on_error: Literal["stop", "continue"] = "stop"


class Wait(_Op):
    """Waits for a length of time, or until a moment."""

    op: Literal["wait"] = "wait"
    span: str = Field("", description="a duration, counted from the end of the step before")
    until: str = Field("", description="a moment; exactly one of `span` and `until` is written")
    timezone: str = Field("", description="an IANA zone, or empty: the record's")
    calendar: str = Field("", description="the calendar of business units; empty: the default")
    on_missing: Literal["end", "continue", "skip"] = "end"
    on_past: Literal["end", "continue", "skip"] = "continue"
    skip_to: int = Field(0, description="where `skip` goes on: behind the wait's own `then`")


class Await(_Op):
    """Waits for an event or a condition, or not longer than `up_to`.

    When it happened the next op follows; when the time is over, the op at `else_to`.
    """

    op: Literal["await"] = "await"
    events: tuple[str, ...] = Field((), description="any of these events ends the wait")
    cond: str = Field("", description="or this condition of the record becoming true")
    where: str = Field("", description="a condition that filters the event")
    sources: tuple[str, ...] = Field((), description="step ids: the event must be on their mail")
    up_to: str = Field(description="a duration, or `forever`")
    calendar: str = ""
    save: str = Field("", description="keeps the event's properties as run.saved.NAME")
    else_to: int


class Branch(_Op):
    """Goes on with the next op when the condition holds, else with the op at `else_to`."""

    op: Literal["branch"] = "branch"
    cond: str
    else_to: int


class Jump(_Op):
    """Goes on at `to`. Free: takes no place in the record of what an enrollment did."""

    op: Literal["jump"] = "jump"
    to: int


class Repeat(_Op):
    """Counts its arrivals: the first `times` go on with the next op, the next one to `exit_to`."""

    op: Literal["repeat"] = "repeat"
    times: int
    exit_to: int


class SplitArm(_Frozen):
    """One arm of a split: its name, and its weight beside the others'."""

    name: str
    weight: int | float


class Winner(_Frozen):
    """How a split comes to prefer an arm.

    The first `sample` enrollments are drawn by weight and have `within` to see the event `by`;
    later ones wait until those had it, and are drawn by what is known then.
    """

    by: str
    within: str
    sample: int


class Split(_Op):
    """Goes on in the arm that the enrollment drew; it keeps that arm when it comes back."""

    op: Literal["split"] = "split"
    name: str
    arms: tuple[SplitArm, ...]
    ways: tuple[int, ...] = Field(description="where each arm begins, in the order of the arms")
    winner: Winner | None = None
    calendar: str = ""


class Ask(_Op):
    """Asks a person and waits for the answer, or not longer than `up_to`.

    After a yes the next op follows; after a no, or without an answer, the op at `else_to`.
    """

    op: Literal["ask"] = "ask"
    text: str = Field(description="what is to be approved; a template")
    by: tuple[str, ...] = Field(description="`owner`, `manager` or an owner: the first there is")
    up_to: str = Field(description="a duration")
    calendar: str = ""
    on_error: Literal["stop", "continue"] = "stop"
    else_to: int


class Climb(_Op):
    """The ladder of an escalation: whenever a level is due, goes on with its steps.

    Each level's steps lead back here. Rounds that are used up go on at `exit_to`.
    """

    op: Literal["climb"] = "climb"
    levels: tuple[str, ...] = Field(description="how long after the start each level is due")
    ways: tuple[int, ...] = Field(description="where each level's steps begin, in the same order")
    exit_to: int


class End(_Op):
    """Finishes the enrollment with an outcome."""

    op: Literal["end"] = "end"
    outcome: str


Op = Annotated[
    Do | Send | Wait | Await | Branch | Jump | Repeat | Split | Ask | Climb | End,
    Field(discriminator="op"),
]


class Trigger(_Frozen):
    """One item of `enroll.when`; it fires on the edge."""

    kind: Literal["event", "stage", "score", "segment", "cron", "date", "at", "manual", "threshold"]
    event: str = Field("", description="kind event: the event's name")
    cond: str = Field("", description="the item's own `if`; of a segment, the condition itself")
    stage: str = Field(
        "", description="kind stage: the stage entered, `proposal` or `b2b.proposal`"
    )
    score: str = Field("", description="kinds score and threshold: the score's name")
    level: float = Field(0, description="kinds score and threshold: the level crossed upward")
    cron: str = Field("", description="kind cron: five fields")
    moment: str = Field("", description="kinds date and at: the moment")
    timezone: str = Field("", description="`lead`, an IANA zone, or empty: the workspace's")
    every: Literal["", "year"] = ""


class Exit(_Frozen):
    """One item of `exit`: what ends an enrollment before its last step."""

    event: str = Field("", description="the event, or empty: looked at on every change")
    cond: str = Field("", description="the item's `if`")
    goal: str = Field("", description="the outcome, when this exit is a success")
    value: str = Field("", description="an expression: what the goal was worth")


class Enroll(_Frozen):
    """Who comes in, how often, and under which key."""

    triggers: tuple[Trigger, ...] = ()
    cond: str = Field("", description="must hold as well, at the moment of the trigger")
    key: str = Field("", description="an expression; one open enrollment per (record, key)")
    again: str = Field("never", description="`never`, `always`, or a duration after the last end")

    @cached_property
    def events(self) -> frozenset[str]:
        """The events that bring somebody in."""
        return frozenset(trigger.event for trigger in self.triggers if trigger.event)


class Plan(_Frozen):
    """A compiled playbook."""

    format: int = FORMAT
    playbook: str
    kind: Literal["nurture", "scoring", "escalation"] = "nurture"
    title: str = ""
    cost: float = Field(0, description="what running it costs, for its return on investment")
    record: RecordKind = "lead"
    calendar: str = Field("", description="the playbook's own calendar, or empty")
    exit_on_unsubscribe: bool = True
    enroll: Enroll = Field(default_factory=Enroll)
    exits: tuple[Exit, ...] = ()
    templates: Mapping[str, str] = Field(
        default_factory=dict, description="file name → digest: the template files that mails need"
    )
    history: tuple[str, ...] = Field((), description="event names that conditions count")
    scoring: Scoring | None = Field(None, description="kind scoring: what a score is worked out by")
    escalation: Escalation | None = Field(
        None, description="kind escalation: whom it watches, by what clock"
    )
    ops: tuple[Op, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @cached_property
    def listens(self) -> frozenset[str]:
        """Events that some wait of this plan may end on."""
        resets = self.escalation.resets_on if self.escalation is not None else ()
        awaited = (name for op in self.ops if isinstance(op, Await) for name in op.events)
        return frozenset((*resets, *awaited))

    @cached_property
    def measures(self) -> frozenset[str]:
        """Events by which some split of this plan finds its winner."""
        return frozenset(op.winner.by for op in self.ops if isinstance(op, Split) and op.winner)

    @cached_property
    def heard(self) -> frozenset[str]:
        """Every event that this plan's triggers, exits, waits, splits and counts look at."""
        names = {trigger.event for trigger in self.enroll.triggers if trigger.event}
        names |= {item.event for item in self.exits if item.event}
        names |= self.scoring.events if self.scoring is not None else frozenset()
        return frozenset(names | self.listens | self.measures | set(self.history))

    @cached_property
    def follows_record(self) -> bool:
        """Whether a change of the record alone may move or end an enrollment."""
        watches = self.escalation is not None
        return (
            watches
            or any(not item.event for item in self.exits)
            or any(
                (isinstance(op, Await) and op.cond) or (isinstance(op, Wait) and op.until)
                for op in self.ops
            )
        )

    def canonical(self) -> str:
        """The JSON that is stored and digested: keys sorted, no spaces, UTF-8 kept.

        Defaults are left out: a field that a later release adds must not make another version of
        a playbook that does not use it.
        """
        written = self.model_dump(mode="json", exclude_defaults=True)
        written["format"] = self.format
        for op, kept in zip(self.ops, written["ops"], strict=True):
            kept["op"] = op.op
        return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load_plan(text: str) -> Plan:
    """The plan that `canonical` wrote, in this release or in an earlier one.

    Raises:
        EnvironmentFault: a newer release wrote it, or it is damaged.
    """
    try:
        found = json.loads(text)
        format, playbook = int(found["format"]), str(found["playbook"])
    except (ValueError, TypeError, KeyError) as error:
        raise EnvironmentFault("a published plan is damaged", help=_RESTORE) from error
    if format > FORMAT:
        raise EnvironmentFault(
            f"the plan of '{playbook}' was published by a newer release: it has format {format}, "
            f"and this release reads formats up to {FORMAT}",
            help="run the newer release; whoever is under way waits for it",
        )
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        raise EnvironmentFault(
            f"a published plan of '{playbook}' is damaged: "
            f"{'.'.join(map(str, error.errors()[0]['loc']))}",
            help=_RESTORE,
        ) from error
