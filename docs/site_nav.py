"""The site's table of contents, from the table in docs/README.md, so that both say the same."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig

_ROW = re.compile(r"^\| ([a-z][^|]*) \| (.*) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Called by mkdocs when it has read its settings."""
    config.nav = contents(Path(config.docs_dir))
    return config


def contents(folder: Path) -> list[dict[str, Any]]:
    """What the site lists: the sections of the front page with their pages, then every decision.

    Args:
        folder: where README.md lies.
    """
    front = (folder / "README.md").read_text(encoding="utf-8")
    listed: list[dict[str, Any]] = [{"Longplay": "README.md"}]
    for said, cell in _ROW.findall(front)[1:]:  # the first row heads the table
        pages = [{title: path} for title, path in _LINK.findall(cell)]
        if pages == [{"Decisions": "adr/README.md"}]:
            records = sorted(folder.glob("adr/[0-9]*.md"))
            pages += [{_title(one): one.relative_to(folder).as_posix()} for one in records]
        listed.append({said[:1].upper() + said[1:]: pages})
    return listed


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").split("\n", 1)[0].lstrip("# ")
