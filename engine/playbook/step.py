"""A step as it is written, and what every control step must be able to do."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, Field

from engine.playbook.fields import Expression, Frozen, Name, Text
from engine.playbook.nodes import MapNode, Node
from engine.playbook.reading import Reader

if TYPE_CHECKING:
    from engine.playbook.lowering import Lowering
    from engine.playbook.model import Steps


class Common(Frozen):
    """What every step may carry beside its verb."""

    id: Name = Field("", description="its name; left out: the verb and its argument")
    note: Text = Field("", description="for the next reader")
    cond: Expression = Field("", alias="if", description="skip the step unless this holds")
    on_error: Literal["stop", "continue"] = Field(
        "stop", description="what to do when it cannot be done"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step: its verb, what it says, and the nodes it was read from (for places).

    `fields` holds the nodes by the names of the body's fields; `node` is the whole item.
    """

    verb: str
    argument: str
    common: Common
    body: BaseModel
    fields: MapNode
    node: MapNode


class ControlStep(Frozen):
    """A step that decides where the enrollment goes on; it lowers itself to ops."""

    VERB: ClassVar[str]
    EXAMPLE: ClassVar[str]
    SUMMARY: ClassVar[str]

    @classmethod
    def flatten(cls, node: MapNode, reader: Reader) -> MapNode:
        """The item's nodes by the names of the fields; as a rule they are the keys."""
        return node

    @abstractmethod
    def lower(self, step: Step, into: "Lowering") -> None:
        """Appends the step's ops."""

    def bodies(self) -> "tuple[Steps, ...]":
        """The lists of steps inside it."""
        return ()


def renamed(node: MapNode, verb: str, field: str) -> MapNode:
    """The item with its verb's argument under the name of a field."""
    keys = {field if key == verb else key: it for key, it in node.keys.items()}
    values = {field if key == verb else key: it for key, it in node.values.items()}
    return MapNode(node.span, keys, values)


def spread(node: MapNode, verb: str, argument: Node) -> MapNode:
    """The item with the mapping under its verb laid beside the other keys."""
    keys = {key: it for key, it in node.keys.items() if key != verb}
    values = {key: it for key, it in node.values.items() if key != verb}
    if isinstance(argument, MapNode):
        keys |= argument.keys
        values |= argument.values
    return MapNode(node.span, keys, values)
