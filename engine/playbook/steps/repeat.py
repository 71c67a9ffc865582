"""`repeat`: a number of times, while a condition holds, or until one does."""

from typing import ClassVar

from pydantic import Field, model_validator

from engine.playbook.fields import Expression, Integer
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.nodes import MapNode
from engine.playbook.plan import Branch
from engine.playbook.plan import Repeat as RepeatOp
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, spread
from engine.playbook.written import flaw


class Repeat(ControlStep):
    """Does its steps again and again; a wait must be among them."""

    VERB: ClassVar[str] = "repeat"
    SUMMARY: ClassVar[str] = "a loop; must contain a wait"
    EXAMPLE: ClassVar[str] = """\
- repeat: {times: 3}
  steps:
    - task: Call again
    - wait: 2 days
"""

    times: Integer = Field(0, description="how often")
    during: Expression = Field("", alias="while", description="asked before each time")
    until: Expression = Field("", description="asked after each time")
    steps: Steps = Field(description="what is repeated")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """The mapping under the verb says how often."""
        return spread(node, "repeat", node.values["repeat"])

    @model_validator(mode="after")
    def _one_of_them(self) -> "Repeat":
        if len({"times", "during", "until"} & self.model_fields_set) != 1:
            raise flaw(
                "bad-repeat",
                "repeat needs one of 'times', 'while' and 'until'",
                "write `repeat: {times: 3}`",
            )
        if "times" in self.model_fields_set and not 1 <= self.times <= 1000:
            message = f"cannot repeat {self.times} times"
            raise flaw("bad-repeat", message, "1 to 1000 times", at="times")
        return self

    def bodies(self) -> tuple[Steps, ...]:
        """What is repeated."""
        return (self.steps,)

    def lower(self, step: Step, into: Lowering) -> None:
        """A test before the body and a jump back, or a test behind it."""
        start, after = into.label(), into.label()
        into.place(start)
        if self.times:
            into.emit(RepeatOp, step, times=self.times, exit_to=after)
        elif self.during:
            into.emit(Branch, step, cond=self.during, else_to=after)
        into.steps(self.steps)
        if self.until:
            into.emit(Branch, step, cond=self.until, else_to=start)
        else:
            into.jump(start, step)
        into.place(after)
