"""Links made to come back to us, and the picture that tells an opening.

Only what leads to the web is changed; mail and phone links, places in the page, and everything a
lead unsubscribes with are left as they were.
"""

import re
from collections.abc import Callable, Collection
from html import escape

from selectolax.lexbor import LexborHTMLParser

_WEB = ("http://", "https://")
_BODY_END = re.compile(r"</body\s*>", re.I)
_LIMIT = 0xFFFF


def track_links(
    html: str, make_url: Callable[[int], str], *, keep: Collection[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """A page whose links lead to `make_url(index)`, and where each of them leads in the end.

    Args:
        html: a whole page.
        make_url: the address for the link with this index; called once for each address.
        keep: addresses that are left as they are, such as the one to unsubscribe; a link is
            left alone, too, when it says `data-track="no"`.
    """
    tree = LexborHTMLParser(html)
    order: dict[str, str] = {}
    for node in tree.css("a[href], area[href]"):
        attributes = node.attributes
        url = (attributes.get("href") or "").strip()
        if not url.lower().startswith(_WEB) or url in keep or attributes.get("data-track") == "no":
            continue
        if url not in order:
            if len(order) >= _LIMIT:
                break
            order[url] = make_url(len(order))
        node.attrs["href"] = order[url]
    return (tree.html or html, tuple(order)) if order else (html, ())


def with_pixel(html: str, url: str) -> str:
    """A page that asks for `url` when it is shown."""
    picture = f'<img src="{escape(url)}" width="1" height="1" alt="" style="border:0">'
    ends = list(_BODY_END.finditer(html))
    at = ends[-1].start() if ends else len(html)
    return html[:at] + picture + html[at:]
