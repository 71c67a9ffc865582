"""One trap that was recognized on a line, and how its mended line is shown."""

import re
from dataclasses import dataclass

from engine.playbook.diagnostics import Diagnostic

ODD_SPACES = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000"
_REMARK = re.compile(r"\s+#(\s.*)?$")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_INDENT = re.compile(r"[\s\u200b\u2060]*")


@dataclass(frozen=True, slots=True)
class Trap:
    """What is wrong on a line (columns from 1), and the whole line mended."""

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


def without_remark(text: str) -> tuple[str, str]:
    """A value and the comment behind it; `#3` without a space is no comment that was meant."""
    found = _REMARK.search(text)
    return (text[: found.start()], text[found.start() :]) if found else (text.rstrip(), "")


def open_brackets(line: str, column: int) -> int:
    """How many `[` and `{` of the line are open before `column`, counted from 0."""
    before = _QUOTED.sub(lambda found: "x" * len(found.group()), line)[:column]
    opened = sum(before.count(sign) for sign in "[{")
    return max(opened - sum(before.count(sign) for sign in "]}"), 0)


def rest_of_value(line: str, start: int) -> tuple[str, str]:
    """The text of a value from `start` on, and what follows it on the line.

    Between brackets the value ends where the brackets around it close.
    """
    value, remark = without_remark(line[start:])
    closing = ""
    for _ in range(open_brackets(line, start)):
        if value[-1:] not in ("]", "}"):
            break
        value, closing = value[:-1].rstrip(), value[-1] + closing
    return value, closing + remark


def diagnostic(trap: Trap, file: str, number: int, line: str) -> Diagnostic:
    """The finding: its help shows the mended line, and how deep it stands when that is new."""
    was, now = (_INDENT.match(each) for each in (line, trap.mended))
    depth = now.end() if now else 0
    deeper = "" if was and now and was.group() == now.group() else f"with {depth} spaces before it"
    hint = f"write `{trap.mended.strip()}`" + (f", {deeper}" if deeper else "")
    return Diagnostic(trap.rule, trap.message, hint, file, number + 1, trap.column, trap.end_column)
