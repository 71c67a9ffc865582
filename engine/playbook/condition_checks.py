"""What is doubtful about a condition that compiles: parts that no record can ever meet.

A doubt is a warning: the condition has a meaning, which is probably not the author's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from engine.playbook.conditions.compiled import CompiledCondition
from engine.playbook.conditions.deducing import nevers
from engine.playbook.conditions.tree import (
    Comparison,
    Filter,
    Items,
    Literal,
    Name,
    Node,
    Span,
    walk,
)

_CODE = re.compile(r"[A-Z]{2}\Z")


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is doubtful, where in the condition's text, and the next move."""

    message: str
    help: str
    span: Span


def doubts(compiled: CompiledCondition) -> list[Doubt]:
    """Everything doubtful about a condition, by place."""
    found = [*_nevers(compiled), *_spellings(compiled)]
    return sorted(found, key=lambda doubt: doubt.span)


def _nevers(compiled: CompiledCondition) -> Iterator[Doubt]:
    text = compiled.text
    for never in nevers(compiled.tree):
        part = _at(text, never.part)
        if never.against is None:
            message, hint = f"'{part}' can never hold", "mend one of its values, or leave it out"
        else:
            against = _at(text, never.against)
            message = f"'{part}' can never hold together with '{against}'"
            hint = "write 'or' between them, or mend one of the values"
        yield Doubt(message, hint, never.part.span)


def _at(text: str, node: Node) -> str:
    return text[slice(*node.span)]


def _spellings(compiled: CompiledCondition) -> Iterator[Doubt]:
    """Text that is never written as it is compared: `China` as a country, capitals in lower."""
    for node in walk(compiled.tree):
        if not isinstance(node, Comparison):
            continue
        operands = [node.first, *(operand for _, operand in node.rest)]
        for left, right in pairwise(operands):
            yield from _misspelt(left, right, compiled.text)
            yield from _misspelt(right, left, compiled.text)


def _misspelt(subject: Node, beside: Node, text: str) -> Iterator[Doubt]:
    for each in beside.items if isinstance(beside, Items) else (beside,):
        if not isinstance(each, Literal) or not isinstance(each.value, str):
            continue
        written, what = each.value, _at(text, subject)
        if isinstance(subject, Name) and subject.path == ("lead", "country"):
            if not _CODE.match(written):
                code = written.upper() if _CODE.match(written.upper()) else "CN"
                message = f"'{what}' is a two-letter code, never '{written}'"
                yield Doubt(message, f"write it like '{code}'", each.span)
        elif isinstance(subject, Filter) and subject.name in ("lower", "upper"):
            fit = written.lower() if subject.name == "lower" else written.upper()
            if fit != written:
                message = f"'{what}' is never '{written}', because of its letters' case"
                yield Doubt(message, f"write '{fit}'", each.span)
