"""The checked tree of a condition: what other compilers (closures here, SQL in the store) read.

Every node knows its type and its place in the text. A tree holds no Python of the author's: only
the nodes listed here exist.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeAlias

from engine.playbook.conditions.vocabulary import UNKNOWN, ValueType

Span: TypeAlias = tuple[int, int]
"""Where a node stands in the text: the column of its first character, and of the one after."""

Constant: TypeAlias = str | int | float | bool | date | datetime | timedelta | None


@dataclass(frozen=True)
class Literal:
    """A value that is written down.

    Beside a date or a moment, `moment` is the same text read as one: a date, or a naive datetime
    on the clock of the record's zone (aware when the text names its offset). Beside a length of
    time, `length` is.
    """

    value: Constant
    type: ValueType = UNKNOWN
    span: Span = (0, 0)
    moment: date | None = None
    length: timedelta | None = None


@dataclass(frozen=True)
class Name:
    """A dotted name, such as `lead.score`; `now` is a path of one."""

    path: tuple[str, ...]
    type: ValueType = UNKNOWN
    span: Span = (0, 0)

    @property
    def dotted(self) -> str:
        """The name as it is written."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Items:
    """A list that is written down."""

    items: tuple["Node", ...]
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Arithmetic:
    """`left operator right`, with `+ - * / %`."""

    operator: str
    left: "Node"
    right: "Node"
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Negative:
    """`-operand`."""

    operand: "Node"
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Comparison:
    """A chain `a < b <= c`: `first`, then pairs of an operator and an operand.

    Operators: `== != < <= > >= in` and `not in`.
    """

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Logic:
    """`and` or `or` over two or more terms; its value is that of the deciding term."""

    operator: str
    terms: tuple["Node", ...]
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Not:
    """`not operand`."""

    operand: "Node"
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Choice:
    """`then if condition else otherwise`."""

    condition: "Node"
    then: "Node"
    otherwise: "Node"
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Filter:
    """`subject | name(arguments)`."""

    name: str
    subject: "Node"
    arguments: tuple["Node", ...]
    type: ValueType = UNKNOWN
    span: Span = (0, 0)


@dataclass(frozen=True)
class Test:
    """`subject is name(arguments)`, or `is not`."""

    __test__ = False  # the name is the language's; pytest would collect it

    name: str
    subject: "Node"
    arguments: tuple["Node", ...]
    negated: bool = False
    type: ValueType = UNKNOWN
    span: Span = field(default=(0, 0))


Node: TypeAlias = (
    Literal
    | Name
    | Items
    | Arithmetic
    | Negative
    | Comparison
    | Logic
    | Not
    | Choice
    | Filter
    | Test
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below `node`, from left to right."""
    match node:
        case Literal() | Name():
            return ()
        case Items(items=items):
            return items
        case Arithmetic(left=left, right=right):
            return (left, right)
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Comparison(first=first, rest=rest):
            return (first, *(operand for _, operand in rest))
        case Logic(terms=terms):
            return terms
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case Filter() | Test():
            return (node.subject, *node.arguments)


def walk(node: Node) -> "list[Node]":
    """`node` and everything below it."""
    found: list[Node] = [node]
    for each in found:
        found.extend(children(each))
    return found
