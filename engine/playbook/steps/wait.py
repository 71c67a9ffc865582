"""`wait`: for a length of time, or until a moment."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from engine.playbook.fields import Length, Moment, Name, Timezone
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
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
    until: Moment = Field("", description="until when: a time, a field, a field and an offset")
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
        if self.span and (self.then or "on_past" in self.model_fields_set):
            raise flaw(
                "bad-wait",
                "'then' and 'on_past' go with `wait: {until: …}`",
                "what follows a plain wait is the next step",
                at="then" if "then" in self.model_fields_set else "on_past",
            )
        return self

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
