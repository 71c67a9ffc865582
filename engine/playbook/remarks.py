"""The comments and blank lines of a YAML file, and the entry that each belongs to.

A comment above an entry belongs to it and moves with it; one that stands deeper than what follows
belongs to the end of the list or mapping it stands in. Nothing is changed here.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.playbook.nodes import ListNode, MapNode, Node, ScalarNode, Span
from engine.playbook.source import Document

_REMARK = re.compile(r"\s+(#.*)$")


@dataclass
class Remarks:
    """What stands beside the tree of a document.

    Attributes:
        above: line of an entry → the comments and blank lines above it; a blank line is "".
        below: place of a block list or mapping → what stands at its end.
        beside: line → the comment at its end, with its column (from 0).
        inside: lines in the middle of a value of several lines, which are no comments.
        kept: lines between brackets that go on; they are kept whole, with their comments.
        header: what stands above everything else, up to the last blank line there.
    """

    above: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    below: dict[Span, list[str]] = field(default_factory=lambda: defaultdict(list))
    beside: dict[int, tuple[int, str]] = field(default_factory=dict)
    inside: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    header: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        """Every comment, sorted."""
        lines = [*self.header, *(line for each in self.above.values() for line in each)]
        lines += [line for each in self.below.values() for line in each]
        return sorted([each for each in lines if each] + [text for _, text in self.beside.values()])


@dataclass(frozen=True)
class _Entry:
    """A line that an entry begins on, its column, and the block collections around it."""

    line: int
    column: int
    around: tuple[tuple[int, Span], ...]


def remarks_of(document: Document) -> Remarks:
    """The comments and blank lines of a document."""
    found = Remarks()
    ends: dict[int, int] = {}
    for node in _nodes(document.root):
        _measure(node, document.lines, found, ends)
    entries = {entry.line: entry for entry in reversed(list(_entries(document.root, document, ())))}
    for line, end in ends.items():
        text = document.lines[line - 1]
        remark = _REMARK.match(text[end:]) if end <= len(text) else None
        if remark and line not in found.kept:
            found.beside[line] = (end + remark.start(1), remark[1].rstrip())
    _own_lines(document.lines, entries, found)
    return found


def is_flow(node: Node, lines: Sequence[str]) -> bool:
    """Whether a list or mapping stands between brackets."""
    if isinstance(node, ScalarNode):
        return False
    return lines[node.span.line - 1][node.span.column - 1 : node.span.column] in ("{", "[")


def last_line(node: ScalarNode, lines: Sequence[str]) -> int:
    """The last line of a block of text that is not blank."""
    end = min(node.span.end_line - (1 if node.span.end_column == 1 else 0), len(lines))
    while end > node.span.line and not lines[end - 1].strip():
        end -= 1
    return end


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, MapNode):
        for key, value in node.values.items():
            yield node.keys[key]
            yield from _nodes(value)
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _nodes(item)


def _measure(node: Node, lines: Sequence[str], found: Remarks, ends: dict[int, int]) -> None:
    """Where the values on each line end, and which lines are in the middle of one."""
    span = node.span
    if isinstance(node, ScalarNode) and node.block:
        header = lines[span.line - 1]
        ends[span.line] = span.column - 1 + len(header[span.column - 1 :].split(" ")[0])
        found.inside.update(range(span.line + 1, last_line(node, lines) + 1))
    elif isinstance(node, ScalarNode) or is_flow(node, lines):
        found.inside.update(range(span.line + 1, span.end_line + 1))
        if not isinstance(node, ScalarNode):
            found.kept.update(range(span.line, span.end_line))
        ends[span.end_line] = max(ends.get(span.end_line, 0), span.end_column - 1)
        if isinstance(node, ScalarNode) and span.end_line == span.line:
            rest = lines[span.line - 1][span.end_column - 1 :]
            colon = re.match(r"\s*:(?=\s|$)", rest)
            if colon:
                ends[span.line] = max(ends[span.line], span.end_column - 1 + colon.end())


def _entries(
    node: Node, document: Document, around: tuple[tuple[int, Span], ...]
) -> Iterator[_Entry]:
    lines = document.lines
    if isinstance(node, ScalarNode) or is_flow(node, lines):
        return
    if isinstance(node, MapNode):
        around = (*around, (node.span.column - 1, node.span))
        for key, value in node.values.items():
            at = node.keys[key].span
            yield _Entry(at.line, _indent(lines[at.line - 1]), around)
            yield from _entries(value, document, around)
        return
    around = (*around, (node.span.column - 1, node.span))
    for item in node.items:
        line = item.span.line
        yield _Entry(line, _indent(lines[line - 1]), around)
        yield from _entries(item, document, around)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _own_lines(lines: Sequence[str], entries: dict[int, _Entry], found: Remarks) -> None:
    """Gives every comment and blank line between two entries to one of them."""
    gap: list[tuple[int, str]] = []
    before: _Entry | None = None
    for number, line in enumerate(lines, 1):
        if number in found.inside:
            continue
        entry, text = entries.get(number), line.strip()
        if entry is None and (not text or text.startswith("#")):
            gap.append((_indent(line), text))
        elif entry is None and re.fullmatch(r"-\s+#.*", text):
            gap.append((_indent(line), text[1:].strip()))
        elif entry is not None:
            _share(gap, before, entry, found)
            gap, before = [], entry
    _share(gap, before, None, found)


def _share(
    gap: list[tuple[int, str]], before: _Entry | None, after: _Entry | None, found: Remarks
) -> None:
    waiting: list[str] = []
    onward = after.column if after is not None else -1
    beyond = {span for _, span in after.around} if after is not None else set()
    for at, (column, text) in enumerate(gap):
        if not text:
            if waiting[-1:] != [""]:
                waiting.append("")
            continue
        fitting = [span for left, span in before.around if left <= column] if before else []
        place = fitting[-1] if fitting else None
        if place is None and before is not None and after is None:
            place = before.around[0][1]
        if place is None or column <= onward or place in beyond:
            waiting += [each for _, each in gap[at:]]
            break
        found.below[place] += [*waiting, text]
        waiting = []
    if after is not None:
        squeezed = [e for n, e in enumerate(waiting) if e or n == 0 or waiting[n - 1]]
        found.above[after.line] = _above(squeezed, before, found)


def _above(lines: list[str], before: _Entry | None, found: Remarks) -> list[str]:
    """What stands above the first entry, up to a blank line, is the file's header."""
    if before is not None:
        return lines
    while lines[:1] == [""]:
        lines = lines[1:]
    if "" not in lines:
        found.header = lines
        return []
    cut = len(lines) - lines[::-1].index("")
    found.header = lines[:cut]
    return lines[cut:]
