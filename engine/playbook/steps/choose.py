"""`choose`: the first case whose condition holds."""

from typing import ClassVar

from pydantic import Field, model_validator

from engine.playbook.fields import Expression, Frozen
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.plan import Branch
from engine.playbook.step import ControlStep, Step
from engine.playbook.written import flaw


class Case(Frozen):
    """One case: a condition and its steps, or what happens else."""

    test: Expression = Field("", alias="if", description="the condition")
    steps: Steps = Field((), description="what is done when it holds")
    otherwise: Steps = Field((), alias="else", description="the last case: when none holds")

    @model_validator(mode="after")
    def _one_kind(self) -> "Case":
        keys = self.model_fields_set
        if keys not in ({"test", "steps"}, {"otherwise"}):
            hint = "write `- if: CONDITION` and below it `steps:`; the last may be `- else:`"
            raise flaw("bad-case", "a case has an 'if' and 'steps'", hint)
        return self


class Choose(ControlStep):
    """Goes the way of the first case that holds."""

    VERB: ClassVar[str] = "choose"
    SUMMARY: ClassVar[str] = "goes the way of the first case that holds"
    EXAMPLE: ClassVar[str] = """\
- choose:
    - if: lead.country == "CN"
      steps:
        - tag: china
    - else:
        - tag: elsewhere
"""

    cases: tuple[Case, ...] = Field(
        alias="choose", strict=False, min_length=1, description="the cases, in order"
    )

    @model_validator(mode="after")
    def _else_is_last(self) -> "Choose":
        if any("otherwise" in case.model_fields_set for case in self.cases[:-1]):
            raise flaw("bad-case", "what follows `else` is never reached", "put `else` last")
        return self

    def bodies(self) -> tuple[Steps, ...]:
        """The steps of every case."""
        return tuple(case.steps or case.otherwise for case in self.cases)

    def lower(self, step: Step, into: Lowering) -> None:
        """A chain of branches."""
        after = into.label()
        for case in self.cases:
            if not case.test:
                into.steps(case.otherwise)
                continue
            following = into.label()
            into.emit(Branch, step, cond=case.test, else_to=following)
            into.steps(case.steps)
            if case is not self.cases[-1]:
                into.jump(after, step)
            into.place(following)
        into.place(after)
