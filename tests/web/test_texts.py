"""Every text of the pages is there in every language, and none stands outside the catalogue."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import cast

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from web.languages import DOMAIN, FOLDER, LANGUAGES

WEB = Path(__file__).parents[2] / "web"
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
TRANSLATED = [language for language in LANGUAGES if language != "en"]

_UNSEEN = re.compile(
    r"\{%-?\s*trans\b.*?\{%-?\s*endtrans.*?%\}|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}"
    r"|<pre\b.*?</pre>|<code\b.*?</code>|<style.*?</style>|<svg.*?</svg>",
    re.DOTALL,
)
_SPOKEN = re.compile(r"(?:title|alt|placeholder|aria-label)=\"([^\"]*)\"")
_WORD = re.compile(r"[^\W\d_]{2,}")
NAMES = {"Longplay"}


def texts_of_templates() -> Iterator[str]:
    """Every text that a template asks a translation of."""
    options = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
    for path in TEMPLATES:
        source = BytesIO(path.read_bytes())
        for _, _, message, _ in babel_extract(source, list(KEYWORDS), [], options):
            yield from [message] if isinstance(message, str) else filter(None, message or ())


def texts_of_code() -> Iterator[str]:
    """Every text that the code marks."""
    for path in sorted(WEB.glob("*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, KEYWORDS, options={}):
                yield from [message] if isinstance(message, str) else filter(None, message)


def used() -> set[str]:
    return {*texts_of_templates(), *texts_of_code()}


def catalogue(language: str) -> Catalog:
    path = FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    return read_po(BytesIO(path.read_bytes()), locale=language)


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_untranslated(language: str) -> None:
    """A new text needs its translation in the same change; the failure can be pasted."""
    there = {str(one.id): one for one in catalogue(language) if one.id}
    missing = sorted(text for text in used() if text not in there or not there[text].string)
    paste = "\n\n".join(f'msgid "{text}"\nmsgstr ""' for text in missing)
    assert not missing, f"add to {language}:\n\n{paste}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_translated_that_no_page_says(language: str) -> None:
    """What is gone from the pages is gone from the catalogue."""
    assert sorted({str(one.id) for one in catalogue(language) if one.id} - used()) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_what_is_filled_in(language: str) -> None:
    """A forgotten `%(name)s` would leave a gap, an invented one would fail."""
    for one in catalogue(language):
        if one.id:
            pattern = r"%\(\w+\)s|</?\w+>"
            assert sorted(re.findall(pattern, str(one.id))) == sorted(
                re.findall(pattern, cast(str, one.string))
            )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_speaks_past_the_catalogue(path: Path) -> None:
    """Words between tags, and in what is read out, go through gettext."""
    bare = _UNSEEN.sub(" ", path.read_text(encoding="utf-8"))
    spoken = " ".join(_SPOKEN.findall(bare))
    between = re.sub(r"<[^>]*>", " ", bare)
    words = set(_WORD.findall(f"{between} {spoken}")) - NAMES
    assert words <= {"id"}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello</p>", True),
        ('<img alt="Hello">', True),
        ("<p>{{ _('Hello') }}</p>", False),
        ("{% trans %}Hello{% endtrans %}", False),
    ],
)
def test_what_counts_as_speaking_past_it(tmp_path: Path, template: str, found: bool) -> None:
    """The check above sees what it claims to see."""
    path = tmp_path / "page.html"
    path.write_text(template)
    if found:
        with pytest.raises(AssertionError):
            test_no_template_speaks_past_the_catalogue(path)
    else:
        test_no_template_speaks_past_the_catalogue(path)
