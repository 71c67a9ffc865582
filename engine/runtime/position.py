"""Where an enrollment stands, and what may move it: the values that the interpreter works on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeAlias

from engine.playbook.plan import Ask, Climb, Do, Plan, Send, Split
from engine.playbook.values import Scope, Value
from engine.runtime.calendar import BusinessCalendar

Calendars: TypeAlias = Callable[[str, Scope], BusinessCalendar]
"""The calendar of a name (empty: the default; `owner`: the owner's), for the record in a scope."""

ON_WAIT = "wait"
ON_EVENT = "await"
ON_JOB = "job"
ON_SPLIT = "split"
ON_ANSWER = "answer"
ON_CLIMB = "climb"

QUEUED_AFTER = "queued_after"
"""In a run's memory: its message was taken back, queued so many seconds after the step before."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """An event kept for an enrollment, in the order of commits (`position`)."""

    event: str
    name: str
    source: str
    properties: Mapping[str, Value]
    at: datetime
    at_seq: int
    position: int


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended: its state, why, when, and whether the address is dead."""

    state: str
    reason: str
    at: datetime
    hard_bounce: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said to an approval: yes or no, who, and when."""

    yes: bool
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the record of what an enrollment did."""

    seq: int
    op: str
    step: str
    outcome: str
    why: str


@dataclass(slots=True)
class Member:
    """An enrollment in hand while a slice is walked. Everything the walk changes is here.

    Attributes:
        record: what the playbook is for: the lead's id, or the deal's.
        lead: the lead; of a deal, its primary contact.
        deal: the deal that the run knows: its record, or the one it has opened.
        seq: grows by one with every op that is passed; the key of effects.
        blocked_on: what holds it at `pc`: nothing, a wait, an event, a job, a split or a person.
        until_at: when the present wait is over; None is for ever.
        due_at: since when it has been due: its time came, or something happened then.
        look_at: when to look at it again; None is when something nudges it.
        anchor_at: the end of the step before, from which the next wait counts.
        listen_seq: events kept at this seq or later are seen by a wait without `from`.
        memory: `event`, `saved`, `counts`, `arms`: what the run keeps, JSON only.
    """

    id: str
    record: str
    plan: Plan
    pc: int
    seq: int
    blocked_on: str
    until_at: datetime | None
    anchor_at: datetime
    listen_seq: int
    memory: dict[str, Value]
    scope: dict[str, object]
    zone: tzinfo
    awaited: Sequence[Awaited] = ()
    job: JobEnd | None = None
    answer: Answer | None = None
    look_at: datetime | None = None
    due_at: datetime | None = None
    log: list[Logged] = field(default_factory=list)
    consumed: list[tuple[str, int]] = field(default_factory=list)
    ended: "Finish | Stop | None" = None
    lead: str = ""
    deal: str | None = None

    def __post_init__(self) -> None:
        self.lead = self.lead or self.record


@dataclass(frozen=True, slots=True)
class Perform:
    """Do the inline action now."""

    op: Do


@dataclass(frozen=True, slots=True)
class Emit:
    """Queue the job; the enrollment waits for its end."""

    op: Send


@dataclass(frozen=True, slots=True)
class Draw:
    """Draw an arm of the split, or learn when that can be done."""

    op: Split


@dataclass(frozen=True, slots=True)
class Request:
    """Ask a person; the enrollment waits for the answer until `until_at`."""

    op: Ask
    until_at: datetime


@dataclass(frozen=True, slots=True)
class Rise:
    """A level of an escalation fires; those below it that are due as well are passed over.

    Attributes:
        level: its number, from 1.
        passed: the numbers of the levels that are passed over.
        round: the round that it fires in.
        due_at: when it was due.
        next_at: when the level above it is due, as far as that is known.
    """

    op: Climb
    level: int
    passed: tuple[int, ...]
    round: int
    due_at: datetime
    next_at: datetime | None = None

    @property
    def why(self) -> str:
        """For the record."""
        said = f"due {self.op.levels[self.level - 1]} after the start, round {self.round}"
        if not self.passed:
            return said
        names = ", ".join(str(one) for one in self.passed)
        return f"{said}; passed over: {names}"


@dataclass(frozen=True, slots=True)
class Sleep:
    """Nothing to do until `look_at` (None: until nudged)."""

    blocked_on: str
    until_at: datetime | None
    look_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pass:
    """The op is over; go on at `pc`."""

    pc: int
    outcome: str
    why: str = ""
    anchor_at: datetime | None = None
    consumed: str | None = None
    save: tuple[str, Value] | None = None
    count: tuple[str, int] | None = None
    arm: tuple[str, str] | None = None
    waited: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """The enrollment is over, with an outcome."""

    outcome: str
    why: str = ""
    goal: bool = False
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The enrollment failed at this step; a person decides."""

    reason: str


Decision: TypeAlias = Perform | Emit | Draw | Request | Rise | Sleep | Pass | Finish | Stop
