"""`end`: finishes the enrollment here."""

from typing import ClassVar

from pydantic import Field

from engine.playbook.fields import Name
from engine.playbook.lowering import Lowering
from engine.playbook.nodes import MapNode
from engine.playbook.plan import End as EndOp
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, renamed


class End(ControlStep):
    """Finishes the enrollment with an outcome of its own."""

    VERB: ClassVar[str] = "end"
    SUMMARY: ClassVar[str] = "ends here, with an outcome"
    EXAMPLE: ClassVar[str] = "- end: nurtured\n"

    outcome: Name = Field(description="the outcome's name")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """The outcome is the verb's argument."""
        return renamed(node, "end", "outcome")

    def lower(self, step: Step, into: Lowering) -> None:
        """One end."""
        into.emit(EndOp, step, outcome=self.outcome)
