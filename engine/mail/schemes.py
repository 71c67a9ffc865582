"""A page as it looks in a light and in a dark inbox: what `prefers-color-scheme` chooses.

Only that question is answered here; widths and everything else in `@media` stay as they are.
"""

import re
from typing import Literal, TypeAlias

import tinycss2

Scheme: TypeAlias = Literal["light", "dark"]

_STYLE = re.compile(r"(<style\b[^<>]*>)([^<]*(?:<(?!/style)[^<]*)*)(</style\s*>)", re.I)
_ASKS = re.compile(r"prefers-color-scheme\s*:\s*(light|dark)", re.I)
_META = re.compile(r"<meta\b[^<>]*(?:supported-)?color-schemes?[^<>]*>", re.I)


def knows_dark(page: str) -> bool:
    """Whether a page has thought of dark inboxes; else programs change its colors as they like."""
    in_head = any("dark" in found[0].lower() for found in _META.finditer(page))
    in_styles = any("dark" in found[0].lower() for found in _ASKS.finditer(page))
    return in_head or in_styles


def in_scheme(page: str, scheme: Scheme) -> str:
    """A page that looks everywhere as it would in an inbox of this scheme."""
    if "prefers-color-scheme" not in page:
        return page
    return _STYLE.sub(lambda found: found[1] + _chosen(found[2], scheme) + found[3], page)


def _chosen(styles: str, scheme: Scheme) -> str:
    kept: list[str] = []
    for rule in tinycss2.parse_stylesheet(styles, skip_comments=True):
        asked = None
        if rule.type == "at-rule" and rule.lower_at_keyword == "media" and rule.content:
            asked = _ASKS.search(tinycss2.serialize(rule.prelude))
        if asked is None:
            kept.append(rule.serialize())
        elif asked[1].lower() == scheme:
            kept.append(tinycss2.serialize(rule.content))
    return "".join(kept)
