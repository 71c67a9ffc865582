"""From the checked tree to closures: what a condition does at run time. It never raises.

A missing value makes every comparison false and every sum missing; values of different kinds are
not comparable, and that is false too. Nothing of the author's is evaluated by Python.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, assert_never

from engine.playbook.conditions.arithmetic import SUMS, negated, total
from engine.playbook.conditions.comparing import (
    ORDERS,
    Order,
    Written,
    compare,
    contains,
    is_containing,
)
from engine.playbook.conditions.filters import FILTERS, Argument
from engine.playbook.conditions.fusing import fuse, plain_text, text_constants
from engine.playbook.conditions.patterns import matcher
from engine.playbook.conditions.tree import (
    Arithmetic,
    Choice,
    Comparison,
    Filter,
    Items,
    Literal,
    Logic,
    Name,
    Negative,
    Node,
    Not,
    Test,
)
from engine.playbook.durations import parse_offset
from engine.playbook.values import Scope, Value

GetValue: TypeAlias = Callable[[Scope], Value]
GetTruth: TypeAlias = Callable[[Scope], bool]


def _constant(node: Literal) -> Value:
    if node.moment is None and node.length is None:
        return node.value
    written = Written(node.value)
    written.moment, written.length = node.moment, node.length
    return written


def truth_of(node: Node) -> GetTruth:
    """Whether the condition holds, as a function of the scope."""
    match node:
        case Comparison():
            return _comparison(node)
        case Logic(operator="and", terms=terms):
            return _every(terms)
        case Logic(terms=terms):
            return _any([truth_of(term) for term in terms])
        case Not(operand=operand):
            holds = truth_of(operand)
            return lambda scope: not holds(scope)
        case Test():
            return _test(node)
        case Choice():
            condition, then, otherwise = map(truth_of, (node.condition, node.then, node.otherwise))
            return lambda scope: then(scope) if condition(scope) else otherwise(scope)
        case _:
            value = value_of(node)
            return lambda scope: bool(value(scope))


def value_of(node: Node) -> GetValue:
    """The value of an expression, as a function of the scope; None is missing."""
    match node:
        case Literal():
            constant = _constant(node)
            return lambda scope: constant
        case Name():
            return _name(node.path)
        case Items(items=items):
            return _items([value_of(item) for item in items])
        case Arithmetic():
            return _arithmetic(node)
        case Negative(operand=operand):
            value = value_of(operand)
            return lambda scope: negated(value(scope))
        case Logic():
            return _deciding(node.operator == "and", [value_of(term) for term in node.terms])
        case Choice():
            condition = truth_of(node.condition)
            then, otherwise = value_of(node.then), value_of(node.otherwise)
            return lambda scope: then(scope) if condition(scope) else otherwise(scope)
        case Filter():
            return _filter(node)
        case Comparison() | Not() | Test():
            return truth_of(node)
        case _:
            assert_never(node)


def plain(value: Value) -> Value:
    """`value` as others may keep it: literals are ordinary text."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def _every(terms: Sequence[Node]) -> GetTruth:
    fused, others = fuse(terms)
    asked = [*fused, *(truth_of(term) for term in others)]
    return asked[0] if len(asked) == 1 else _all(asked)


def _all(terms: list[GetTruth]) -> GetTruth:
    if len(terms) == 2:
        first, second = terms
        return lambda scope: first(scope) and second(scope)

    def run(scope: Scope) -> bool:
        for term in terms:  # noqa: SIM110 - a generator costs twice as much here
            if not term(scope):
                return False
        return True

    return run


def _any(terms: list[GetTruth]) -> GetTruth:
    def run(scope: Scope) -> bool:
        for term in terms:  # noqa: SIM110 - a generator costs twice as much here
            if term(scope):
                return True
        return False

    return run


def _deciding(stops_at_false: bool, terms: list[GetValue]) -> GetValue:
    def run(scope: Scope) -> Value:
        value: Value = None
        for term in terms:
            value = term(scope)
            if bool(value) is not stops_at_false:
                return value
        return value

    return run


def _items(items: list[GetValue]) -> GetValue:
    return lambda scope: [item(scope) for item in items]


def _name(path: tuple[str, ...]) -> GetValue:
    root = path[0]
    if len(path) == 1:
        return lambda scope: scope.get(root)  # type: ignore[return-value]
    if len(path) > 2:
        return _deep_name(root, path[1:])
    field = path[1]

    def run(scope: Scope) -> Value:
        record = scope.get(root)
        return None if record is None else record.get(field)  # type: ignore[attr-defined]

    return run


def _deep_name(root: str, path: tuple[str, ...]) -> GetValue:
    def run(scope: Scope) -> Value:
        value = scope.get(root)
        for part in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(part)
        return value  # type: ignore[return-value]

    return run


def _comparison(node: Comparison) -> GetTruth:
    pairs: list[GetTruth] = []
    left = node.first
    for operator, right in node.rest:
        pairs.append(_pair(operator, left, right))
        left = right
    return pairs[0] if len(pairs) == 1 else _all(pairs)


def _pair(operator: str, left: Node, right: Node) -> GetTruth:
    if operator in ("in", "not in"):
        return _membership(left, right, wanted=operator == "in")
    if isinstance(right, Literal) and right.moment is None and right.length is None:
        if isinstance(right.value, str):
            return _with_text(ORDERS[operator], left, right.value)
        if isinstance(right.value, int | float) and not isinstance(right.value, bool):
            return _with_number(ORDERS[operator], left, right.value)
    value, other = value_of(left), value_of(right)
    order = ORDERS[operator]
    return lambda scope: compare(order, value(scope), other(scope), scope)


def _with_text(order: Order, node: Node, constant: str) -> GetTruth:
    if isinstance(node, Name) and len(node.path) == 2:
        # The most frequent condition of all, so its look-up is written out.
        root, field = node.path

        def run_field(scope: Scope) -> bool:
            record = scope.get(root)
            if record is None:
                return False
            found = record.get(field)  # type: ignore[attr-defined]
            return isinstance(found, str) and order(found, constant)

        return run_field
    value = value_of(node)

    def run(scope: Scope) -> bool:
        found = value(scope)
        return isinstance(found, str) and order(found, constant)

    return run


def _with_number(order: Order, node: Node, constant: float) -> GetTruth:
    if isinstance(node, Name) and len(node.path) == 2:
        root, field = node.path

        def run_field(scope: Scope) -> bool:
            record = scope.get(root)
            if record is None:
                return False
            found = record.get(field)  # type: ignore[attr-defined]
            kind = type(found)
            return (kind is int or kind is float) and order(found, constant)

        return run_field
    value = value_of(node)

    def run(scope: Scope) -> bool:
        found = value(scope)
        kind = type(found)
        return (kind is int or kind is float) and order(found, constant)

    return run


def _membership(node: Node, container: Node, *, wanted: bool) -> GetTruth:
    value = value_of(node)
    constants = text_constants(container)
    if constants is not None:

        def run_constants(scope: Scope) -> bool:
            found = value(scope)
            return isinstance(found, str) and (found in constants) is wanted

        return run_constants
    others = value_of(container)
    text = plain_text(node)
    if text is not None and not isinstance(container, Items):
        return _with_text_within(text, others, wanted=wanted)

    def run(scope: Scope) -> bool:
        return _is_member(value(scope), others(scope), scope, wanted)

    return run


def _with_text_within(text: str, others: GetValue, *, wanted: bool) -> GetTruth:
    """`"vip" in lead.tags`: a list that holds nothing but text needs no comparing one by one."""

    def run(scope: Scope) -> bool:
        within = others(scope)
        if isinstance(within, str | list | tuple):
            return (text in within) is wanted
        return _is_member(text, within, scope, wanted)

    return run


def _is_member(found: Value, within: Value, scope: Scope, wanted: bool) -> bool:
    if found is None or within is None:
        return False
    if isinstance(within, str):
        return isinstance(found, str) and (found in within) is wanted
    if not isinstance(within, Sequence):
        return False
    return contains(within, found, scope) is wanted


def _arithmetic(node: Arithmetic) -> GetValue:
    left, right = value_of(node.left), value_of(node.right)
    combine = SUMS[node.operator]
    symbol = node.operator

    def run(scope: Scope) -> Value:
        one, other = left(scope), right(scope)
        if one is None or other is None:
            return None
        try:
            return total(combine, symbol, one, other, scope)
        except (ArithmeticError, ValueError, TypeError):
            return None

    return run


def _filter(node: Filter) -> GetValue:
    rule = FILTERS[node.name]
    subject = value_of(node.subject)
    arguments = [
        _argument(role, each) for role, each in zip(rule.arguments, node.arguments, strict=False)
    ]
    run, is_total = rule.run, node.name in ("default", "count", "sum", "last")

    def filtered(scope: Scope) -> Value:
        value = subject(scope)
        if value is None and not is_total:
            return None
        try:
            return run(scope, value, [argument(scope) for argument in arguments])
        except (ArithmeticError, ValueError):
            return None  # a date beyond the calendar's end

    return filtered


def _argument(role: str, node: Node) -> Callable[[Scope], Argument]:
    if role in ("duration", "within") and isinstance(node, Literal):
        duration = parse_offset(str(node.value))
        return lambda scope: duration
    if role != "value" and isinstance(node, Literal):
        constant = node.value
        return lambda scope: constant
    return value_of(node)


def _test(node: Test) -> GetTruth:
    wanted = not node.negated
    subject = value_of(node.subject)
    if node.name == "defined":
        return lambda scope: (subject(scope) is not None) is wanted
    if node.name == "matching" and isinstance(node.arguments[0], Literal):
        matches = matcher(str(node.arguments[0].value))

        def run(scope: Scope) -> bool:
            value = subject(scope)
            return (isinstance(value, str) and matches(value)) is wanted

        return run
    item = value_of(node.arguments[0])
    return lambda scope: is_containing(subject(scope), item(scope), scope) is wanted
