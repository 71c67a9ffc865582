"""The plainest terms of an `and`, asked in one go: fields of one record beside constants.

Most conditions are made of these. Each as a closure of its own costs a call, a look-up of the
record and one of the field; together they share the first two. What they mean is `running`'s:
a term is only taken here when a missing record makes it false.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.playbook.conditions.comparing import ORDERS
from engine.playbook.conditions.tree import Comparison, Items, Literal, Name, Node, Test
from engine.playbook.values import Scope

_Number = tuple[str, Callable[[Any, Any], bool], float]


@dataclass
class _Plain:
    """The plain terms about one record, by what they ask."""

    root: str
    equal: list[tuple[str, str]] = field(default_factory=list)
    unequal: list[tuple[str, str]] = field(default_factory=list)
    numbers: list[_Number] = field(default_factory=list)
    among: list[tuple[str, frozenset[str], bool]] = field(default_factory=list)
    holding: list[tuple[str, str, bool]] = field(default_factory=list)
    defined: list[str] = field(default_factory=list)
    size: int = 0

    def take(self, node: Node) -> bool:
        """Takes a term if it is plain, and about this record."""
        taken = self._take(node)
        self.size += taken
        return taken

    def _take(self, node: Node) -> bool:
        match node:
            case Test(name="defined", subject=Name(path=(self.root, name)), negated=False):
                self.defined.append(name)
            case Comparison(first=Name(path=(self.root, name)), rest=((sign, right),)):
                return self._compared(name, sign, right)
            case Comparison(
                first=Literal() as literal, rest=(("in" | "not in" as sign, Name(path=path)),)
            ) if len(path) == 2 and path[0] == self.root:
                text = plain_text(literal)
                if text is None:
                    return False
                self.holding.append((path[1], text, sign == "in"))
            case _:
                return False
        return True

    def _compared(self, name: str, sign: str, right: Node) -> bool:
        if isinstance(right, Items) and sign in ("in", "not in"):
            texts = text_constants(right)
            if texts is not None:
                self.among.append((name, texts, sign == "in"))
            return texts is not None
        text = plain_text(right)
        if text is not None and sign in ("==", "!="):
            (self.equal if sign == "==" else self.unequal).append((name, text))
            return True
        number = plain_number(right)
        if number is None or sign not in ORDERS:
            return False
        self.numbers.append((name, ORDERS[sign], number))
        return True

    def asked(self) -> Callable[[Scope], bool]:
        """All the terms taken, as one closure."""
        root, equal, unequal, numbers = self.root, self.equal, self.unequal, self.numbers
        among, holding, defined = self.among, self.holding, self.defined

        def run(scope: Scope) -> bool:  # noqa: PLR0912 - a call for each kind would cost as much
            record: Any = scope.get(root)
            if record is None:
                return False
            get = record.get
            for name, text in equal:
                if get(name) != text:
                    return False
            for name, order, number in numbers:
                found = get(name)
                kind = type(found)
                if (kind is not int and kind is not float) or not order(found, number):
                    return False
            for name, texts, wanted in among:
                found = get(name)
                if not isinstance(found, str) or (found in texts) is not wanted:
                    return False
            for name, text, wanted in holding:
                found = get(name)
                if not isinstance(found, list | str | tuple) or (text in found) is not wanted:
                    return False
            for name, text in unequal:
                found = get(name)
                if not isinstance(found, str) or found == text:
                    return False
            for name in defined:  # noqa: SIM110 - a generator costs twice as much here
                if get(name) is None:
                    return False
            return True

        return run


def fuse(terms: Sequence[Node]) -> tuple[list[Callable[[Scope], bool]], list[Node]]:
    """The plain terms as closures, one for each record with two or more; and the other terms."""
    fused, rest = [], list(terms)
    for root in ("lead", "deal", "event"):
        plain = _Plain(root)
        others = [term for term in rest if not plain.take(term)]
        if plain.size > 1:
            fused.append(plain.asked())
            rest = others
    return fused, rest


def plain_text(node: Node) -> str | None:
    """The text of a literal that can be nothing else."""
    if not isinstance(node, Literal) or node.moment is not None or node.length is not None:
        return None
    return node.value if isinstance(node.value, str) else None


def plain_number(node: Node) -> float | None:
    """The number that is written down, if it is one."""
    if not isinstance(node, Literal) or isinstance(node.value, bool):
        return None
    return node.value if isinstance(node.value, int | float) else None


def text_constants(container: Node) -> frozenset[str] | None:
    """The items of a written list, when they are nothing but text."""
    if not isinstance(container, Items):
        return None
    texts = [text for text in map(plain_text, container.items) if text is not None]
    return frozenset(texts) if len(texts) == len(container.items) and texts else None
