"""Texts that a spreadsheet would take for a formula: made harmless when written, and read back.

A lead may call itself `=HYPERLINK(…)`; whoever opens the file must not run it. Such a text gets an
apostrophe in front, which spreadsheets do not show; importing takes it away again.
"""

import re

_RISKY = re.compile(r"[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-][\d\s().-]*\Z", re.ASCII)


def guarded(text: str) -> str:
    """The text as a cell that nothing runs; numbers with a sign, such as telephones', stay."""
    first = text.lstrip(" \u00a0\u3000\ufeff\n")[:1]
    if not first or not _RISKY.match(first) or _NUMBER.match(text):
        # One that begins with an apostrophe before such a sign would lose it on the way back.
        return f"'{text}" if text[:1] == "'" and unguarded(text) != text else text
    return f"'{text}"


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    if text[:1] != "'":
        return text
    inner = text[1:]
    return inner if guarded(inner) != inner else text
