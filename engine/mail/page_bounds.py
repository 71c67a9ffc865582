"""How large a template, and a page that comes out of one, may be: what bounds the work on it.

The parsers below us are written in Rust and C: what nests too deep ends the process, and styles
for many elements take minutes. So pages are measured before any of them sees one.
"""

import re
from collections import Counter

from engine.mail.errors import TemplateError

MAX_SOURCE = 200_000
MAX_TAGS = 2_000
MAX_DEPTH = 150
MAX_STYLING = 150_000_000
"""Characters of style sheets times elements: about half a second of work."""

MAX_TAG = 4_000

_TAGS = re.compile(r"{[{%]")
_LONG_TAG = re.compile(rf"{{[{{%](?:(?![}}%]}}).){{{MAX_TAG}}}", re.S)
_ELEMENT = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)")
_STYLE = re.compile(r"<(?:mj-)?style\b[^<]*", re.I)
_FLAT = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option",
    "optgroup", "rt", "rp", "colgroup", "html", "head", "body",
})  # fmt: skip
"""Elements that hold nothing, or that the next one of their kind ends."""


def source_fault(source: str) -> str:
    """What is wrong with the size of a template file; empty when nothing is."""
    if len(source) > MAX_SOURCE:
        return f"the file has more than {MAX_SOURCE:,} characters"
    if source.count("{") > MAX_TAGS and sum(1 for _ in _TAGS.finditer(source)) > MAX_TAGS:
        return f"the file has more than {MAX_TAGS:,} tags"
    if len(source) > MAX_TAG and _LONG_TAG.search(source):
        return f"a tag of the file has more than {MAX_TAG:,} characters"
    return ""


def check_page(page: str, file: str) -> None:
    """Refuses a page that the parsers could not take.

    Raises:
        TemplateError: it nests too deep, or its styles take too long.
    """
    opened: Counter[str] = Counter()
    depth = elements = 0
    for slash, written in _ELEMENT.findall(page):
        name = written.lower()
        elements += 1
        if name in _FLAT:
            continue
        if not slash:
            opened[name] += 1
            depth += 1
            if depth > MAX_DEPTH:
                fault = f"its elements stand in each other more than {MAX_DEPTH} deep"
                raise TemplateError(file, 0, fault, help=f"close <{name}> where it ends")
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
    styles = sum(map(len, _STYLE.findall(page)))
    if styles * elements > MAX_STYLING:
        fault = f"{styles:,} characters of styles for {elements:,} elements are too much"
        raise TemplateError(file, 0, fault, help="make the style sheet, or the page, smaller")
