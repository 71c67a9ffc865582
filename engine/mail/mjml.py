"""MJML, a language of mails that becomes HTML which every mail program shows; an extra.

It is made into HTML after all of a template is filled in, so layouts, blocks and conditions are
the same as anywhere; and once for all mails that differ in values alone.
"""

import re
import unicodedata
from difflib import get_close_matches

from engine.mail.errors import TemplateError

MAX_ELEMENTS = 1_000
"""Each becomes some kilobyte of HTML, and Gmail shows a hundred."""

_PAGE = re.compile(r"\s*<mjml\b", re.I)
_VALUE = re.compile(r"""(=\s*)(?:"([^"]*)"|'([^']*)')""")
_LEFT = re.compile(r"<(mj-[a-z-]+)")
_KEPT = re.compile(r"&#x(fdd[01]);")
_ELEMENTS = (
    "mj-accordion", "mj-attributes", "mj-body", "mj-breakpoint", "mj-button", "mj-carousel",
    "mj-column", "mj-divider", "mj-font", "mj-group", "mj-head", "mj-hero", "mj-image", "mj-navbar",
    "mj-preview", "mj-raw", "mj-section", "mj-social", "mj-social-element", "mj-spacer", "mj-style",
    "mj-table", "mj-text", "mj-title", "mj-wrapper",
)  # fmt: skip
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zl", "Zp"})


def is_mjml(page: str) -> bool:
    """Whether a page is written in MJML."""
    return _PAGE.match(page) is not None


def html_of(page: str, file: str) -> str:
    """The HTML of a page in MJML; the marks of slots stay where they are.

    Raises:
        TemplateError: it cannot be read, or the extra is not installed.
    """
    if page.count("<mj-") > MAX_ELEMENTS:
        fault = f"it has more than {MAX_ELEMENTS:,} elements of MJML"
        raise TemplateError(file, 0, fault, help="show fewer, and link to the rest")
    try:
        import mrml
    except ImportError as error:
        raise TemplateError(
            file, 0, "it is written in MJML, which is not installed",
            help="install it, here and on every worker: pip install 'longplay[mjml]'",
        ) from error  # fmt: skip
    reader = mrml.ParserOptions(include_loader=mrml.noop_loader())
    try:
        made = mrml.to_html(_shielded(page), reader, mrml.RenderOptions(fonts={}))
    except (OSError, ValueError) as error:
        fault, line = _told(str(error), page)
        raise TemplateError(file, 0, f"its MJML cannot be read{line}: {fault}") from error
    left = _LEFT.search(made.content)
    if left is not None:
        close = get_close_matches(left[1], _ELEMENTS, 1)
        hint = f"did you mean '{close[0]}'?" if close else ""
        raise TemplateError(file, 0, f"MJML has no '{left[1]}' there", help=hint)
    return _KEPT.sub(lambda found: chr(int(found[1], 16)), made.content)


def _shielded(page: str) -> str:
    """A page whose characters all come through: mrml writes attributes as Rust shows texts."""

    def shield(found: re.Match[str]) -> str:
        value = found[2] if found[2] is not None else found[3].replace('"', "&quot;")
        plain = value.replace("\\", "&#92;").replace("\n", " ").replace("\r", " ")
        return f'{found[1]}"{plain.replace(chr(9), " ")}"'

    page = _VALUE.sub(shield, _KEPT.sub("", page))
    if page.isascii():
        return page
    return "".join(map(_character, page))


def _character(one: str) -> str:
    if one < "\x80" or unicodedata.category(one) not in _UNSEEN:
        return one
    return f"&#x{ord(one):x};"


def _told(fault: str, page: str) -> tuple[str, str]:
    """What mrml says, and the line that it means."""
    place = re.search(r" at position (\d+)", fault)
    if place is None:
        return fault, ""
    before = page.encode()[: int(place[1])]
    return fault.replace(place[0], ""), f" (line {before.count(10) + 1} of what is filled in)"
