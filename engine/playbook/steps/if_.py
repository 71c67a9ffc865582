"""`if`: one branch or the other."""

from typing import ClassVar

from pydantic import Field, model_validator

from engine.playbook.fields import Expression
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.nodes import MapNode
from engine.playbook.plan import Branch
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, renamed
from engine.playbook.written import flaw


class If(ControlStep):
    """Goes one way or the other."""

    VERB: ClassVar[str] = "if"
    SUMMARY: ClassVar[str] = "branches on a condition"
    EXAMPLE: ClassVar[str] = """\
- if: lead.score >= 40
  then:
    - stage: mql
  else:
    - tag: cold
"""

    test: Expression = Field(description="the condition")
    then: Steps = Field((), description="when it holds")
    otherwise: Steps = Field((), alias="else", description="when it does not")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """The condition is the verb's argument."""
        return renamed(node, "if", "test")

    @model_validator(mode="after")
    def _some_branch(self) -> "If":
        if not {"then", "otherwise"} & self.model_fields_set:
            raise flaw("missing-key", "if needs 'then' or 'else'", "put the steps under `then:`")
        return self

    def bodies(self) -> tuple[Steps, ...]:
        """Both branches."""
        return (self.then, self.otherwise)

    def lower(self, step: Step, into: Lowering) -> None:
        """A branch around each side."""
        no, after = into.label(), into.label()
        into.emit(Branch, step, cond=self.test, else_to=no)
        into.steps(self.then)
        if self.otherwise:
            into.jump(after, step)
        into.place(no)
        into.steps(self.otherwise)
        into.place(after)
