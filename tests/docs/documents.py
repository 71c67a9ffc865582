"""What the checks of the documentation share: the pages, their fenced blocks, their commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WRITTEN = [page for page in PAGES if page.parent.name != "reference"]
"""The pages that people write; the others are generated."""

_FENCE = re.compile(r"(?ms)^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$")
_INLINE = re.compile(r"(?<!`)`(longplay [^`\n]+)`(?!`)")
_COMMENT = re.compile(r"\s+# .*")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its kind, its text, and the comment before it."""

    page: Path
    line: int
    kind: str
    text: str
    note: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text"))
        yield Block(page, line, found["kind"], found["text"], found["note"] or "")


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words of each `longplay …` line of a page, in blocks and within sentences."""
    for block in blocks(page):
        for line in block.text.splitlines():
            if line.startswith("longplay ") and not block.kind:
                yield shlex.split(_COMMENT.sub("", line))
    for said in _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        yield shlex.split(said)
