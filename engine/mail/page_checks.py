"""What a finished mail would look like where it is read: cut off, unreadable, leading nowhere.

It looks at one page as it is sent. Where in a template something comes from is for the caller to
find, by the words that a finding is about.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from engine.mail.contrast import faint_words
from engine.mail.schemes import knows_dark

CLIPPED = 102 * 1024
"""Bytes of HTML behind which Gmail shows a link instead: the unsubscribe link is at the end."""

_DROPPED = ("script", "form", "iframe", "object", "embed", "video", "audio", "input", "select")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.I)
_WEB = re.compile(r"https?://[^\s/?#]+", re.I)
_HIDDEN = re.compile(r"display\s*:\s*none", re.I)


@dataclass(frozen=True, slots=True)
class Flaw:
    """One finding about a page.

    Args:
        sought: the words of the template that it is about, to find its line by.
    """

    rule: str
    message: str
    help: str
    sought: str = ""


def check_page(page: str, text: str) -> list[Flaw]:
    """Everything that is wrong with a mail as it is sent."""
    tree = LexborHTMLParser(page)
    return [
        *_length(page),
        *_pictures(tree),
        *_links(tree),
        *_parts(tree, text),
        *_colors(page),
    ]


def _length(page: str) -> Iterator[Flaw]:
    size = len(page.encode())
    if size > CLIPPED:
        message = f"the page has {size / 1024:.0f} kB, and Gmail cuts it off at 102"
        hint = "take parts out, or link to them; style sheets and comments count, pictures do not"
        yield Flaw("mail-clipped", message, hint)


def _pictures(tree: LexborHTMLParser) -> Iterator[Flaw]:
    for node in tree.css("img"):
        source = (node.attributes.get("src") or "").strip()
        file = source.removeprefix("cid:")
        shown = file[:60]
        alone = _in_link(node) and not (node.attributes.get("alt") or "").strip()
        if "alt" not in node.attributes or alone:
            message = f"the picture '{shown}' has no words for those who do not see it"
            hint = 'say what it shows: alt="…"; alt="" for a mere ornament that is no link'
            yield Flaw("picture-without-alt", message, hint, file)
        if source.lower().startswith("http:"):
            message = f"the picture '{shown}' is fetched without https"
            yield Flaw("picture-not-secure", message, "write https://…", source)
        elif source.lower().startswith("data:"):
            message = "a picture is written into the page, which Gmail does not show"
            hint = 'put the file into templates/email, and name it: src="images/logo.png"'
            yield Flaw("picture-as-data", message, hint, source[:30])
        elif not source.lower().startswith(("cid:", "https:")):
            message = f"the picture '{shown}' is nowhere" if source else "a picture has no address"
            hint = "name a file in templates/email, or write a whole address: https://…"
            yield Flaw("picture-without-address", message, hint, source or "<img")
        elif source.lower().split("?")[0].endswith(".svg"):
            message = f"the picture '{shown}' is SVG, which few mail programs show"
            yield Flaw("picture-without-address", message, "make it a PNG", source)


def _in_link(node: LexborNode) -> bool:
    above = node.parent
    while above is not None:
        if above.tag == "a":
            return not (above.text(deep=True) or "").strip()
        above = above.parent
    return False


def _links(tree: LexborHTMLParser) -> Iterator[Flaw]:
    anchors = {node.attributes.get("id") for node in tree.css("[id]")}
    anchors |= {node.attributes.get("name") for node in tree.css("a[name]")}
    for node in tree.css("a[href], area[href]"):
        url = (node.attributes.get("href") or "").strip()
        words = " ".join((node.text(deep=True) or "").split())
        fault = _link_fault(url, anchors)
        if fault:
            named = f"the link '{words[:40]}'" if words else "a link"
            hint = "write its whole address: https://…"
            yield Flaw("link-leads-nowhere", f"{named} {fault}", hint, url or words)
        pictures = [one.attributes.get("alt") or "" for one in node.css("img")]
        if node.tag == "a" and not words and not pictures:
            message = f"the link to '{url[:60]}' has no words"
            yield Flaw("link-without-words", message, "say where it leads", url)


def _link_fault(url: str, anchors: set[str | None]) -> str:
    if not url or url == "#":
        return "leads nowhere: its address is empty"
    if url.startswith("#"):
        return "" if url[1:] in anchors else f"leads to '{url[:40]}', which is not in the mail"
    scheme = _SCHEME.match(url)
    if scheme is None:
        return f"leads to '{url[:60]}', which means nothing in a mail"
    match scheme[1].lower():
        case "http" | "https":
            return "" if _WEB.match(url) else f"leads to '{url[:60]}', which names no site"
        case "mailto":
            return "" if "@" in url else f"leads to '{url[:60]}', which names no address"
        case "javascript" | "data" | "file" | "vbscript" | "about":
            return f"leads to '{url[:60]}', which mail programs do not follow"
        case _:
            return ""


def _parts(tree: LexborHTMLParser, text: str) -> Iterator[Flaw]:
    for tag in _DROPPED:
        if tree.css_first(tag) is not None:
            message = f"<{tag}> is not shown by mail programs, and makes filters suspicious"
            yield Flaw("not-in-mail", message, "link to a page that has it", f"<{tag}")
    for node in tree.css("link[rel=stylesheet]"):
        address = node.attributes.get("href") or ""
        message = f"the style sheet '{address[:60]}' is not fetched by most mail programs"
        yield Flaw("not-in-mail", message, "write the styles into a <style> of the page", address)
    if not any(map(str.isalnum, text)):
        message = "the text part is empty: nothing is left of the page without its pictures"
        yield Flaw("no-text", message, "say the main thing in words, or write a .txt beside it")
    if not any(_HIDDEN.search(node.attributes.get("style") or "") for node in tree.css("div,span")):
        message = "the inbox shows the first words of the page behind the subject"
        hint = "say what it should show: <preheader>…</preheader>, below the title"
        yield Flaw("no-preheader", message, hint)


def _colors(page: str) -> Iterator[Flaw]:
    if not knows_dark(page):
        message = "it says nothing about dark inboxes, which then change its colors by themselves"
        hint = (
            'put <meta name="color-scheme" content="light dark"> into the layout, and the dark '
            "colors into @media (prefers-color-scheme: dark)"
        )
        yield Flaw("no-dark-mode", message, hint)
    for one in faint_words(page):
        where = " in dark inboxes" if one.scheme == "dark" else ""
        message = (
            f"'{one.words[:40]}' is hard to read{where}: "
            f"{one.color} on {one.behind} has a contrast of {one.ratio:.1f}"
        )
        hint = "4.5 is enough, or 3 for large letters"
        hint += f": {one.better} for example" if one.better else ""
        yield Flaw("low-contrast", message, hint, one.words)
