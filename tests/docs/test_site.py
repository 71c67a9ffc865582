"""The site's table of contents leads to every page, in English and in Chinese."""

from pathlib import Path

from docs.site_nav import contents

DOCS = Path(__file__).parents[2] / "docs"


def test_every_page_is_in_the_contents() -> None:
    """What nobody can find from the front page is not read."""
    listed = [
        path
        for section in contents(DOCS)
        for pages in section.values()
        for page in (pages if isinstance(pages, list) else [{"": pages}])
        for path in page.values()
    ]
    assert len(listed) == len(set(listed))
    there = {
        page.relative_to(DOCS).as_posix()
        for page in DOCS.rglob("*.md")
        if not page.name.endswith(".zh-CN.md") or page.name == "tutorial.zh-CN.md"
    }
    assert set(listed) == there


def test_a_chinese_page_stands_beside_its_english_one() -> None:
    """The site shows it in the place of the other."""
    for page in DOCS.rglob("*.zh-CN.md"):
        assert page.with_name(page.name.replace(".zh-CN", "")).is_file()
