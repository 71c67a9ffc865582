"""`approve`: a person's yes or no, but not for longer than `up_to`."""

from typing import ClassVar

from pydantic import Field, model_validator

from engine.playbook.fields import Length, Name, Names, Template
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.nodes import MapNode
from engine.playbook.plan import Ask
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, renamed
from engine.playbook.written import flaw


class Approve(ControlStep):
    """Puts a question into somebody's inbox, and waits for the answer."""

    VERB: ClassVar[str] = "approve"
    SUMMARY: ClassVar[str] = "waits for a person's yes or no; no answer in time: else"
    EXAMPLE: ClassVar[str] = """\
- approve: "Offer {{ lead.email }} the discount?"
  by: manager
  up_to: 2 business days
  then:
    - email: offer
  else:
    - task: Call {{ lead.email }} without it
"""

    text: Template = Field(description="what is asked")
    by: Names = Field(
        ("manager",), description="`owner`, `manager`, an owner's name, or the first of a list"
    )
    up_to: Length = Field(description="how long the person has")
    calendar: Name = Field("", description="the calendar of business units")
    then: Steps = Field((), description="after a yes")
    otherwise: Steps = Field((), alias="else", description="after a no, or without an answer")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """The question is the verb's argument."""
        return renamed(node, "approve", "text")

    @model_validator(mode="after")
    def _some_branch(self) -> "Approve":
        if not {"then", "otherwise"} & self.model_fields_set:
            hint = "put what needs the yes under `then:`"
            raise flaw("missing-key", "approve needs 'then' or 'else'", hint)
        return self

    def bodies(self) -> tuple[Steps, ...]:
        """After a yes, and after a no."""
        return (self.then, self.otherwise)

    def lower(self, step: Step, into: Lowering) -> None:
        """One question, then what follows it."""
        no, after = into.label(), into.label()
        into.emit(
            Ask,
            step,
            text=self.text,
            by=self.by,
            up_to=self.up_to,
            calendar=self.calendar,
            on_error=step.common.on_error,
            else_to=no,
        )
        into.steps(self.then)
        if self.otherwise:
            into.jump(after, step)
        into.place(no)
        into.steps(self.otherwise)
        into.place(after)
