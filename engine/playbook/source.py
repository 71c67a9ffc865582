"""Strict YAML: bytes in; a tree that knows the place of every node and key, or diagnostics.

It owns the scalar rules (language.md, "YAML that bites"): a scalar stays the text that was written
until a field asks for more. It refuses anchors, merge keys, tags, duplicate keys and several
documents, and never raises for any input.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.playbook import decoding, traps, traps_flow
from engine.playbook.diagnostics import Diagnostic, Findings
from engine.playbook.nodes import ListNode, MapNode, Node, Path, ScalarNode, Span, find

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
_MENDS = 20


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is good YAML: its text, and the tree with the place of everything."""

    file: str
    text: str
    root: Node
    lines: tuple[str, ...] = field(repr=False, default=())

    def node(self, path: Path) -> Node:
        """The node at `path`, or the deepest one on the way."""
        return find(self.root, path)

    def inside(self, node: ScalarNode, column: int) -> tuple[int, int]:
        """Line and column of the character `column` (from 1) of a scalar's text.

        Folded, escaped and block text has no such place on one line: there it is the node's own.
        """
        span = node.span
        here = (span.line, span.column)
        if not 1 <= span.line <= len(self.lines):
            return here
        if node.block:
            return self._inside_block(node, column)
        line = self.lines[span.line - 1]
        start = span.column - 1 + (0 if node.plain else 1)
        if line[start : start + len(node.text)] != node.text:
            return here
        return span.line, start + column

    def _inside_block(self, node: ScalarNode, column: int) -> tuple[int, int]:
        before = node.text[: column - 1]
        line = node.span.line + 1 + before.count("\n")
        if line > len(self.lines):
            return node.span.line, node.span.column
        text = self.lines[line - 1]
        return line, len(text) - len(text.lstrip(" ")) + len(before.rpartition("\n")[2]) + 1


def parse(content: bytes | str, file: str, findings: Findings) -> Document | None:
    """The document in `content`; None after findings that keep it from being read."""
    before = Findings()
    text = decoding.decode(content, file, before, MAX_BYTES)
    document = None if text is None else _document(text, file, before)
    findings.extend(before)
    return None if before.failed else document


def _document(text: str, file: str, findings: Findings) -> Document | None:
    """Parses; after a known trap goes on with the mended line, to find the next one as well."""
    mended = text
    for _ in range(_MENDS):
        reader = _Reader(mended, file, findings)
        try:
            root = reader.read()
        except _Refused:
            return None
        except yaml.YAMLError as error:
            fault, repaired = traps.explain(error, mended, file)
            findings.add(fault)
            if repaired is None:
                return None
            mended = repaired
            continue
        except (RecursionError, ValueError, UnicodeError):
            hint = "save it as plain text in UTF-8"
            findings.add(Diagnostic("yaml-syntax", "this is no YAML that can be read", hint, file))
            return None
        if root is None:
            return None
        return Document(file, mended, root, tuple(mended.split("\n")))
    return None


class _Refused(Exception):
    """Reading cannot go on; the finding has been recorded."""


class _Reader:
    """Builds the tree from libyaml's events, so that nothing is expanded before it is checked."""

    def __init__(self, text: str, file: str, findings: Findings) -> None:
        self._lines = text.split("\n")
        self._file = file
        self._findings = findings
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.CSafeLoader))

    def read(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(
                        event,
                        "several-documents",
                        "a second document begins here",
                        "one file is one playbook: put it into a file of its own",
                    )
                root = self._node(next(self._events), 1)
        if root is None or (isinstance(root, ScalarNode) and root.is_null):
            hint = "write a playbook, or delete the file"
            message = "there is nothing in this file"
            self._findings.add(Diagnostic("empty-file", message, hint, self._file))
            return None
        return root

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            self._refuse(
                event,
                "yaml-anchor",
                f"'*{event.anchor}' is a YAML alias, which playbooks do not have",
                f'write the value again, or quote the text: "*{event.anchor}"',
            )
        if event.anchor is not None:
            self._refuse(
                event,
                "yaml-anchor",
                f"'&{event.anchor}' is a YAML anchor, which playbooks do not have",
                self._without(event, f"&{event.anchor}") or "write the value where it is used",
            )
        if event.tag not in (None, "!"):
            tag = self._lines[event.start_mark.line][event.start_mark.column :].split(" ")[0]
            self._refuse(
                event,
                "yaml-tag",
                f"'{tag}' is a YAML tag, which playbooks do not have",
                self._without(event, tag) or "leave it out; text that begins with '!' needs quotes",
            )
        if depth > MAX_DEPTH:
            self._refuse(
                event,
                "too-deep",
                f"this is nested more than {MAX_DEPTH} levels deep",
                "put a part of it into a playbook of its own, and `enroll:` it",
            )
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, depth)
        return self._map(event, depth)

    def _without(self, event: Any, sign: str) -> str:
        """The help that shows the line without an anchor or a tag."""
        line = self._lines[event.start_mark.line]
        before, found, after = line.partition(sign)
        if not found:
            return ""
        if sign.startswith("&"):
            written = (before + after.lstrip()).strip()
            return f"write `{written}`, and the value again elsewhere" if after.strip() else ""
        mended = traps.on_value(line)
        return f"write `{mended.strip()}`" if mended else ""

    def _scalar(self, event: Any) -> ScalarNode:
        style = event.style
        node = ScalarNode(
            _span(event, event),
            event.value,
            plain=style is None or style == "",
            block=style in ("|", ">"),
        )
        self._findings.extend(traps.in_scalar(node, self._lines, self._file))
        return node

    def _list(self, start: Any, depth: int) -> ListNode:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                node = ListNode(_span(start, event), tuple(items))
                if start.flow_style:
                    self._findings.extend(traps_flow.in_list(node, self._lines, self._file))
                return node
            items.append(self._node(event, depth + 1))
        raise _Refused

    def _map(self, start: Any, depth: int) -> MapNode:
        keys: dict[str, ScalarNode] = {}
        values: dict[str, Node] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                node = MapNode(_span(start, event), keys, values)
                if start.flow_style:
                    self._findings.extend(traps_flow.in_map(node, self._lines, self._file))
                return node
            key = self._node(event, depth + 1)
            if isinstance(key, ScalarNode) and key.plain and key.text == "<<":
                self._merge_key(key)
            value = self._node(next(self._events), depth + 1)
            self._entry(key, value, keys, values)
        raise _Refused

    def _entry(
        self, key: Node, value: Node, keys: dict[str, ScalarNode], values: dict[str, Node]
    ) -> None:
        if not isinstance(key, ScalarNode) or key.is_null:
            fault = isinstance(key, MapNode) and traps_flow.braces(key, self._lines, self._file)
            if fault:
                self._findings.add(fault)
                return
            self._report(key.span, "key-not-text", "a key must be text",
                         "write `key: value`")  # fmt: skip
            return
        if key.text in keys and traps_flow.is_part_of_a_number(key, self._lines):
            return
        if key.text in keys:
            first = keys[key.text].span.line
            self._report(
                key.span,
                "duplicate-key",
                f"'{key.text}' is written twice here; the first is on line {first}",
                "leave one of them out",
            )
            return
        keys[key.text] = key
        values[key.text] = value

    def _merge_key(self, key: ScalarNode) -> None:
        self._report(
            key.span,
            "yaml-anchor",
            "'<<' is a YAML merge key, which playbooks do not have",
            "write the keys where they are used",
        )
        raise _Refused

    def _report(self, span: Span, rule: str, message: str, hint: str) -> None:
        end = span.end_column if span.end_line == span.line else 0
        self._findings.add(Diagnostic(rule, message, hint, self._file, span.line, span.column, end))

    def _refuse(self, event: Any, rule: str, message: str, hint: str) -> None:
        self._report(_span(event, event), rule, message, hint)
        raise _Refused


def _span(start: Any, end: Any) -> Span:
    first, last = start.start_mark, end.end_mark
    return Span(first.line + 1, first.column + 1, last.line + 1, last.column + 1)
