"""The stages of a lead's lifecycle: what each means, and what entering and leaving it takes.

A stage is written as its name alone, or with options below it. It owns the form; whether a lead may
move is `engine.runtime.lifecycle`'s to say.
"""

from collections.abc import Mapping

from pydantic import Field

from engine.playbook.catalog import DEFAULT_LIFECYCLE
from engine.playbook.fields import Expression, Frozen, Name, Names, Text
from engine.playbook.nodes import MapNode, Node, ScalarNode
from engine.playbook.reading import Reader


def with_options(node: Node, reader: Reader) -> Node:
    """A stage in a list: `- demo`, or `- demo: {probability: 30}`, as one mapping with a `name`."""
    if isinstance(node, ScalarNode):
        return MapNode(node.span, {"name": node}, {"name": node})
    if not isinstance(node, MapNode) or not node.keys:
        return node
    first, *others = node.keys
    if others:
        key = node.keys[first]
        reader.report(
            "options-not-indented",
            f"the options of '{first}' stand beside it, not under it",
            f"indent them deeper, or write `- {first}: {{{others[0]}: …}}`",
            node.keys[others[0]].span,
        )
        return MapNode(node.span, {"name": key}, {"name": key})
    key, options = node.keys[first], node.values[first]
    keys, values = {"name": key}, {"name": key}
    if isinstance(options, MapNode):
        return MapNode(node.span, {**options.keys, **keys}, {**options.values, **values})
    return MapNode(node.span, keys, values)


class LifecycleStage(Frozen):
    """A stage of a lead's lifecycle."""

    name: Name = Field(description="its name")
    about: Text = Field("", description="what it means, in words that the whole team shares")
    enter_if: Expression = Field("", description="a lead enters only if this holds")
    leave_if: Expression = Field("", description="a lead leaves forward only if this holds")
    requires: Names = Field((), description="fields that must be filled to enter")
    back_to: Names = Field(
        (), description="earlier stages that a lead may be sent back to, to be nurtured again"
    )

    @classmethod
    def arrange(cls, node: Node, reader: Reader) -> Node:
        """`- mql: {enter_if: …}` or `- mql`."""
        return with_options(node, reader)


USUAL: Mapping[str, str] = {
    "visitor": "Somebody who has been seen, and whose address is not known.",
    "lead": "Somebody whose address is known, and nothing more is known for sure.",
    "mql": "Marketing qualified: fits the market and shows interest, so that sales should look.",
    "sql": "Sales qualified: sales has spoken to them, and there is a need, and somebody decides.",
    "opportunity": "There is an open deal with them, with an amount and a date.",
    "customer": "They have bought.",
    "advocate": "A customer who buys again, or brings others.",
}
"""What teams usually mean by the stages of the default lifecycle, where one says nothing else."""

DEFAULT_STAGES = tuple(LifecycleStage(name=name) for name in DEFAULT_LIFECYCLE)


def stage_named(stages: tuple[LifecycleStage, ...], name: object) -> LifecycleStage | None:
    """The stage of that name."""
    return next((stage for stage in stages if stage.name == name), None)
