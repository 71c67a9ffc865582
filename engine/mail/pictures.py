"""Pictures that travel with a mail: `<img src="images/logo.png">` is a file in templates/email.

It looks at the texts of templates only, before anything is filled in: the name of such a picture
is written out, so that a plan can pin it.
"""

import hashlib
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from html import unescape
from unicodedata import normalize
from urllib.parse import unquote

_PLACE = re.compile(
    r"""\b(src|background)(\s*=\s*)(["'])([^"'<>\n]{1,500})\3|\burl(\(\s*)(["']?)([^"'()<>\n]{1,500})\6\s*\)""",
    re.I,
)
_ABSOLUTE = re.compile(r"//|#|\?|(?!cid:)[a-z][a-z0-9+.-]*:", re.I)
_CID = re.compile(r"cid:([0-9a-f]{20}@longplay)")


def picture_names(source: str) -> Iterator[tuple[str, int]]:
    """The names of files that a template wants to show, as it writes them, and their lines."""
    for found in _PLACE.finditer(source):
        written = found[4] or found[7]
        if is_file(written):
            yield written, source.count("\n", 0, found.start()) + 1


def is_file(written: str) -> bool:
    """Whether an address means a file beside the templates, and not a place in the web."""
    text = written.strip()
    return bool(text) and not _ABSOLUTE.match(text) and not text.startswith(("{{", "{%"))


def is_filled_in(written: str) -> bool:
    """Whether a part of the name is to be filled in, so that nobody knows which file it is."""
    return "{{" in written or "{%" in written


def resolved(written: str, file: str, names: Collection[str]) -> str | None:
    """Which of the files `names` is meant in the template `file`; None: none of them."""
    text = normalize("NFC", unquote(unescape(written.strip()))).replace("\\", "/")
    text = text.removeprefix("cid:") if text[:4].lower() == "cid:" else text
    folder = posixpath.dirname(file)
    for one in (posixpath.normpath(text), posixpath.normpath(posixpath.join(folder, text))):
        if one in names:
            return one
    return None


def content_id(name: str) -> str:
    """By what the page and the picture of this file know each other."""
    return hashlib.sha256(name.encode()).hexdigest()[:20] + "@longplay"


def with_content_ids(source: str, file: str, names: Collection[str]) -> str:
    """A template that shows files by their content ids."""

    def put(found: re.Match[str]) -> str:
        written = found[4] or found[7]
        name = resolved(written, file, names) if is_file(written) else None
        return found[0] if name is None else found[0].replace(written, f"cid:{content_id(name)}")

    return _PLACE.sub(put, source) if names else source


def shown_in(page: str) -> tuple[str, ...]:
    """The content ids that a page shows, each once."""
    return tuple(dict.fromkeys(_CID.findall(page))) if "cid:" in page else ()


def as_data(page: str, urls: Mapping[str, str]) -> str:
    """A page for a browser, which knows no content ids: `urls` says the address for each."""
    return _CID.sub(lambda found: urls.get(found[1], found[0]), page)
