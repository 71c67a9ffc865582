"""Quotes as few as are safe: text that begins with a letter and bites nobody needs none."""

import re

from engine.playbook.diagnostics import Findings
from engine.playbook.nodes import MapNode, Plain, ScalarNode, resolve
from engine.playbook.source import parse

_BARE = re.compile(r"[^\W\d_](?:[^\n'\"\\{}#&*!|>%@`\[\],?:]*[^\s'\"\\{}#&*!|>%@`\[\],?:])?\Z")
_WORD = re.compile(r"[\w./-]+\Z")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"))


def requoted(node: ScalarNode, written: str, *, flow: bool) -> str:
    """How a value of one line is written.

    Args:
        written: as it stands in the file, quotes included.
        flow: it stands between brackets.
    """
    if node.plain or node.block:
        return written
    text = node.text
    if _needs_none(text, flow=flow):
        return text
    if '"' in text or "\\" in text or written.startswith('"') or not text.isprintable():
        return written
    return f'"{text}"'


def _needs_none(text: str, *, flow: bool) -> bool:
    if not _BARE.match(text) or text.lower() in _WORDS or "  " in text:
        return False
    if flow and not _WORD.match(text):
        return False  # the next comma that is put in would end it
    if resolve(Plain(text)) != text or not text.isprintable():
        return False
    findings = Findings()
    line = f"{{k: {text}, z: z}}" if flow else f"k: {text}"
    document = parse(line, "", findings)
    if document is None or list(findings) or not isinstance(document.root, MapNode):
        return False
    value = document.root.values["k"]
    return isinstance(value, ScalarNode) and value.plain and value.text == text
