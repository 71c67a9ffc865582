"""Drafts: a page with slots made into everything a mail needs, once, and filled for each mail.

What it does not know is where values come from; see `engine.mail.slots` for what they may be.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import NamedTuple

from css_inline import CSSInliner, InlineError

from engine.mail.errors import TemplateError
from engine.mail.mjml import html_of, is_mjml
from engine.mail.page_bounds import check_page
from engine.mail.pictures import shown_in
from engine.mail.plaintext import text_of
from engine.mail.preheader import put_in, taken_out
from engine.mail.slots import Filling, mark
from engine.mail.tracking import track_links, with_pixel

_TITLE = re.compile(r"(<title[^<>]*>)([^<]*(?:<(?!/?title)[^<]*)*)(</title\s*>)", re.I)
_SPACES = re.compile(r"\s+")
_SUBJECT, _PIXEL, _CLICK = "s", "p", "c"


class Wish(NamedTuple):
    """What is wanted of a page.

    Args:
        subject: whether the subject is given, and not the page's title.
        clicks: whether links lead back to us.
        pixel: whether the page asks for a picture that tells an opening.
        text: whether the text part is made from the page.
    """

    subject: bool
    clicks: bool
    pixel: bool
    text: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a mail, with slots."""

    subject: Filling
    html: Filling
    text: Filling
    links: tuple[Filling, ...]
    pictures: tuple[str, ...] = ()
    """The content ids of the pictures that it shows."""

    def subject_for(self, plain: Mapping[str, str]) -> str:
        """The subject that the page's title makes; `plain` are the values as plain text."""
        return self.subject.filled(plain)

    def html_for(
        self, values: Mapping[str, str], subject: str, clicks: Sequence[str], pixel: str
    ) -> str:
        """The HTML part; `clicks` are the addresses of the tracked links, by their index."""
        names = {f"{_CLICK}{at}": escape(url) for at, url in enumerate(clicks)}
        return self.html.filled({**values, **names, _SUBJECT: escape(subject), _PIXEL: pixel})

    def text_for(self, plain: Mapping[str, str]) -> str:
        """The text part."""
        return self.text.filled(plain)

    def links_for(self, plain: Mapping[str, str]) -> tuple[str, ...]:
        """Where the tracked links lead, by their index."""
        return tuple(link.filled(plain) for link in self.links)

    @property
    def is_sound(self) -> bool:
        """Whether no slot was torn on the way."""
        return all(one.is_sound for one in (self.subject, self.html, self.text, *self.links))


def draft_of(page: str, wish: Wish, keep: Sequence[str], file: str) -> Draft:
    """Does all work on a page that does not depend on its values.

    Args:
        page: the page, with slots.
        wish: what is wanted of it.
        keep: addresses that are never tracked, as they look in the page.
        file: the template, for faults.

    Raises:
        TemplateError: its styles cannot be read.
    """
    html, preheader = taken_out(page)
    check_page(html, file)
    if is_mjml(html):
        html = html_of(html, file)
        check_page(html, file)
    links: tuple[str, ...] = ()
    title = _TITLE.search(html)
    subject = one_line(unescape(title[2])) if title else ""
    if title:
        shown = mark(_SUBJECT) if wish.subject else escape(subject)
        html = html[: title.start(2)] + shown + html[title.end(2) :]
    text = text_of(html) if wish.text else ""
    if wish.clicks:
        html, links = track_links(html, lambda at: mark(f"{_CLICK}{at}"), keep=keep)
    if wish.pixel:
        html = with_pixel(html, mark(_PIXEL))
    html = put_in(_inlined(html, file), preheader)  # last: its entities stay ASCII, and short
    places = tuple(map(Filling, links))
    return Draft(Filling(subject), Filling(html), Filling(text), places, shown_in(html))


def one_line(text: str) -> str:
    """A text as a header has it."""
    return _SPACES.sub(" ", text).strip()


def _inlined(page: str, file: str) -> str:
    """A page with its styles on its elements; what only a style sheet can say (`@media`) stays."""
    if "<style" not in page.lower():
        return page
    try:
        return _INLINER.inline(page)
    except InlineError as error:
        raise TemplateError(file, 0, f"the styles cannot be read: {error}") from error


_INLINER = CSSInliner(
    load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True, keep_link_tags=True
)
