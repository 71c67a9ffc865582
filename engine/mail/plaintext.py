"""The text part of a message that comes without one: its HTML, as a person would type it."""

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_SKIPPED = frozenset({"head", "style", "script", "title", "template", "noscript"})
_BLOCKS = frozenset(
    {"p", "div", "table", "tr", "ul", "ol", "blockquote", "pre", "section", "article", "header"}
    | {"footer", "main", "h1", "h2", "h3", "h4", "h5", "h6", "center", "form", "dl", "hr"}
)
_SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "table"})
_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_PARAGRAPH, _LINE = "\f", "\v"  # edges of blocks, until they are merged into line breaks
_PARAGRAPHS = re.compile(r"(?<![ \v])[ \v]*+\f[ \v\f]*")  # a run of spaces is looked at once
_LINES = re.compile(r"(?<! ) *+\v[ \v]*")
_GAPS = re.compile(r"(?<! ) *+\n *")
_BLANKS = re.compile(r"\n{3,}")
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.I)


def text_of(page: LexborHTMLParser | str) -> str:
    """The words of a page; a link is `its words (its address)`, a picture its description."""
    tree = LexborHTMLParser(page) if isinstance(page, str) else page
    body = tree.body
    if body is None:
        return ""
    written: list[str] = []
    _write(body, written, 0)
    text = _PARAGRAPHS.sub("\n\n", "".join(written).replace("\xa0", " "))
    text = _GAPS.sub("\n", _LINES.sub("\n", text))
    return _BLANKS.sub("\n\n", text).strip() + "\n"


def _write(node: LexborNode, out: list[str], depth: int) -> None:
    child = node.child
    while child is not None:
        tag = child.tag
        if tag == "-text":
            out.append(_SPACES.sub(" ", child.text_content or ""))
        elif tag is not None and tag[0] not in "-!_" and tag not in _SKIPPED and depth < 200:
            _element(child, tag, out, depth + 1)
        child = child.next


def _element(node: LexborNode, tag: str, out: list[str], depth: int) -> None:
    if tag == "br":
        out.append("\n")
    elif tag == "img":
        out.append(node.attributes.get("alt") or "")
    elif tag == "hr":
        out.append("\f--\f")
    elif tag == "a":
        _link(node, out, depth)
    elif not _is_hidden(node):
        edge = _PARAGRAPH if tag in _SPACED else _LINE if tag in _BLOCKS or tag == "li" else ""
        out.append(edge)
        if tag == "li":
            out.append("- ")
        _write(node, out, depth)
        if tag in ("td", "th"):
            out.append(" ")
        out.append(edge)


def _link(node: LexborNode, out: list[str], depth: int) -> None:
    inner: list[str] = []
    _write(node, inner, depth)
    words = "".join(inner).strip()
    url = (node.attributes.get("href") or "").strip()
    if not url or url.startswith("#"):
        out.append(words)
    elif not words or url in (words, f"mailto:{words}"):
        out.append(url.removeprefix("mailto:"))
    else:
        out.append(f"{words} ({url.removeprefix('mailto:')})")


def _is_hidden(node: LexborNode) -> bool:
    """A preheader, most of the time: it is for the list of messages, not for the text."""
    style = node.attributes.get("style")
    return bool(style) and _HIDDEN.search(style or "") is not None
