"""A playbook's text, tidied: indentation, order of keys, quotes; comments and meaning stay.

The text is written anew from the tree of nodes, with the comments where they belong. Before it is
handed out it is read again: were anything but its look different, it would be refused.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.errors import InputError
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.key_order import order_of
from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode, resolve
from engine.playbook.remarks import Remarks, is_flow, last_line, remarks_of
from engine.playbook.requoting import requoted
from engine.playbook.source import Document, parse


class Untidy(InputError):
    """A file that cannot be tidied: it is no good YAML, or would not stay what it is.

    Attributes:
        diagnostics: what is wrong with it.
    """

    def __init__(self, file: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
        self.diagnostics = tuple(diagnostics)
        hint = "mend it first: longplay validate" if diagnostics else "it is good as it is"
        super().__init__(f"'{file}' cannot be tidied", help=hint)


def formatted(content: bytes | str, file: str) -> str:
    """The text of a playbook or workspace, tidied.

    Raises:
        Untidy: it is no good YAML; nothing is guessed.
    """
    findings = Findings()
    before = parse(content, file, findings)
    if before is not None and not isinstance(before.root, MapNode):
        span = before.root.span
        message, hint = "this is no playbook: it has no keys", "begin it with `playbook: NAME`"
        findings.add(Diagnostic("wrong-type", message, hint, file, span.line, span.column))
    if before is None or findings.failed:
        raise Untidy(file, findings.sorted())
    remarks = remarks_of(before)
    text = _Writer(before, remarks).text()
    after = parse(text, file, Findings())
    if (
        after is None
        or resolve(after.root.data()) != resolve(before.root.data())
        or remarks_of(after).all() != remarks.all()
        or text.count("#") != before.text.count("#")
    ):
        raise Untidy(file)
    return text


@dataclass
class _Writer:
    document: Document
    remarks: Remarks

    def text(self) -> str:
        root = self.document.root
        lines = [*self.remarks.header]
        lines += self._value(root, 0, ("root",))
        lines += self._below(root, 0)
        while lines and not lines[-1]:
            lines.pop()
        return "\n".join(line.rstrip() for line in lines) + "\n"

    @property
    def lines(self) -> Sequence[str]:
        return self.document.lines

    def _value(self, node: Node, indent: int, path: tuple[str, ...]) -> list[str]:
        """The lines of a block value, without what stands above its first entry."""
        if isinstance(node, ScalarNode) or is_flow(node, self.lines):
            return self._inline(node, indent, path)
        if isinstance(node, MapNode):
            return self._map(node, indent, path)
        return self._list(node, indent, path)

    def _map(self, node: MapNode, indent: int, path: tuple[str, ...]) -> list[str]:
        found: list[str] = []
        keys = order_of(node, path)
        first_in_file = next(iter(node.keys), "")
        for number, key in enumerate(keys):
            at = node.keys[key].span.line
            is_item = path[-1:] == ("-",)
            if not (is_item and key == first_in_file):
                above = self._above(at, indent)
                found += above if number else [each for each in above if each]
            found += self._entry(node, key, indent, path)
        return found

    def _entry(self, node: MapNode, key: str, indent: int, path: tuple[str, ...]) -> list[str]:
        at, value = node.keys[key], node.values[key]
        name = requoted(at, self._written(at), flow=False)
        head = f"{' ' * indent}{name}:"
        if isinstance(value, ScalarNode) and value.is_null and not self._written(value):
            return [self._beside(head, at.span.line)]
        if isinstance(value, ScalarNode) or is_flow(value, self.lines):
            first, *rest = self._inline(value, indent, (*path, key))
            line = f"{head} {first.lstrip()}"
            on_key_line = [] if value.span.line == at.span.line else [at.span.line]
            line, rest = self._remarked(value, line, rest)
            above = [f"{' ' * indent}{self.remarks.beside[n][1]}" for n in on_key_line
                     if n in self.remarks.beside]  # fmt: skip
            return [*above, line, *rest]
        lines = [self._beside(head, at.span.line)]
        inner = indent + 2
        first_line = _first_line(value)
        if isinstance(value, ListNode) and first_line != at.span.line:
            lines += [each for each in self._above(first_line, inner) if each]
        lines += self._value(value, inner, (*path, key))
        return lines + self._below(value, inner)

    def _list(self, node: ListNode, indent: int, path: tuple[str, ...]) -> list[str]:
        found: list[str] = []
        for number, item in enumerate(node.items):
            if number:
                found += self._above(item.span.line, indent)
            if isinstance(item, ScalarNode) or is_flow(item, self.lines):
                first, *rest = self._inline(item, indent, (*path, "-"))
                line = f"{' ' * indent}- {first.lstrip()}".rstrip()
                line, rest = self._remarked(item, line, rest)
                found += [line, *rest]
                continue
            lines = self._value(item, indent + 2, (*path, "-"))
            own = next(at for at, line in enumerate(lines) if not line.lstrip().startswith("#"))
            for line in lines[:own]:
                found.append(" " * indent + line.strip())
            found.append(f"{' ' * indent}- {lines[own].lstrip()}")
            found += lines[own + 1 :] + self._below(item, indent + 2)
        return found

    def _remarked(self, node: Node, line: str, rest: list[str]) -> tuple[str, list[str]]:
        """A value's lines with the comment behind it: of a block of text behind its first sign."""
        if rest and not (isinstance(node, ScalarNode) and node.block):
            return line, [*rest[:-1], self._beside(rest[-1], node.span.end_line)]
        return self._beside(line, node.span.line), rest

    def _inline(self, node: Node, indent: int, path: tuple[str, ...]) -> list[str]:
        """A scalar, or a list or mapping between brackets; lines after the first are indented."""
        span = node.span
        if isinstance(node, ScalarNode) and node.block:
            return self._block(node, indent)
        if span.line == span.end_line:
            return [self._flow(node, path, nested=False)]
        first = self.lines[span.line - 1][span.column - 1 :].rstrip()
        rest = [*self.lines[span.line : span.end_line]]
        rest[-1] = rest[-1][: span.end_column - 1]
        if isinstance(node, ScalarNode):
            return [first, *(" " * (indent + 2) + each.strip() for each in rest)]
        return [first, *_shifted(rest, indent)]

    def _block(self, node: ScalarNode, indent: int) -> list[str]:
        header = self.lines[node.span.line - 1][node.span.column - 1 :].split(" ")[0].rstrip()
        body = list(self.lines[node.span.line : last_line(node, self.lines)])
        depth = min((len(b) - len(b.lstrip(" ")) for b in body if b.strip()), default=0)
        if re.search(r"\d", header):
            raise Untidy(self.document.file)
        return [header, *((" " * (indent + 2) + b[depth:]) if b.strip() else "" for b in body)]

    def _flow(self, node: Node, path: tuple[str, ...], *, nested: bool) -> str:
        if isinstance(node, ScalarNode):
            return requoted(node, self._written(node), flow=nested)
        if isinstance(node, ListNode):
            items = (self._flow(each, (*path, "-"), nested=True) for each in node.items)
            return f"[{', '.join(items)}]"
        parts = []
        for key in order_of(node, path):
            name = requoted(node.keys[key], self._written(node.keys[key]), flow=True)
            value = self._flow(node.values[key], (*path, key), nested=True)
            parts.append(f"{name}: {value}" if value else name)
        return "{" + ", ".join(parts) + "}"

    def _written(self, node: ScalarNode) -> str:
        span = node.span
        return self.lines[span.line - 1][span.column - 1 : span.end_column - 1]

    def _above(self, line: int, indent: int) -> list[str]:
        return [" " * indent + each if each else "" for each in self.remarks.above.get(line, ())]

    def _below(self, node: Node, indent: int) -> list[str]:
        if isinstance(node, ScalarNode) or is_flow(node, self.lines):
            return []
        return [
            " " * indent + each if each else "" for each in self.remarks.below.get(node.span, ())
        ]

    def _beside(self, line: str, at: int) -> str:
        if at not in self.remarks.beside:
            return line
        column, remark = self.remarks.beside[at]
        return line + " " * max(2, column - len(line)) + remark


def _first_line(node: Node) -> int:
    if isinstance(node, ListNode) and node.items:
        return node.items[0].span.line
    if isinstance(node, MapNode) and node.keys:
        return next(iter(node.keys.values())).span.line
    return node.span.line


def _shifted(lines: Sequence[str], indent: int) -> Iterator[str]:
    """Lines between brackets, moved together so that the least deep stands below its key."""
    depth = min((len(each) - len(each.lstrip()) for each in lines if each.strip()), default=0)
    least = indent if lines[-1].strip()[:1] in ("]", "}") else indent + 2
    for each in lines:
        yield " " * least + each[depth:].rstrip() if each.strip() else ""
