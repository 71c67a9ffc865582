"""The tree of a YAML file: every node and key knows its place, and scalars stay as written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]


class Plain(str):
    """Text that was written without quotes: a field may read it as a number or as true/false."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the text, from 1; the end is behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A value as it was written."""

    span: Span
    text: str
    plain: bool = True
    block: bool = False

    @property
    def is_null(self) -> bool:
        """Whether nothing stands there."""
        return self.plain and self.text in _NULLS

    def data(self) -> object:
        """The text, as `Plain` when it had no quotes; nothing is None."""
        if self.is_null:
            return None
        return Plain(self.text) if self.plain else self.text


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    span: Span
    items: tuple["Node", ...]

    def data(self) -> list[object]:
        """Its items' data."""
        return [item.data() for item in self.items]


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping; its keys are text."""

    span: Span
    keys: Mapping[str, ScalarNode]
    values: Mapping[str, "Node"]

    def data(self) -> dict[str, object]:
        """Its values' data by key."""
        return {key: value.data() for key, value in self.values.items()}


Node: TypeAlias = ScalarNode | ListNode | MapNode

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+\Z")


def resolve(value: object) -> Any:
    """Plain text under YAML 1.2's rules, decimal only: for trees whose leaves may be typed."""
    if isinstance(value, dict):
        return {key: resolve(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    if not isinstance(value, Plain):
        return value
    if value in ("true", "false"):
        return value == "true"
    if _INTEGER.match(value) and len(value) < 18:
        return int(value)
    return float(value) if _DECIMAL.match(value) else str(value)


def find(root: Node, path: Path) -> Node:
    """The node at `path` below `root`, or the deepest one on the way."""
    node = root
    for part in path:
        if isinstance(node, MapNode) and part in node.values:
            node = node.values[str(part)]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            break
    return node
