"""`wait_for`: an event, one of several, or a condition, but not longer than `up_to`."""

from typing import ClassVar

from pydantic import Field, model_validator

from engine.playbook.fields import Expression, FieldName, LengthOrForever, Name, Names
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.nodes import MapNode
from engine.playbook.plan import Await
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, renamed
from engine.playbook.written import flaw


class WaitFor(ControlStep):
    """Waits until something happens, or until the time is over."""

    VERB: ClassVar[str] = "wait_for"
    SUMMARY: ClassVar[str] = "waits for an event or a condition, or not longer than `up_to`"
    EXAMPLE: ClassVar[str] = """\
- email: welcome
  id: hello
- wait_for: email.clicked
  from: hello
  up_to: 3 days
  then:
    - score: +10
  else:
    - tag: quiet
"""

    events: Names = Field((), description="the event, or a list: any of them")
    until: Expression = Field("", description="`{if: COND}`: the condition that becomes true")
    where: Expression = Field("", description="a condition that the event must meet")
    sources: Names = Field((), alias="from", description="the event must be on this step's mail")
    up_to: LengthOrForever = Field(description="how long at most; `forever` is allowed")
    calendar: Name = Field("", description="the calendar of business units")
    save: FieldName = Field("", description="keeps the event's properties as run.saved.NAME")
    then: Steps = Field((), description="when it happened")
    otherwise: Steps = Field((), alias="else", description="when the time is over")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """`wait_for: {if: COND}` waits for a condition, anything else for events."""
        argument = node.values["wait_for"]
        if not isinstance(argument, MapNode):
            return renamed(node, "wait_for", "events")
        keys = {key: it for key, it in node.keys.items() if key != "wait_for"}
        values = {key: it for key, it in node.values.items() if key != "wait_for"}
        for key, value in argument.values.items():
            field = "until" if key == "if" else key
            keys[field], values[field] = argument.keys[key], value
        return MapNode(node.span, keys, values)

    @model_validator(mode="after")
    def _one_of_them(self) -> "WaitFor":
        if bool(self.events) == bool(self.until):
            hint = "write `wait_for: order.placed`, or `wait_for: {if: lead.score >= 40}`"
            raise flaw("bad-wait", "wait_for needs an event or a condition", hint)
        written = {"where": self.where, "from": self.sources, "save": self.save}
        unfit = next((name for name, value in written.items() if value), "")
        if self.until and unfit:
            message = f"'{unfit}' goes with an event, not with a condition"
            raise flaw("bad-wait", message, "leave it out, or name the event", at=unfit)
        return self

    def bodies(self) -> tuple[Steps, ...]:
        """When it happened, and when the time is over."""
        return (self.then, self.otherwise)

    def lower(self, step: Step, into: Lowering) -> None:
        """One await, then what follows it."""
        over, after = into.label(), into.label()
        into.emit(
            Await,
            step,
            events=self.events,
            cond=self.until,
            where=self.where,
            sources=self.sources,
            up_to=self.up_to,
            calendar=self.calendar,
            save=self.save,
            else_to=over,
        )
        into.steps(self.then)
        if self.otherwise:
            into.jump(after, step)
        into.place(over)
        into.steps(self.otherwise)
        into.place(after)
