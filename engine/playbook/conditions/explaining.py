"""A condition in words: its canonical spelling, and what it saw when it was asked."""

from collections.abc import Callable, Mapping
from datetime import datetime

from engine.playbook.conditions.running import value_of
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
    children,
)
from engine.playbook.values import Scope, Value

_LONGEST = 40
_MOST = 6


def explainer(text: str, tree: Node) -> Callable[[Scope], str]:
    """What tells of a scope the condition with what it saw: `lead.score >= 40 (lead.score is 45)`.

    Refusals are told for event after event, so the tree is walked once.
    """
    facts = {spelled(node): value_of(node) for node in _facts(tree)}
    told = list(facts.items())[:_MOST]
    plain = " ".join(text.split())
    rest = ", …" if len(facts) > _MOST else ""

    def explain(scope: Scope) -> str:
        seen = [f"{name} is {shown(value(scope))}" for name, value in told]
        return f"{plain} ({', '.join(seen)}{rest})" if seen else plain

    return explain


def _facts(node: Node) -> list[Node]:
    """The names that are read and the questions to the history, from left to right."""
    if isinstance(node, Name):
        return [node]
    if isinstance(node, Filter) and node.subject == Name(
        ("lead",), node.subject.type, node.subject.span
    ):
        return [node]
    return [fact for child in children(node) for fact in _facts(child)]


def shown(value: Value) -> str:
    """A value as a log shows it, cut short."""
    match value:
        case None:
            return "missing"
        case bool():
            return "true" if value else "false"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case str():
            text = f"'{value}'"
        case Mapping():
            text = "a record"
        case list() | tuple():
            text = f"[{', '.join(shown(each) for each in value[:5])}{', …' if value[5:] else ''}]"
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def spelled(node: Node) -> str:
    """The one spelling of a tree; reading it gives the same tree."""
    match node:
        case Literal(value=value):
            return _literal(value)
        case Name():
            return node.dotted
        case Items(items=items):
            return f"[{', '.join(map(spelled, items))}]"
        case Arithmetic(operator=operator, left=left, right=right):
            return f"{_inner(left)} {operator} {_inner(right)}"
        case Negative(operand=operand):
            return f"-{_inner(operand)}"
        case Not(operand=operand):
            return f"not {_inner(operand)}"
        case Comparison(first=first, rest=rest):
            return " ".join([_inner(first), *(f"{each} {_inner(to)}" for each, to in rest)])
        case Logic(operator=operator, terms=terms):
            return f" {operator} ".join(map(_inner, terms))
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return f"{_inner(then)} if {_inner(condition)} else {_inner(otherwise)}"
        case Filter(name=name, subject=subject, arguments=arguments):
            return f"{_inner(subject)} | {_called(name, arguments)}"
        case Test(name=name, subject=subject, arguments=arguments, negated=negated):
            return f"{_inner(subject)} is {'not ' if negated else ''}{_called(name, arguments)}"


def _inner(node: Node) -> str:
    """A part of something larger: in parentheses unless it is a single thing."""
    text = spelled(node)
    return text if isinstance(node, Literal | Name | Items) else f"({text})"


def _called(name: str, arguments: tuple[Node, ...]) -> str:
    return f"{name}({', '.join(map(spelled, arguments))})" if arguments else name


def _literal(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'
