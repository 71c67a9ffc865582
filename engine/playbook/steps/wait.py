"""`wait`: for a length of time, or until a moment."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from engine.playbook.fields import Length, Name, Timezone
from engine.playbook.fields import Moment as MomentText
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.moments import CronMoment, FieldMoment, Moment, NextWeekday, parse_moment
from engine.playbook.nodes import MapNode, ScalarNode
from engine.playbook.plan import Wait as WaitOp
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, renamed, spread
from engine.playbook.written import flaw

OnMiss = Literal["end", "continue", "skip"]


class Wait(ControlStep):
    """Waits for a length of time, or until a moment."""

    VERB: ClassVar[str] = "wait"
    SUMMARY: ClassVar[str] = "waits for a length of time, or until a moment"
    EXAMPLE: ClassVar[str] = "- wait: 2 days\n"

    span: Length = Field("", description="how long: `2 days`, `3 business days`")
    until: MomentText = Field("", description="until when: a time, a field, a field and an offset")
    timezone: Timezone = Field("", description="a zone; left out: the record's")
    calendar: Name = Field("", description="the calendar of business units")
    on_missing: OnMiss = Field("end", description="when the field is empty")
    on_past: OnMiss = Field("continue", description="when the moment has gone by")
    then: Steps = Field((), description="done when the moment comes")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """`wait: 2 days` is a span, `wait: {until: …}` a moment."""
        argument = node.values["wait"]
        if isinstance(argument, ScalarNode):
            return renamed(node, "wait", "span")
        return spread(node, "wait", argument)

    @model_validator(mode="after")
    def _one_of_them(self) -> "Wait":
        if bool(self.span) == bool(self.until):
            raise flaw("bad-wait", "a wait needs a length or `{until: TIME}`", "`wait: 2 days`")
        written = self.model_fields_set
        alone = [name for name in ("then", "on_past", "on_missing") if name in written]
        if self.span and alone:
            raise flaw(
                "bad-wait",
                f"'{alone[0]}' goes with `wait: {{until: …}}`",
                "what follows a plain wait is the next step",
                at=alone[0],
            )
        if self.until:
            self._refuse_what_never_comes(parse_moment(self.until))
        return self

    def _refuse_what_never_comes(self, moment: Moment) -> None:
        """An option for what cannot happen would promise something."""
        written = self.model_fields_set
        if "on_missing" in written and not isinstance(moment, FieldMoment):
            message = f"'{self.until}' is never missing: it is no field"
            raise flaw("bad-wait", message, "leave 'on_missing' out", at="on_missing")
        if "on_past" in written and isinstance(moment, NextWeekday | CronMoment):
            message = f"'{self.until}' has never passed: it is the next one that comes"
            raise flaw("bad-wait", message, "leave 'on_past' out", at="on_past")

    def bodies(self) -> tuple[Steps, ...]:
        """What is done when the moment comes."""
        return (self.then,)

    def lower(self, step: Step, into: Lowering) -> None:
        """One wait; `skip` goes on behind its `then`."""
        after = into.label()
        into.emit(
            WaitOp,
            step,
            span=self.span,
            until=self.until,
            timezone=self.timezone,
            calendar=self.calendar,
            on_missing=self.on_missing,
            on_past=self.on_past,
            skip_to=after,
        )
        into.steps(self.then)
        into.place(after)
