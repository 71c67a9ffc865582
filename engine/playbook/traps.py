"""YAML that bites: what people write in good faith and YAML reads otherwise.

It recognizes each trap on the line it is on and shows the mended line. It changes nothing itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import yaml

from engine.playbook import traps_flow
from engine.playbook.diagnostics import Diagnostic
from engine.playbook.nodes import ScalarNode
from engine.playbook.trap import (
    ODD_SPACES,
    Trap,
    diagnostic,
    quoted,
    rest_of_value,
    without_remark,
)

_ENTRY = re.compile(r"(?P<lead>\s*(?:-\s+)*)(?P<key>[\w.-]+):(?P<gap>\s+)(?P<value>\S.*)$")
_ITEM = re.compile(r"(?P<lead>\s*(?:-\s+)+)(?P<value>\S.*)$")
_WIDE_COLON = re.compile(r"(?P<lead>\s*(?:-\s+)*)(?P<key>[A-Za-z_][\w-]*)：\s*(?P<value>.*)$")
_TIGHT_COLON = re.compile(r"(?P<lead>\s*(?:-\s+)*)(?P<key>[a-z_][a-z_]*):(?P<value>[^\s/].*)$")
_TIGHT_DASH = re.compile(r"(?P<lead>\s*)-(?P<rest>[A-Za-z_][\w-]*:(\s.*)?)$")
_WIDE_DASH = re.compile(r"(?P<lead>\s*)(?P<dash>[－–—•·])\s*(?P<rest>[a-z_]+:(\s.*)?)$")
_ODD_SPACE = re.compile(f"[{ODD_SPACES}]")
_ODD_EDGE = re.compile(
    f"^[{ODD_SPACES}]|[{ODD_SPACES}]$|^[\\w-]+[:：]?[{ODD_SPACES}]+[:：]|^[\\w-]+[:：][{ODD_SPACES}]"
)
_SILENT = re.compile(r"\s+#(?=[^\s#!])")
_ASKED = frozenset(("if", "while", "until", "where", "enter_if", "leave_if", "segment"))
_PEOPLE = frozenset(("to", "by", "assign", "notify", "owner", "manager", "fallback"))
_WIDE_QUOTED = re.compile(r"[“”＂][^“”＂]*[“”＂]|[‘’＇][^‘’＇]*[‘’＇]")
_WIDE_PIECE = re.compile(rf"(?<=[\s,\[{{:])(?:{_WIDE_QUOTED.pattern})(?=\s*(?:[,\]}}]|$))")


def explain(error: yaml.YAMLError, text: str, file: str) -> tuple[Diagnostic, str | None]:
    """What is wrong where YAML gave up; and the text with a known trap mended, else None."""
    lines = text.split("\n")
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    at = min(mark.line if mark is not None else 0, len(lines) - 1)
    for number in _nearby(lines, at, context.line if context is not None else at):
        trap = _on_line(lines, number)
        if trap is None:
            column = mark.column if mark is not None and number == at else -1
            trap = traps_flow.on_line(lines[number], column)
        if trap is None or trap.mended == lines[number]:
            continue
        found = diagnostic(trap, file, number, lines[number])
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


def _on_line(lines: Sequence[str], number: int) -> Trap | None:
    line = lines[number]
    if line.lstrip().startswith("#"):
        return None
    for look in _LINE_TRAPS:
        trap = look(line)
        if trap is not None:
            return trap
    return _indentation(lines, number)


def _blank(line: str) -> Trap | None:
    lead = re.match(r"\s*(?:-\s+)*", line).group()  # type: ignore[union-attr]
    for found, rule, name in (("\t", "tab", "a tab"), (None, "odd-space", "a no-break space")):
        at = lead.find(found) if found else _position(_ODD_SPACE, lead)
        if at >= 0:
            spaced = _ODD_SPACE.sub(" ", lead)
            spaced = re.sub(r"(?<=-)\s+", " ", spaced).replace("\t", "  ")
            mended = spaced + line[len(lead) :]
            message = f"{name} in the indentation, where YAML allows spaces only"
            return Trap(rule, message, at + 1, mended, at + 2)
    return None


def _position(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return found.start() if found else -1


def _odd_separator(line: str) -> Trap | None:
    found = re.match(f"\\s*(?:-[\\s{ODD_SPACES}]+)?[\\w.-]+:?[{ODD_SPACES}]+", line)
    at = _position(_ODD_SPACE, found.group()) if found else -1
    if at < 0:
        return None
    mended = line[:at] + _ODD_SPACE.sub(" ", line[at : at + 1]) + line[at + 1 :]
    message = "a no-break space where YAML needs a common one"
    return Trap("odd-space", message, at + 1, mended, at + 2)


def _wide_colon(line: str) -> Trap | None:
    found = _WIDE_COLON.match(line)
    if found is None:
        return None
    at = found.end("key") + 1
    mended = f"{found['lead']}{found['key']}: {found['value']}".rstrip()
    return Trap("full-width-colon", f"a full-width '：' after '{found['key']}'", at, mended, at + 1)


def _tight_dash(line: str) -> Trap | None:
    found = _TIGHT_DASH.match(line)
    if found is None:
        return None
    at = found.end("lead") + 1
    mended = f"{found['lead']}- {found['rest']}"
    return Trap("no-space-after-dash", "a list item's '-' needs a space behind it", at, mended)


def _wide_dash(line: str) -> Trap | None:
    found = _WIDE_DASH.match(line)
    if found is None:
        return None
    at = found.end("lead") + 1
    mended = f"{found['lead']}- {found['rest']}"
    return Trap("full-width-dash", f"'{found['dash']}' is no '-' to YAML", at, mended, at + 1)


def _tight_colon(line: str) -> Trap | None:
    found = _TIGHT_COLON.match(line)
    if found is None:
        return None
    at = found.end("key") + 1
    mended = f"{found['lead']}{found['key']}: {found['value']}"
    return Trap("no-space-after-colon", f"the ':' after '{found['key']}' needs a space", at, mended)


def _bad_value(line: str) -> Trap | None:
    """A value that begins with a sign that means something else in YAML."""
    found = _ENTRY.match(line) or _ITEM.match(line)
    if found is None:
        return None
    value, remark = without_remark(found["value"])
    at = found.start("value") + 1
    head = line[: at - 1]
    key = found.groupdict().get("key") or ""
    rule, message, mend = _value_fault(key, value)
    return Trap(rule, message, at, head + mend + remark, at + len(value)) if rule else None


def on_value(line: str) -> str:
    """The line with its value mended, or nothing when the value is fine."""
    trap = _bad_value(line)
    return trap.mended if trap else ""


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
    if first == "!" and key in _ASKED and value[1:2] not in ("", "=", "!"):
        return "reserved-character", "'!' is written 'not' in a condition", f"not {value[1:]}"
    if re.match(r"[?-]\s", value):
        message = f"text that begins with '{first}' and a space needs quotes"
        return "reserved-character", message, quoted(value)
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


def _indentation(lines: Sequence[str], number: int) -> Trap | None:
    """An option that stands deeper than the key it belongs beside."""
    line = lines[number]
    before = number - 1
    while before >= 0 and not lines[before].strip():
        before -= 1
    if before < 0 or not _ENTRY.match(line + " x" if line.rstrip().endswith(":") else line):
        return None
    beside = _beside_a_dash(lines, number)
    if beside is not None:
        return beside
    above = _ENTRY.match(lines[before])
    if above is None:
        return None
    depth, column = len(line) - len(line.lstrip()), len(above["lead"])
    if depth <= column:
        return None
    message = f"this stands deeper than '{above['key']}', which it belongs beside"
    return Trap("indentation", message, depth + 1, " " * column + line.lstrip())


def _beside_a_dash(lines: Sequence[str], number: int) -> Trap | None:
    """An option that stands below the `-` of its step, not below its verb."""
    line = lines[number]
    depth = len(line) - len(line.lstrip())
    if line.lstrip().startswith("-"):
        return None
    for above in range(number - 1, -1, -1):
        other = lines[above]
        lead = len(other) - len(other.lstrip())
        if not other.strip() or lead > depth:
            continue
        item = re.match(r"(\s*-\s+)([\w.-]+):", other)
        if lead < depth or item is None:
            return None
        message = f"this belongs beside '{item[2]}', and stands below its '-'"
        return Trap("indentation", message, depth + 1, " " * len(item[1]) + line.lstrip())
    return None


_LINE_TRAPS: tuple[Callable[[str], Trap | None], ...] = (
    _blank,
    _odd_separator,
    _wide_colon,
    _tight_dash,
    _bad_value,
    _tight_colon,
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
    if problem == "did not find expected <document start>" and _ended(lines, line):
        return Diagnostic(
            "several-documents", "text stands behind the end of the document", "take `...` out",
            file, line + 1, column,
        )  # fmt: skip
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
        "yaml-syntax", f"YAML cannot be read here: {problem or 'unknown fault'}",
        "text with signs in it is safe between quotes", file,
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


def _ended(lines: Sequence[str], line: int) -> bool:
    return any(each.rstrip() == "..." for each in lines[:line])


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


def in_scalar(node: ScalarNode, lines: Sequence[str], file: str) -> Iterable[Diagnostic]:
    """Traps that YAML reads without complaint: in one scalar without quotes."""
    span = node.span
    if not node.plain or span.end_line > len(lines):
        return ()
    is_last = span.end_column > len(lines[span.end_line - 1])
    if is_last and span.line == span.end_line and node.text.isascii():
        return ()  # most scalars there are
    return _in_plain(node, lines, file)


def _in_plain(node: ScalarNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
    span = node.span
    last = lines[span.end_line - 1]
    comment = _SILENT.match(last[span.end_column - 1 :])
    if comment is not None:
        at = span.end_column + comment.end() - 1
        yield diagnostic(_silent_comment(node, last, at), file, span.end_line - 1, last)
    yield from _misspelt_signs(node, lines, file)


def _silent_comment(node: ScalarNode, line: str, at: int) -> Trap:
    start = node.span.column - 1 if node.span.line == node.span.end_line else 0
    if node.is_null:
        start = at - 1
    value, rest = rest_of_value(line, start)
    mended = line[:start] + quoted(value) + rest
    message = f"'{line[at - 1 : start + len(value)]}' is read as a comment, not as text"
    return Trap("silent-comment", message, at, mended, start + len(value) + 1)


def _misspelt_signs(node: ScalarNode, lines: Sequence[str], file: str) -> Iterator[Diagnostic]:
    span, text = node.span, node.text
    line = lines[span.line - 1]
    if text and _ODD_EDGE.search(text):
        column = span.column + max(_position(_ODD_SPACE, text), 0)
        mended = line[: span.column - 1] + _ODD_SPACE.sub(" ", line[span.column - 1 :]).rstrip()
        message = "a no-break space where YAML needs a common one"
        trap = Trap("odd-space", message, column, mended)
        yield diagnostic(trap, file, span.line - 1, line)
    if _WIDE_QUOTED.fullmatch(text):
        mended = line
        for found in reversed(list(_WIDE_PIECE.finditer(line))):
            mended = mended[: found.start()] + quoted(found.group()[1:-1]) + mended[found.end() :]
        message = "full-width quotes are no quotes to YAML"
        end = span.end_column if span.end_line == span.line else 0
        trap = Trap("full-width-quotes", message, span.column, mended, end)
        yield diagnostic(trap, file, span.line - 1, line)
    for number in range(span.line, span.end_line):
        trap_below = _wide_colon(lines[number])
        if trap_below is not None:
            yield diagnostic(trap_below, file, number, lines[number])


def misread(node: ScalarNode, lines: Sequence[str], file: str) -> Diagnostic | None:
    """Why a scalar stands where a mapping was meant: its colon is wide, or lacks its space."""
    if not node.plain or node.span.line > len(lines):
        return None
    line = lines[node.span.line - 1]
    trap = (
        _wide_colon(line) or _odd_separator(line) or _wide_dash(line) or _tight_dash(line)
        or _tight_colon(line)
    )  # fmt: skip
    return diagnostic(trap, file, node.span.line - 1, line) if trap else None
