"""From a tree of nodes to a model: every key known, every value of its kind, or diagnostics.

It words pydantic's errors for people and finds the place of each. What a model *means* is not its
business; nested lists of steps are read by whoever made the reader.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.playbook import traps
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode, Span, find
from engine.playbook.source import Document
from engine.playbook.spelling import closest, did_you_mean

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class StepList:
    """Marks a field that holds steps."""


@dataclass(frozen=True, slots=True)
class Made:
    """A part of the tree that has been read already."""

    span: Span
    value: object

    def data(self) -> object:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class _ListOf:
    item: Any


@dataclass(frozen=True, slots=True)
class _MapOf:
    item: Any


Shape: TypeAlias = Any
"""What a node is read as: a model's class, `StepList`, `_ListOf`, `_MapOf`, or None for a leaf."""


class Reader:
    """Reads the nodes of one document; what it finds goes to `findings`."""

    def __init__(
        self,
        document: Document,
        findings: Findings,
        steps: Callable[["Reader", Node], object] | None = None,
    ) -> None:
        self.document = document
        self.findings = findings
        self._steps = steps
        self._guessed: set[str] = set()
        self._dropped: set[Span] = set()

    def report(
        self, rule: str, message: str, help: str, at: Span, *, severity: str = "error"
    ) -> None:
        """A finding at a place of this document."""
        end = at.end_column if at.end_line == at.line else 0
        self.findings.add(
            Diagnostic(
                rule,
                message,
                help,
                self.document.file,
                at.line,
                at.column,
                end,
                "warning" if severity == "warning" else "error",
            )
        )

    def read(
        self, model: type[Model], node: Node, what: str, *, dropped: Collection[str] = ()
    ) -> Model | None:
        """The model that `node` describes, after findings without what is wrong in it, or None.

        Args:
            what: names it in messages.
            dropped: keys that were left out before, so that what is missing for that is not blamed.
        """
        if not isinstance(node, MapNode):
            self._not_a_mapping(node, what)
            return None
        outer = self._guessed, self._dropped  # a list of steps is read amid a playbook
        self._guessed = {closest(key, shapes_of(model)) or key for key in dropped}
        self._dropped = {node.span} if dropped else set()
        arranged = self._shape(model, node, what)
        data = arranged.data()
        try:
            return model.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False)
            for detail in details:
                if not _follows(detail, details):
                    self._explain(detail, arranged, what)
        finally:
            self._guessed, self._dropped = outer
        return self._without(model, data, {detail["loc"][:1] for detail in details})

    def _without(self, model: type[Model], data: object, bad: Collection[object]) -> Model | None:
        """The model without the keys that are wrong, so that the rest can be judged as well."""
        if not isinstance(data, dict):
            return None
        try:
            return model.model_validate({k: v for k, v in data.items() if (k,) not in bad})
        except ValidationError:
            return None

    def _not_a_mapping(self, node: Node, what: str) -> None:
        if isinstance(node, ScalarNode):
            found = traps.misread(node, self.document.lines, self.document.file)
            if found is not None:
                self.findings.add(found)
                return
        message = f"{what}: expected keys, found {kind_of(node)}"
        self.report("wrong-type", message, _KEYS[1], node.span)

    def _shape(self, shape: Shape, node: Node, what: str) -> Node:
        """`node` with unknown keys reported and left out, and lists of steps read."""
        if shape is StepList and self._steps is not None:
            return Made(node.span, self._steps(self, node))  # type: ignore[return-value]
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            arrange = getattr(shape, "arrange", None)
            node = arrange(node, self) if arrange is not None else node
            return self._known(shape, node, what) if isinstance(node, MapNode) else node
        if isinstance(shape, _ListOf) and isinstance(node, ListNode):
            return ListNode(node.span, tuple(self._shape(shape.item, i, what) for i in node.items))
        if isinstance(shape, _MapOf) and isinstance(node, MapNode):
            values = {key: self._shape(shape.item, v, key) for key, v in node.values.items()}
            return MapNode(node.span, node.keys, values)
        return node

    def _known(self, model: type[BaseModel], node: MapNode, what: str) -> MapNode:
        shapes = shapes_of(model)
        values: dict[str, Node] = {}
        for key, value in node.values.items():
            if key in shapes:
                values[key] = self._shape(shapes[key], value, key)
                continue
            known = [name for name in shapes if name not in node.values]
            self._dropped.add(node.span)
            guess = closest(key, known)
            if guess is not None:
                self._guessed.add(guess)
            self.report(
                "unknown-key",
                f"{what} has no '{key}'",
                did_you_mean(key, known or shapes),
                node.keys[key].span,
            )
        return MapNode(node.span, node.keys, values)

    def _explain(self, detail: ErrorDetails, root: Node, what: str) -> None:
        location = [part for part in detail["loc"] if part != "[key]"]
        kind, context = detail["type"], detail.get("ctx") or {}
        if kind == "missing":
            key = str(location[-1])
            if key not in self._guessed:
                node = find(root, tuple(location[:-1]))
                holder = str(location[-2]) if len(location) > 1 else what
                hint = f"add `{key}: …`"
                self.report("missing-key", f"{holder} needs '{key}'", hint, _head(node))
            return
        node = find(root, tuple(location))
        if detail["loc"][-1:] == ("[key]",):
            node = _key(root, location) or node
        if not isinstance(node, ScalarNode | ListNode | MapNode):
            return
        if kind == "flaw":
            if isinstance(node, MapNode) and node.span in self._dropped:
                return  # what is missing here may be what was misspelt
            if isinstance(node, MapNode) and context["at"] in node.values:
                node = node.values[context["at"]]
            self.report(context["rule"], context["message"], context["help"], _head(node))
            return
        if kind in _MAPPINGS and isinstance(node, ScalarNode):
            found = traps.misread(node, self.document.lines, self.document.file)
            if found is not None:
                self.findings.add(found)
                return
        if kind == "literal_error" and detail["loc"][-1] == "[key]":
            known = _choices(context)
            message = f"{_named(location[:-1], what)} has no '{location[-1]}'"
            hint = did_you_mean(str(location[-1]), known)
            self.report("unknown-key", message, hint, _head(node))
            return
        rule, message, help = _worded(kind, context, node, _named(location, what))
        self.report(rule, message, help, _head(node))


def _follows(detail: ErrorDetails, details: Collection[ErrorDetails]) -> bool:
    """Whether a list is too short only because of what is wrong in it."""
    place = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in details
    )


def _key(root: Node, location: Sequence[str | int]) -> ScalarNode | None:
    """The key at a place."""
    holder = find(root, tuple(location[:-1]))
    return holder.keys.get(str(location[-1])) if isinstance(holder, MapNode) else None


def _named(location: Sequence[str | int], what: str) -> str:
    """The last name on the way to a place."""
    return next((part for part in reversed(location) if isinstance(part, str)), what)


def _choices(context: Mapping[str, Any]) -> list[str]:
    """The words that pydantic would take."""
    parts = context["expected"].replace(" or ", ", ").split(", ")
    return [part.strip("'") for part in parts if part.strip("'")]


def _worded(kind: str, context: Mapping[str, Any], node: Node, name: str) -> tuple[str, str, str]:
    """Rule, message and help for one of pydantic's own errors."""
    found = kind_of(node)
    if kind == "literal_error" and isinstance(node, ScalarNode):
        message = f"'{name}' cannot be '{node.text}'"
        return "unknown-value", message, did_you_mean(node.text, _choices(context))
    if kind == "too_short":
        return "missing-value", f"'{name}' is an empty list", "write one at least"
    expected, hint = _EXPECTED.get(kind, ("", ""))
    if expected:
        return "wrong-type", f"'{name}': expected {expected}, found {found}", hint
    return "wrong-type", f"'{name}' cannot be {found}", "see the language's reference"


_MAPPINGS = frozenset(("model_type", "model_attributes_type", "dict_type", "mapping_type"))
_KEYS = ("keys", "write `key: value`, one a line and deeper than what they belong to")
_LIST = ("a list", "begin each item with '- ', or write them between brackets: `[a, b]`")
_EXPECTED = {
    **dict.fromkeys(_MAPPINGS, _KEYS),
    "list_type": _LIST,
    "tuple_type": _LIST,
    "string_type": ("text", "write one value"),
    "literal_error": ("one of its words", "write one word"),
}


def kind_of(node: Node) -> str:
    """What a node is, in words."""
    if isinstance(node, MapNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    if isinstance(node, ScalarNode):
        return "nothing" if node.is_null else f"'{node.text[:40]}'"
    return "steps"


def _head(node: Node) -> Span:
    """The place to show for a node: of a mapping or list, where it begins."""
    return node.span


@cache
def shapes_of(model: type[BaseModel]) -> Mapping[str, Shape]:
    """What each key of a model is read as, by the name it is written with."""
    return {
        field.alias or name: _shape_of(Annotated[(field.annotation, *field.metadata, None)])
        for name, field in model.model_fields.items()
    }


def _shape_of(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if any(isinstance(mark, StepList) for mark in arguments[1:]):
            return StepList
        return _shape_of(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if origin in (Union, UnionType):
        shapes = [_shape_of(each) for each in arguments]
        return next((shape for shape in shapes if shape is not None), None)
    if origin in (tuple, list) and arguments:
        item = _shape_of(arguments[0])
        return None if item is None else _ListOf(item)
    if origin in (dict, Mapping) and len(arguments) == 2:
        item = _shape_of(arguments[1])
        return None if item is None else _MapOf(item)
    return None
