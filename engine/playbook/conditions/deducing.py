"""What follows from a condition without asking any record: what can never hold, what implies what.

It only concludes what is certain for every record; where it does not understand, it says nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import TypeAlias

from engine.playbook.conditions.ranges import MIRRORED, OPPOSITE, Point, Range, compared
from engine.playbook.conditions.tree import (
    Comparison,
    Filter,
    Items,
    Literal,
    Logic,
    Name,
    Node,
    Not,
    Test,
    children,
)
from engine.playbook.conditions.vocabulary import Kind

Facts: TypeAlias = Mapping[str, Range]
"""What one way of holding says of each name."""

_MOST = 48
"""Ways of holding that are looked at; a condition with more is not understood."""
_FALSY: Mapping[Kind, Point] = {
    Kind.TEXT: "", Kind.INTEGER: 0, Kind.NUMBER: 0, Kind.BOOLEAN: False,
}  # fmt: skip


@dataclass(frozen=True)
class Never:
    """A part of a condition that holds for no record, and the part that it contradicts."""

    part: Node
    against: Node | None = None


def nevers(node: Node) -> Iterator[Never]:
    """The smallest parts of a condition that can never hold."""
    if not isinstance(node, Logic | Not | Comparison | Test):
        for child in children(node):
            yield from nevers(child)
        return
    inner = [found for child in children(node) for found in nevers(child)]
    if inner:
        yield from inner
    elif not ways(node):
        yield Never(*_culprits(node))


def _culprits(node: Node) -> tuple[Node, Node | None]:
    """Of an `and` the first two terms that exclude each other."""
    if not (isinstance(node, Logic) and node.operator == "and"):
        return node, None
    for number, term in enumerate(node.terms):
        for before in node.terms[:number]:
            if not _joined(ways(before), ways(term)):
                return term, before
    return node, None


def excludes(*conditions: Node) -> bool:
    """Whether the conditions never hold together."""
    found: Sequence[Facts] = ({},)
    for each in conditions:
        found = _joined(found, ways(each))
    return not found


def implies(one: Node, two: Node) -> bool:
    """Whether `two` holds whenever `one` does."""
    return bool(ways(one)) and not _joined(ways(one), ways(two, negated=True))


def present(node: Node) -> frozenset[str]:
    """The names that have a value whenever `node` holds."""
    found = [
        {name for name, allowed in facts.items() if not allowed.missing} for facts in ways(node)
    ]
    return frozenset(set.intersection(*found)) if found else frozenset()


def ways(node: Node, *, negated: bool = False) -> Sequence[Facts]:
    """Every way in which `node` can hold; none: never. Too many, or unknown: one without facts."""
    match node:
        case Not(operand=operand):
            return ways(operand, negated=not negated)
        case Logic(operator=operator, terms=terms):
            every = [ways(term, negated=negated) for term in terms]
            if (operator == "and") != negated:
                found: Sequence[Facts] = ({},)
                for each in every:
                    found = _joined(found, each)
                return found
            return _limited([facts for each in every for facts in each])
        case Comparison():
            return _comparison(node, negated)
        case Test(name="defined"):
            return _defined(node, present=node.negated == negated)
        case Literal(value=bool() as value):
            return ({},) if value != negated else ()
        case Name() | Filter():
            return _truth(node, negated)
        case _:
            return ({},)


def _limited(found: Sequence[Facts]) -> Sequence[Facts]:
    return found if len(found) <= _MOST else ({},)


def _joined(one: Sequence[Facts], two: Sequence[Facts]) -> Sequence[Facts]:
    """Every way in which both hold."""
    if len(one) * len(two) > _MOST * 4:
        return ({},)
    met = (_met(left, right) for left in one for right in two)
    return _limited([facts for facts in met if facts is not None])


def _met(one: Facts, two: Facts) -> Facts | None:
    found = dict(one)
    for name, allowed in two.items():
        both = found[name].meet(allowed) if name in found else allowed
        if both.is_empty:
            return None
        found[name] = both
    return found


def _fact(name: str, allowed: Range) -> Sequence[Facts]:
    return () if allowed.is_empty else ({name: allowed},)


def _comparison(node: Comparison, negated: bool) -> Sequence[Facts]:
    operands = [node.first, *(operand for _, operand in node.rest)]
    pairs = zip([operator for operator, _ in node.rest], pairwise(operands), strict=True)
    every = [_pair(operator, left, right, negated) for operator, (left, right) in pairs]
    if negated:
        return _limited([facts for each in every for facts in each])
    found: Sequence[Facts] = ({},)
    for each in every:
        found = _joined(found, each)
    return found


def _pair(operator: str, left: Node, right: Node, negated: bool) -> Sequence[Facts]:
    if operator in ("in", "not in"):
        return _membership(left, right, inside=operator == "in", negated=negated)
    if isinstance(left, Literal) and not isinstance(right, Literal):
        operator, left, right = MIRRORED[operator], right, left
    if isinstance(right, Literal):
        point = _point(left, right)
        if point is None or isinstance(left, Literal):
            return ({},)
        return _one(left, operator, point, negated)
    return _order(operator, left, right, negated)


def _one(left: Node, operator: str, point: Point, negated: bool) -> Sequence[Facts]:
    name, universe = _universe(left)
    if not negated:
        return _fact(name, universe.meet(compared(operator, point)))
    otherwise = compared(OPPOSITE[operator], point)
    return _fact(name, universe.meet(_or_missing(otherwise)))


def _or_missing(allowed: Range) -> Range:
    """A comparison that does not hold: it is the other way round, or nothing is there."""
    return Range(
        low=allowed.low,
        above=allowed.above,
        high=allowed.high,
        below=allowed.below,
        only=allowed.only,
        without=allowed.without,
    )


def _membership(left: Node, right: Node, *, inside: bool, negated: bool) -> Sequence[Facts]:
    if not isinstance(right, Items) or not all(isinstance(each, Literal) for each in right.items):
        return ({},)
    points = [_point(left, each) for each in right.items if isinstance(each, Literal)]
    if any(point is None for point in points):
        return ({},)
    values = frozenset(point for point in points if point is not None)
    name, universe = _universe(left)
    among = Range(only=values) if inside != negated else Range(without=values)
    return _fact(name, universe.meet(among if negated else among.defined()))


def _order(operator: str, left: Node, right: Node, negated: bool) -> Sequence[Facts]:
    """Two names beside each other: how they are ordered is itself a value, below 0 or above."""
    one, two = spelled(left), spelled(right)
    if one > two:
        operator, one, two = MIRRORED[operator], two, one
    if one == two:
        holds = operator in ("==", "<=", ">=")
        return ({},) if holds or negated else ()
    allowed = compared(OPPOSITE[operator] if negated else operator, 0)
    return _fact(f"{one} ? {two}", _or_missing(allowed) if negated else allowed)


def _defined(node: Test, *, present: bool) -> Sequence[Facts]:
    name, universe = _universe(node.subject)
    return _fact(name, universe.meet(Range(missing=not present, present=present)))


def _truth(node: Name | Filter, negated: bool) -> Sequence[Facts]:
    """A value alone: there is one, and it is neither false nor 0 nor empty."""
    if node.type.kind not in _FALSY:
        return ({},) if negated else _fact(spelled(node), Range(missing=False))
    falsy = frozenset((_FALSY[node.type.kind],))
    name, universe = _universe(node)
    if negated:
        return _fact(name, universe.meet(Range(only=falsy)))
    return _fact(name, universe.meet(Range(missing=False, without=falsy)))


def _universe(node: Node) -> tuple[str, Range]:
    """How a value is told from others, and what it may be at all."""
    whole = node.type.kind is Kind.INTEGER
    if isinstance(node, Filter) and node.name in ("count", "length", "sum"):
        least = 0 if node.name != "sum" else None
        return spelled(node), Range(low=least, whole=whole, missing=node.name == "length")
    if node.type.kind is Kind.BOOLEAN:
        return spelled(node), Range(only=frozenset((True, False)))
    values = node.type.values
    return spelled(node), Range(only=frozenset(values) if values else None, whole=whole)


def _point(subject: Node, literal: Literal) -> Point | None:
    """The value a literal stands for beside `subject`; None when no order is certain."""
    kind, value = subject.type.kind, literal.value
    if kind in (Kind.DATE, Kind.DATETIME):
        moment = literal.moment
        return moment if isinstance(moment, date) and not isinstance(moment, datetime) else None
    if kind is Kind.TEXT:
        return value if isinstance(value, str) else None
    if kind in (Kind.INTEGER, Kind.NUMBER):
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind is Kind.BOOLEAN:
        return value if isinstance(value, bool) else None
    if kind is Kind.UNKNOWN and isinstance(value, str) and not value[:1].isdigit():
        return value  # with a digit it might be a day, which equals more than itself
    return value if kind is Kind.UNKNOWN and isinstance(value, int | float | bool) else None


def spelled(node: Node) -> str:
    """A node written out without spaces: equal text means equal value, in one look at a record."""
    match node:
        case Name():
            return node.dotted
        case Literal(value=value):
            return repr(value)
        case Filter(name=name, subject=subject, arguments=arguments):
            return f"({spelled(subject)}|{name}({','.join(map(spelled, arguments))}))"
        case _:
            inner = ",".join(map(spelled, children(node)))
            mark = getattr(node, "operator", getattr(node, "name", ""))
            signs = ",".join(sign for sign, _ in getattr(node, "rest", ()))
            negated = "not " if getattr(node, "negated", False) else ""
            return f"{type(node).__name__}{negated}{mark}{signs}({inner})"
