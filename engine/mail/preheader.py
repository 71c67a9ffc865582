"""The preheader: the words that an inbox shows behind the subject.

A template says it as `<preheader>…</preheader>`, anywhere, best behind its title. It stands first
in the page, where nobody sees it, and is followed by blanks, so that no other words come after it.
"""

import re
from html import unescape

_WRITTEN = re.compile(r"<preheader[^<>]*>([^<]*(?:<(?!/?preheader)[^<]*)*)</preheader\s*>\s*", re.I)
_TAG = re.compile(r"<[^<>]*>")
_SHOWN = re.compile(r"<div [^<>]*mso-hide:\s*all[^<>]*>([^<]*)")
_FILLER = "\u034f"
_BODY = re.compile(r"<body\b[^<>]*>", re.I)
_BLANKS = "&#847;&zwnj;&nbsp;" * 40
_HIDDEN = (
    "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;"
    "mso-hide:all"
)


def taken_out(page: str) -> tuple[str, str]:
    """A page without its preheader, and what that says, as HTML."""
    found = _WRITTEN.search(page) if "<preheader" in page.lower() else None
    if found is None:
        return page, ""
    words = " ".join(_TAG.sub(" ", found[1]).split())
    return _WRITTEN.sub("", page), words


def put_in(page: str, words: str) -> str:
    """A page that begins with these words, unseen."""
    if not words:
        return page
    hidden = f'<div style="{_HIDDEN}">{words}{_BLANKS}</div>'
    body = _BODY.search(page)
    at = body.end() if body else 0
    return page[:at] + hidden + page[at:]


def preheader_of(page: str) -> str:
    """The words that an inbox shows behind the subject of this page, if it says them."""
    found = _SHOWN.search(page)
    return unescape(found[1]).partition(_FILLER)[0].strip() if found else ""
