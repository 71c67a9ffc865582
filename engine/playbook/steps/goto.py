"""`goto`: on with a step of its own or an enclosing list."""

from typing import ClassVar

from pydantic import Field

from engine.playbook.fields import Name
from engine.playbook.lowering import Lowering
from engine.playbook.nodes import MapNode
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, renamed


class Goto(ControlStep):
    """Jumps to a step of its own or an enclosing list."""

    VERB: ClassVar[str] = "goto"
    SUMMARY: ClassVar[str] = "jumps to a step of its own or an enclosing list"
    EXAMPLE: ClassVar[str] = """\
- task: Call the lead
  id: call
- wait: 2 days
- goto: call
"""

    target: Name = Field(description="the step's id")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """The target is the verb's argument."""
        return renamed(node, "goto", "target")

    def lower(self, step: Step, into: Lowering) -> None:
        """A jump to the step's first op."""
        target = into.start_of(self.target)
        if target is not None:
            into.jump(target, step)
