"""YAML that bites: what people write in good faith and YAML reads otherwise.

It recognizes each trap on the line it is on and shows the mended line. It changes nothing itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from engine.playbook.diagnostics import Diagnostic
from engine.playbook.nodes import ListNode, MapNode, ScalarNode

ODD_SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000"
_ENTRY = re.compile(r"(?P<lead>\s*(?:-\s+)*)(?P<key>[\w.-]+):(?P<gap>\s+)(?P<value>\S.*)$")
_ITEM = re.compile(r"(?P<lead>\s*(?:-\s+)+)(?P<value>\S.*)$")
_WIDE_COLON = re.compile(r"(?P<lead>\s*(?:-\s+)*)(?P<key>[A-Za-z_][\w-]*)：\s*(?P<value>.*)$")
_TIGHT_COLON = re.compile(r"(?P<lead>\s*(?:-\s+)*)(?P<key>[a-z_][a-z_]*):(?P<value>[^\s/].*)$")
_TIGHT_DASH = re.compile(r"(?P<lead>\s*)-(?P<rest>[A-Za-z_][\w-]*:(\s.*)?)$")
_ODD_SPACE = re.compile(f"[{ODD_SPACES}]")
_ODD_EDGE = re.compile(
    f"^[{ODD_SPACES}]|[{ODD_SPACES}]$|^[\\w-]+[:：]?[{ODD_SPACES}]+[:：]|^[\\w-]+[:：][{ODD_SPACES}]"
)
_SILENT = re.compile(r"\s+#(?=[^\s#!])")
_PEOPLE = frozenset(("to", "by", "assign", "notify", "owner", "manager", "fallback"))
_CLOSING = {"“": "”", "‘": "’", "＂": "＂", "＇": "＇"}


@dataclass(frozen=True, slots=True)
class _Trap:
    rule: str
    message: str
    column: int
    mended: str
    end_column: int = 0


def quoted(text: str) -> str:
    """`text` in the quotes that leave it as it is."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def explain(error: yaml.YAMLError, text: str, file: str) -> tuple[Diagnostic, str | None]:
    """What is wrong where YAML gave up; and the text with a known trap mended, else None."""
    lines = text.split("\n")
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    at = min(mark.line if mark is not None else 0, len(lines) - 1)
    for number in _nearby(lines, at, context.line if context is not None else at):
        trap = _on_line(lines, number)
        if trap is None or trap.mended == lines[number]:
            continue
        found = _diagnostic(trap, file, number)
        lines[number] = trap.mended
        return found, "\n".join(lines)
    return _unknown(error, lines, file), None


def _nearby(lines: Sequence[str], at: int, context: int) -> Iterator[int]:
    """The lines on which the cause of an error on line `at` may be, the likeliest first."""
    before = at - 1
    while before > 0 and not lines[before].strip():
        before -= 1
    for number in dict.fromkeys((at, before, context)):
        if 0 <= number < len(lines):
            yield number


def _on_line(lines: Sequence[str], number: int) -> _Trap | None:
    line = lines[number]
    if line.lstrip().startswith("#"):
        return None
    for look in _LINE_TRAPS:
        trap = look(line)
        if trap is not None:
            return trap
    return _indentation(lines, number)


def _blank(line: str) -> _Trap | None:
    lead = line[: len(line) - len(line.lstrip())]
    for found, rule, name in (("\t", "tab", "a tab"), (None, "odd-space", "a no-break space")):
        at = lead.find(found) if found else _position(_ODD_SPACE, lead)
        if at >= 0:
            mended = _ODD_SPACE.sub(" ", lead).replace("\t", "  ") + line[len(lead) :]
            message = f"{name} in the indentation, where YAML allows spaces only"
            return _Trap(rule, message, at + 1, mended, at + 2)
    return None


def _position(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return found.start() if found else -1


def _odd_separator(line: str) -> _Trap | None:
    found = re.match(f"\\s*(?:-[\\s{ODD_SPACES}]+)?[\\w.-]+:?[{ODD_SPACES}]+", line)
    at = _position(_ODD_SPACE, found.group()) if found else -1
    if at < 0:
        return None
    mended = line[:at] + _ODD_SPACE.sub(" ", line[at : at + 1]) + line[at + 1 :]
    message = "a no-break space where YAML needs a common one"
    return _Trap("odd-space", message, at + 1, mended, at + 2)


def _wide_colon(line: str) -> _Trap | None:
    found = _WIDE_COLON.match(line)
    if found is None:
        return None
    at = found.end("key") + 1
    mended = f"{found['lead']}{found['key']}: {found['value']}".rstrip()
    return _Trap(
        "full-width-colon", f"a full-width '：' after '{found['key']}'", at, mended, at + 1
    )


def _tight_dash(line: str) -> _Trap | None:
    found = _TIGHT_DASH.match(line)
    if found is None:
        return None
    at = found.end("lead") + 1
    mended = f"{found['lead']}- {found['rest']}"
    return _Trap("no-space-after-dash", "a list item's '-' needs a space behind it", at, mended)


def _tight_colon(line: str) -> _Trap | None:
    found = _TIGHT_COLON.match(line)
    if found is None:
        return None
    at = found.end("key") + 1
    mended = f"{found['lead']}{found['key']}: {found['value']}"
    return _Trap(
        "no-space-after-colon", f"the ':' after '{found['key']}' needs a space", at, mended
    )


def _bad_value(line: str) -> _Trap | None:
    """A value that begins with a sign that means something else in YAML."""
    found = _ENTRY.match(line) or _ITEM.match(line)
    if found is None:
        return None
    value = found["value"].rstrip()
    at = found.start("value") + 1
    head = line[: at - 1]
    key = found.groupdict().get("key") or ""
    rule, message, mend = _value_fault(key, value)
    return _Trap(rule, message, at, head + mend, at + len(value)) if rule else None


def _value_fault(key: str, value: str) -> tuple[str, str, str]:
    first = value[0]
    if first in "'\"":
        return _quote_fault(value)
    if value.startswith("{{"):
        return "braces-unquoted", "text that begins with '{{' needs quotes", quoted(value)
    if first == ">" and not re.match(r">[-+0-9]*\s*(#.*)?$", value):
        return (
            "comparison-unquoted",
            "a comparison that begins with '>' needs quotes",
            quoted(value),
        )
    if first == "*":
        return "star-unquoted", "text that begins with '*' needs quotes", quoted(value)
    if first == "@":
        mend = value[1:] if key in _PEOPLE else quoted(value)
        return (
            "at-sign",
            f"'{value.split(maxsplit=1)[0]}': YAML does not let text begin with '@'",
            mend,
        )
    if first in "`%,|!&" and not re.match(r"\|[-+0-9]*\s*(#.*)?$", value):
        return "reserved-character", f"text that begins with '{first}' needs quotes", quoted(value)
    if first not in "[{" and re.search(r":(\s|$)", value) and not _WIDE_COLON.match(value):
        return "colon-in-text", "text with a colon and a space in it needs quotes", quoted(value)
    return "", "", ""


def _quote_fault(value: str) -> tuple[str, str, str]:
    quote = value[0]
    body = r"'(?:[^']|'')*'" if quote == "'" else r'"(?:[^"\\]|\\.)*"'
    whole = re.match(body, value)
    if whole is None:
        return "unclosed-quote", "this quote is not closed on its line", value + quote
    rest = value[whole.end() :]
    if not rest.strip() or re.match(r"\s+#", rest):
        return "", "", ""
    message = f"the quotes end after {whole.group()}, but the text goes on"
    return "quote-ends-early", message, quoted(value)


def _indentation(lines: Sequence[str], number: int) -> _Trap | None:
    """An option that stands deeper than the key it belongs beside."""
    line = lines[number]
    before = number - 1
    while before >= 0 and not lines[before].strip():
        before -= 1
    if before < 0 or not _ENTRY.match(line + " x" if line.rstrip().endswith(":") else line):
        return None
    above = _ENTRY.match(lines[before])
    if above is None:
        return None
    depth, column = len(line) - len(line.lstrip()), len(above["lead"])
    if depth <= column:
        return None
    message = f"this stands deeper than '{above['key']}', which it belongs beside"
    return _Trap("indentation", message, depth + 1, " " * column + line.lstrip())


_LINE_TRAPS: tuple[Callable[[str], _Trap | None], ...] = (
    _blank,
    _odd_separator,
    _wide_colon,
    _tight_dash,
    _bad_value,
    _tight_colon,
)


def _diagnostic(trap: _Trap, file: str, number: int) -> Diagnostic:
    return Diagnostic(
        trap.rule,
        trap.message,
        f"write `{trap.mended.strip()}`",
        file,
        number + 1,
        trap.column,
        trap.end_column,
    )


def _unknown(error: yaml.YAMLError, lines: Sequence[str], file: str) -> Diagnostic:
    problem = str(getattr(error, "problem", "") or "")
    context = str(getattr(error, "context", "") or "")
    mark = getattr(error, "problem_mark", None)
    line = min(mark.line, len(lines) - 1) if mark is not None else 0
    column = mark.column if mark is not None and mark.line == line else len(lines[line])
    opened = _open_bracket(lines, line, column) if "flow" in context else None
    if opened is not None:
        at, start = opened
        return Diagnostic(
            "unclosed-bracket",
            f"this '{lines[at][start]}' is not closed, or a comma is missing in it",
            "close it on the same line, or write one item a line",
            file,
            at + 1,
            start + 1,
            start + 2,
        )
    column += 1
    if problem in _MISPLACED:
        return Diagnostic(
            "indentation",
            "this line does not stand where the lines before it need it",
            "lines that belong together begin in the same column",
            file,
            line + 1,
            column,
        )
    return Diagnostic(
        "yaml-syntax", f"YAML cannot be read here: {problem or 'unknown fault'}", "", file,
        line + 1, column,
    )  # fmt: skip


def _open_bracket(lines: Sequence[str], line: int, column: int) -> tuple[int, int] | None:
    """The bracket that is still open at a place, looking back from it."""
    closed = 0
    for number in range(line, -1, -1):
        text = lines[number][:column] if number == line else lines[number]
        for at in range(len(text) - 1, -1, -1):
            closed += 1 if text[at] in "]}" else -1 if text[at] in "[{" else 0
            if closed < 0:
                return number, at
    return None


_MISPLACED = frozenset(
    (
        "did not find expected key",
        "did not find expected '-' indicator",
        "could not find expected ':'",
        "mapping values are not allowed in this context",
        "block sequence entries are not allowed in this context",
        "did not find expected <document start>",
    )
)


def in_scalar(node: ScalarNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
    """Traps that YAML reads without complaint: in one scalar without quotes."""
    span = node.span
    if not node.plain or span.end_line > len(lines):
        return
    last = lines[span.end_line - 1]
    comment = _SILENT.match(last[span.end_column - 1 :])
    if comment is not None:
        at = span.end_column + comment.end() - 1
        yield _diagnostic(_silent_comment(node, last, at), file, span.end_line - 1)
    yield from _misspelt_signs(node, lines, file)


def _silent_comment(node: ScalarNode, line: str, at: int) -> _Trap:
    start = node.span.column - 1 if node.span.line == node.span.end_line else 0
    if node.is_null:
        start = at - 1
    mended = line[:start] + quoted(line[start:].rstrip())
    message = f"'{line[at - 1 :].rstrip()}' is read as a comment, not as text"
    return _Trap("silent-comment", message, at, mended, len(line.rstrip()) + 1)


def _misspelt_signs(node: ScalarNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
    span, text = node.span, node.text
    line = lines[span.line - 1]
    if text and _ODD_EDGE.search(text):
        column = span.column + max(_position(_ODD_SPACE, text), 0)
        mended = line[: span.column - 1] + _ODD_SPACE.sub(" ", line[span.column - 1 :]).strip()
        message = "a no-break space where YAML needs a common one"
        yield _diagnostic(_Trap("odd-space", message, column, mended), file, span.line - 1)
    if len(text) > 1 and _CLOSING.get(text[0]) == text[-1]:
        mended = line[: span.column - 1] + quoted(text[1:-1])
        message = "full-width quotes are no quotes to YAML"
        end = span.end_column if span.end_line == span.line else 0
        trap = _Trap("full-width-quotes", message, span.column, mended, end)
        yield _diagnostic(trap, file, span.line - 1)
    for number in range(span.line, span.end_line):
        trap_below = _wide_colon(lines[number])
        if trap_below is not None:
            yield _diagnostic(trap_below, file, number)


def misread(node: ScalarNode, lines: Sequence[str], file: str) -> Diagnostic | None:
    """Why a scalar stands where a mapping was meant: its colon is wide, or lacks its space."""
    if not node.plain or node.span.line > len(lines):
        return None
    line = lines[node.span.line - 1]
    trap = _wide_colon(line) or _tight_colon(line)
    return _diagnostic(trap, file, node.span.line - 1) if trap else None


def braces(node: MapNode | ListNode, lines: Sequence[str], file: str) -> Diagnostic | None:
    """`{{ x }}` without quotes, which YAML reads as a mapping in a mapping."""
    line = lines[node.span.line - 1]
    at = node.span.column - 2
    if at < 0 or line[at : at + 2] != "{{":
        return None
    mended = line[:at] + quoted(line[at:].rstrip())
    trap = _Trap("braces-unquoted", "text that begins with '{{' needs quotes", at + 1, mended)
    return _diagnostic(trap, file, node.span.line - 1)


def in_flow_map(node: MapNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
    """`{points: 10,000}`: a number with a comma becomes two entries."""
    before: ScalarNode | None = None
    for key, value in zip(node.keys.values(), node.values.values(), strict=True):
        if before is not None and key.plain and isinstance(value, ScalarNode) and value.is_null:
            yield from _comma(before, key, lines, file)
        before = value if isinstance(value, ScalarNode) else None


def in_flow_list(node: ListNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
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
    if not re.fullmatch(r"\d{3}(\s.*)?", second.text):
        return
    at = first.span.column
    line = lines[first.span.line - 1]
    mended = line[: at - 1] + first.text + line[second.span.column - 1 :]
    message = f"'{first.text},{second.text}' is read as two values"
    trap = _Trap("comma-in-number", message, at, mended, second.span.end_column)
    yield _diagnostic(trap, file, first.span.line - 1)
