"""The languages of the pages: which there are, which one a visitor gets, and their texts.

English is what the code says; other languages are `.po` files, read at the start, so that no
compiled catalogue can be stale.
"""

import re
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import Request

DOMAIN = "longplay"
FOLDER = Path(__file__).parent / "locales"
LANGUAGES = {"en": "English", "zh_CN": "简体中文"}
COOKIE = "longplay_language"

_ITEM = re.compile(r"([A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8})*|\*)(?:\s*;\s*q=([01](?:\.\d{0,3})?))?")


def N_(text: str) -> str:
    """Marks a text for translation that is looked up later."""
    return text


@cache
def texts(language: str) -> NullTranslations:
    """The texts of a language."""
    path = FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language, domain=DOMAIN)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def language_of(request: Request, *, also: str = "") -> str:
    """The visitor's language: asked for, kept in the cookie, wanted by the browser, or English.

    Args:
        request: the request.
        also: a language to fall back to before English, such as the lead's own.
    """
    asked = [request.query_params.get("lang", ""), request.cookies.get(COOKIE, "")]
    wanted = [*asked, *_accepted(request.headers.get("accept-language", "")), also]
    return next(filter(None, map(known, wanted)), "en")


def known(tag: str) -> str | None:
    """The language of ours that a tag such as `zh-Hans-CN` means."""
    first, *_ = tag.replace("_", "-").lower().split("-")
    return {"en": "en", "zh": "zh_CN"}.get(first)


def _accepted(header: str) -> Iterable[str]:
    """Language tags, the most wanted first."""
    found = []
    for position, item in enumerate(header[:400].split(",")):
        match = _ITEM.fullmatch(item.strip())
        if match is not None:
            found.append((-float(match[2] or 1), position, match[1]))
    return [tag for quality, _, tag in sorted(found) if quality < 0]
