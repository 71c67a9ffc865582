"""YAML that bites between brackets: `{points: 10,000}`, `{to: @li.wei}`, `{{ x }}` without quotes.

A value between brackets ends at a comma or a bracket, so that much less needs no quotes there. It
shows the mended line and changes nothing itself.
"""

import re
from collections.abc import Iterator, Sequence

from engine.playbook.diagnostics import Diagnostic
from engine.playbook.nodes import ListNode, MapNode, ScalarNode
from engine.playbook.trap import Trap, diagnostic, open_brackets, quoted, rest_of_value

_BRACED = re.compile(r"\{\{.*?\}\}")
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)")
_COLON = re.compile(r"[\w.-]+:\s+(?P<value>[^\s,{}\[\]\"'][^,{}\[\]\"']*:\s[^,{}\[\]\"']*)[,}\]]")
_SILENT = re.compile(r"\s+#(?=[^\s#!])")
_SECRET = re.compile(r"(?<=[\s:,\[{])\$\{\w+\}(?=\s*[,}\]])")
_SIGNS = {
    ">": ("comparison-unquoted", "a comparison that begins with '>' needs quotes"),
    "*": ("star-unquoted", "text that begins with '*' needs quotes"),
    "@": ("at-sign", "YAML does not let text begin with '@'"),
    "`": ("reserved-character", "text that begins with '`' needs quotes"),
    "%": ("reserved-character", "text that begins with '%' needs quotes"),
    "|": ("reserved-character", "text that begins with '|' needs quotes"),
}


def on_line(line: str, column: int) -> Trap | None:
    """Why YAML gave up between brackets on a line, at a column (from 0; -1: elsewhere)."""
    return _sign(line, column) or _silent(line) or _secret(line) or _colon(line)


def _sign(line: str, column: int) -> Trap | None:
    """A value that begins with a sign that means something else in YAML."""
    if not 0 <= column < len(line) or line[column] not in _SIGNS or not open_brackets(line, column):
        return None
    found = re.match(r"[^,\[\]{}\"']*", line[column:])
    value = found.group().rstrip() if found else ""
    rule, message = _SIGNS[line[column]]
    is_person = rule == "at-sign" and re.match(r"@[\w.-]+\Z", value)
    mended = line[:column] + (value[1:] if is_person else quoted(value))
    end = column + len(value)
    return Trap(rule, message, column + 1, mended + line[end:], end + 1)


def _silent(line: str) -> Trap | None:
    found = _SILENT.search(line)
    if found is None or not open_brackets(line, found.end()):
        return None
    start = max(line.rfind(each, 0, found.start()) + len(each) for each in (": ", ", ", "[", "{"))
    value, rest = rest_of_value(line, start)
    mended = line[:start] + quoted(value) + rest
    at = found.end()
    message = f"'{line[at - 1 : start + len(value)]}' is read as a comment, not as text"
    return Trap("silent-comment", message, at, mended, start + len(value) + 1)


def _secret(line: str) -> Trap | None:
    found = _SECRET.search(line)
    if found is None or not open_brackets(line, found.start()):
        return None
    mended = line[: found.start()] + quoted(found.group()) + line[found.end() :]
    message = f"'{found.group()}' between brackets needs quotes"
    return Trap("reserved-character", message, found.start() + 1, mended, found.end() + 1)


def _colon(line: str) -> Trap | None:
    found = _COLON.search(line)
    if found is None or not open_brackets(line, found.start()):
        return None
    start, value = found.start("value"), found["value"].rstrip()
    mended = line[:start] + quoted(value) + line[start + len(value) :]
    message = "text with a colon and a space in it needs quotes"
    return Trap("colon-in-text", message, start + 1, mended, start + len(value) + 1)


def braces(node: MapNode | ListNode, lines: Sequence[str], file: str) -> Diagnostic | None:
    """`{{ x }}` without quotes, which YAML reads as a mapping in a mapping."""
    line = lines[node.span.line - 1]
    at = node.span.column - 2
    if at < 0 or line[at : at + 2] != "{{":
        return None
    value, rest = _printed(line, at)
    mended = line[:at] + quoted(value) + rest
    trap = Trap("braces-unquoted", "text that begins with '{{' needs quotes", at + 1, mended)
    return diagnostic(trap, file, node.span.line - 1, line)


def _printed(line: str, at: int) -> tuple[str, str]:
    """The text that begins with `{{`, up to the end of the line or of the brackets around it."""
    if not open_brackets(line, at):
        return rest_of_value(line, at)
    end = at
    while found := _BRACED.match(line, end):
        end = found.end()
        following = re.match(r"[^,\[\]{}]*", line[end:])
        end += len(following.group().rstrip()) if following else 0
    return line[at:end], line[end:]


def in_map(node: MapNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
    """`{points: 10,000}`, where a number becomes two entries; `{email：welcome}`."""
    before: ScalarNode | None = None
    for key, value in zip(node.keys.values(), node.values.values(), strict=True):
        alone = key.plain and isinstance(value, ScalarNode) and value.is_null
        if before is not None and alone:
            yield from _comma(before, key, lines, file)
        elif alone and re.match(r"[A-Za-z_][\w-]*：", key.text):
            yield _wide_colon(key, lines, file)
        before = value if isinstance(value, ScalarNode) else None


def _wide_colon(key: ScalarNode, lines: Sequence[str], file: str) -> Diagnostic:
    line, start = lines[key.span.line - 1], key.span.column - 1
    name, _, value = key.text.partition("：")
    mended = f"{line[:start]}{name}: {value.strip()}{line[start + len(key.text) :]}"
    at = start + len(name) + 1
    message = f"a full-width '：' after '{name}'"
    trap = Trap("full-width-colon", message, at, mended, at + 1)
    return diagnostic(trap, file, key.span.line - 1, line)


def is_part_of_a_number(key: ScalarNode, lines: Sequence[str]) -> bool:
    """Whether a key is the rest of a number with commas, as the last `000` of `1,000,000`."""
    line, at = lines[key.span.line - 1], key.span.column - 1
    return bool(re.fullmatch(r"\d{3}", key.text) and re.search(r"\d,\Z", line[:at]))


def in_list(node: ListNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
    """`[10,000]`: a number with a comma becomes two items."""
    for first, second in zip(node.items, node.items[1:], strict=False):
        if (
            isinstance(first, ScalarNode)
            and isinstance(second, ScalarNode)
            and second.text.startswith("0")
        ):
            yield from _comma(first, second, lines, file)


def _comma(
    first: ScalarNode, second: ScalarNode, lines: Sequence[str], file: str
) -> Iterator[Diagnostic]:
    touching = second.span.column == first.span.end_column + 1
    if not (touching and first.plain and first.text.isdigit()):
        return
    line, start = lines[first.span.line - 1], first.span.column - 1
    found = _NUMBER.match(line, start)
    if found is None:
        return
    mended = line[:start] + found.group().replace(",", "") + line[found.end() :]
    many = "two" if found.group().count(",") == 1 else "several"
    message = f"'{found.group()}' is read as {many} values"
    trap = Trap("comma-in-number", message, start + 1, mended, found.end() + 1)
    yield diagnostic(trap, file, first.span.line - 1, line)
