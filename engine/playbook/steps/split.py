"""`split`: random arms, each record in the same one over versions; perhaps a winner."""

from typing import ClassVar

from pydantic import Field, model_validator

from engine.playbook.fields import Frozen, Integer, Length, Name, Number
from engine.playbook.lowering import Lowering
from engine.playbook.model import Steps
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode
from engine.playbook.plan import Split as SplitOp
from engine.playbook.plan import SplitArm, Winner
from engine.playbook.reading import Reader
from engine.playbook.step import ControlStep, Step, renamed
from engine.playbook.written import flaw

_LARGEST_SAMPLE = 10_000_000


class Arm(Frozen):
    """One arm: its weight beside the others', and what is done in it."""

    weight: Number = Field(description="its share: of the sum of all weights")
    steps: Steps = Field(description="what is done; `[]` holds these records out")

    @classmethod
    def arrange(cls, node: Node, reader: Reader) -> Node:
        """Steps without a weight are read on, so that their own faults are told as well."""
        if not isinstance(node, ListNode):
            return node
        message, hint = "an arm needs a weight beside its steps", "write `{weight: 50, steps: …}`"
        reader.report("missing-key", message, hint, node.span)
        one = ScalarNode(node.span, "1")
        return MapNode(node.span, {"weight": one, "steps": one}, {"weight": one, "steps": node})

    @model_validator(mode="after")
    def _some_weight(self) -> "Arm":
        if self.weight <= 0:
            message = f"an arm of weight {self.weight:g} is never drawn"
            raise flaw("bad-weight", message, "write a weight above 0", at="weight")
        return self


class WinnerRule(Frozen):
    """How the arm that does better comes to be preferred."""

    by: Name = Field(description="the event that is a success, for every arm alike")
    within: Length = Field(description="how long a record has for it, from the draw")
    sample: Integer = Field(description="how many are drawn by weight before the rest")


class Split(ControlStep):
    """Goes the way of the arm that the record draws, and keeps it."""

    VERB: ClassVar[str] = "split"
    SUMMARY: ClassVar[str] = "random arms, the same one for a record over all versions"
    EXAMPLE: ClassVar[str] = """\
- split: subject-line
  arms:
    plain: {weight: 50, steps: [{email: offer}]}
    bold: {weight: 50, steps: [{email: offer, subject: Last days of your trial}]}
  winner: {by: email.clicked, within: 2 days, sample: 400}
"""

    name: Name = Field(description="its name; with another name it begins anew")
    arms: dict[Name, Arm] = Field(description="the arms by name: `{weight, steps}`, two at least")
    winner: WinnerRule | None = Field(
        None,
        description="`{by, within, sample}`: the first `sample` are drawn by weight; later ones "
        "wait until those had `within`, and then are drawn by what is known of the arms",
    )
    calendar: Name = Field("", description="the calendar of business units")

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """The name is the verb's argument."""
        return renamed(node, "split", "name")

    @model_validator(mode="after")
    def _several_arms(self) -> "Split":
        if len(self.arms) < 2:
            count = "one arm is" if self.arms else "no arms are"
            hint = "write a second arm; `{weight: 10, steps: []}` holds some records out"
            raise flaw("one-arm", f"{count} no split", hint, at="arms")
        return self

    @model_validator(mode="after")
    def _sample_is_some(self) -> "Split":
        if self.winner is not None and not len(self.arms) <= self.winner.sample <= _LARGEST_SAMPLE:
            message = f"a sample of {self.winner.sample} tells nothing of {len(self.arms)} arms"
            hint = f"{len(self.arms)} at least, {_LARGEST_SAMPLE:,} at most; a few hundred an arm"
            raise flaw("bad-winner", message, hint, at="winner")
        return self

    def bodies(self) -> tuple[Steps, ...]:
        """The steps of every arm."""
        return tuple(arm.steps for arm in self.arms.values())

    def lower(self, step: Step, into: Lowering) -> None:
        """The split, then one arm after the other."""
        after = into.label()
        ways = tuple(into.label() for _ in self.arms)
        winner = self.winner
        into.emit(
            SplitOp,
            step,
            name=self.name,
            arms=tuple(SplitArm(name=key, weight=arm.weight) for key, arm in self.arms.items()),
            ways=ways,
            winner=Winner(**winner.model_dump()) if winner is not None else None,
            calendar=self.calendar,
        )
        for way, arm in zip(ways, self.arms.values(), strict=True):
            into.place(way)
            into.steps(arm.steps)
            if way is not ways[-1]:
                into.jump(after, step)
        into.place(after)
