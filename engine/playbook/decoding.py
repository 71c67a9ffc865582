"""Bytes to text: UTF-8 only, one kind of line break, no character that a text cannot carry."""

import codecs
import re

from engine.playbook.diagnostics import Diagnostic, Findings

_UNFIT = re.compile(
    "[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(content: bytes | str, file: str, findings: Findings, limit: int) -> str | None:
    """The text of a file; None after a finding that keeps it from being read."""
    size = len(content) if isinstance(content, bytes) else len(content.encode(errors="replace"))
    if size > limit:
        findings.add(
            Diagnostic(
                "file-too-big",
                f"the file has {size:,} bytes; the limit is {limit:,}",
                "a playbook is a page or two: is this the right file?",
                file,
            )
        )
        return None
    text = _text(content, file, findings) if isinstance(content, bytes) else content
    if text is None:
        return None
    if text.startswith("\ufeff"):
        text = text[1:]
        findings.add(
            Diagnostic(
                "byte-order-mark",
                "the file begins with a byte order mark",
                "save it as 'UTF-8', not 'UTF-8 with BOM'",
                file,
                severity="warning",
            )
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return None if _refuse_unfit(text, file, findings) else text


def _text(content: bytes, file: str, findings: Findings) -> str | None:
    if content.startswith(_UTF16):
        hint = "it looks like UTF-16: save it as UTF-8"
        findings.add(Diagnostic("not-utf8", "the file is not UTF-8", hint, file))
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(content[: error.start].decode("utf-8"))
        findings.add(
            Diagnostic(
                "not-utf8",
                f"the byte 0x{content[error.start]:02x} is not UTF-8",
                _encoding_hint(content),
                file,
                line,
                column,
            )
        )
        return None


def _encoding_hint(content: bytes) -> str:
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return "save the file as UTF-8"
    return "it looks like GBK: save the file as UTF-8"


def _refuse_unfit(text: str, file: str, findings: Findings) -> bool:
    found = _UNFIT.search(text)
    if found is None:
        return False
    line, column = _place(text[: found.start()])
    findings.add(
        Diagnostic(
            "control-character",
            f"the character U+{ord(found.group()):04X} does not belong in a text",
            "delete it: it came along with a copy from another program",
            file,
            line,
            column,
            column + 1,
        )
    )
    return True


def _place(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows `before`."""
    before = before.replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
