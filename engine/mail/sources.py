"""The files of a set of templates: which one serves a language, and the layout put around it.

A file is `NAME.html`, or `NAME.zh-CN.html` for a language, and begins with its subject:

    <title>Welcome, {{ lead.first_name }}</title>
    <p>…

Unless it is a whole page itself (it begins with `<!doctype` or `<html`) or says `{% extends %}`,
it is put into `_layout.html` where there is one, as if it were written

    {% extends "_layout.html" %}{% block title %}Welcome, …{% endblock %}{% block content %}<p>…

so a layout is a page with `<title>{% block title %}{% endblock %}</title>` in its head and
`{% block content %}{% endblock %}` in its body. Of several layouts (`_layout.zh-CN.html`) the
one of the file's own language is taken. `NAME.txt` beside `NAME.html` (`NAME.zh-CN.txt` beside
`NAME.zh-CN.html`) is the text part; without it, the text is made from the HTML.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from engine.playbook.templates import TEXTS

PAGES = (".html", ".mjml")
"""What a page may be written in."""

_INSIDE = r"([^<]*(?:<(?!/?(?:mj-)?title)[^<]*)*)"
TITLE = re.compile(rf"\s*<title[^<>]*>{_INSIDE}</title\s*>", re.I)
_TITLE_WITHIN = re.compile(rf"<(?:mj-)?title[^<>]*>{_INSIDE}</(?:mj-)?title\s*>", re.I)
_WHOLE = re.compile(r"\s*(?>{#.*?#}\s*)*(?:<!doctype|<html|<mjml|{%-?\s*extends\b)", re.I | re.S)
_EXTENDS = re.compile(r"\s*(?>{#.*?#}\s*)*{%-?\s*extends\b", re.I | re.S)
_FALLBACK = (
    '<!doctype html><html><head><meta charset="utf-8"><title>{% block title %}{% endblock %}'
    "</title></head><body>{% block content %}{% endblock %}</body></html>"
)
_FALLBACK_MJML = (
    "<mjml><mj-head><mj-title>{% block title %}{% endblock %}</mj-title></mj-head>"
    "<mj-body>{% block content %}{% endblock %}</mj-body></mjml>"
)
FALLBACK_LAYOUT = " layout.html"
"""The name of the layout that stands in where a workspace has none."""

FALLBACKS = {FALLBACK_LAYOUT: _FALLBACK, " layout.mjml": _FALLBACK_MJML}

_LANGUAGE = re.compile(r"\.([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)\Z")


@dataclass(frozen=True, slots=True)
class FileName:
    """`offers/welcome.zh-CN.html`, taken apart."""

    stem: str
    language: str
    extension: str


def file_name(path: str) -> FileName | None:
    """The parts of a template's file name; None for a file of another kind."""
    stem, dot, extension = path.rpartition(".")
    if not dot or f".{extension}" not in TEXTS:
        return None
    match = _LANGUAGE.search(stem)
    if match is None or not stem[: match.start()]:
        return FileName(stem, "", extension)
    return FileName(stem[: match.start()], match[1].replace("_", "-"), extension)


def language_chain(languages: Iterable[str | None]) -> tuple[str, ...]:
    """Languages from most to least wanted: `zh-TW` brings `zh` after it."""
    return _chain(tuple(languages))


@lru_cache(maxsize=1024)  # the same few for every mail
def _chain(languages: tuple[str | None, ...]) -> tuple[str, ...]:
    wanted: list[str] = []
    for language in languages:
        parts = (language or "").strip().lower().replace("_", "-").split("-")
        while parts and parts[0]:
            tag = "-".join(parts)
            if tag not in wanted:
                wanted.append(tag)
            parts.pop()
    return tuple(wanted)


class Sources:
    """The texts of all template files, by their names relative to `templates/email`."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self._by_language: dict[tuple[str, str, str], str] = {}
        self._layouts: dict[tuple[str, str], str] = {}
        for path in sorted(self.files):
            if parts := file_name(path):
                extension = "txt" if parts.extension == "txt" else "page"
                key = (parts.stem, parts.language.lower(), extension)
                self._by_language.setdefault(key, path)
                if parts.stem == "_layout":
                    self._layouts.setdefault((parts.language.lower(), parts.extension), path)

    def names(self) -> tuple[str, ...]:
        """The names that a playbook may send, sorted."""
        stems = {stem for stem, _, extension in self._by_language if extension == "page"}
        return tuple(sorted(stem for stem in stems if not _is_partial(stem)))

    def variants(self, name: str) -> tuple[str, ...]:
        """Every file of one template: its languages and its text parts."""
        found = [path for (stem, _, _), path in self._by_language.items() if stem == name]
        return tuple(sorted(found))

    def choose(self, name: str, languages: Iterable[str | None]) -> str | None:
        """The page for the first language that there is one for, or the one for all."""
        for language in (*language_chain(languages), ""):
            path = self._by_language.get((name, language, "page"))
            if path is not None:
                return path
        return None

    def text_beside(self, path: str) -> str | None:
        """The text part that belongs to a page, in the very same language."""
        text = path.rpartition(".")[0] + ".txt"
        return text if text in self.files else None

    def layout_for(self, path: str) -> str:
        """The layout around a file: of its language, or the one for all, or ours."""
        parts = file_name(path)
        ending = path.rpartition(".")[2]
        for language in (*language_chain([parts.language if parts else ""]), ""):
            found = self._layouts.get((language, ending))
            if found is not None:
                return found
        return f" layout.{ending}" if ending == "mjml" else FALLBACK_LAYOUT

    def text(self, path: str) -> str | None:
        """What Jinja reads for a file: the file, put into its layout where it needs one."""
        if path in FALLBACKS:
            return FALLBACKS[path]
        source = self.files.get(path)
        if source is None or not path.endswith(PAGES) or _is_partial(path):
            return source
        return source if _WHOLE.match(source) else self._wrapped(path, source)

    def subject_of(self, path: str) -> str | None:
        """The subject as a file writes it; None when it has none of its own."""
        source = self.files.get(path, "")
        match = TITLE.match(source)
        if match is None and _WHOLE.match(source) and not _EXTENDS.match(source):
            match = _TITLE_WITHIN.search(source)
        if match is not None:
            return match[1].strip()
        block = re.search(r"{%-?\s*block\s+title\b.*?%}(.*?){%-?\s*endblock", source, re.S)
        return block[1].strip() if block else None

    def _wrapped(self, path: str, source: str) -> str:
        """The file as blocks of its layout; nothing is moved to another line."""
        layout = self.layout_for(path)
        match = TITLE.match(source)
        title, body, gap = "", source, ""
        if match is not None:
            title, body = match[1], source[match.end() :]
            gap = "\n" * source[: match.start(1)].count("\n")
        return (
            f'{{% extends "{layout}" %}}{gap}{{% block title %}}{title}{{% endblock %}}'
            f"{{% block content %}}{body}{{% endblock %}}"
        )


def _is_partial(path: str) -> bool:
    """A file that others include or extend, and no playbook sends."""
    return path.rpartition("/")[2].startswith("_")
