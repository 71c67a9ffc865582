"""How pages show things: one way for times, one for numbers, one for states.

Templates get plain values and these filters; they compute nothing.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from urllib.parse import quote

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.languages import LANGUAGES, language_of, texts
from web.wording import (
    DIDS,
    GROUPS,
    LATER,
    PRIORITIES,
    USUAL_STAGES,
    VERBS,
    WAYS,
    event_label,
    field_label,
    state_label,
    state_tone,
    task_label,
)

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d:\d\d\Z")
FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
STATIC = FOLDER / "static"


@dataclass(frozen=True, slots=True)
class View:
    """How this visitor sees the page: language, zone, and the present moment."""

    language: str = "en"
    zone: tzinfo = UTC
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)


_view: ContextVar[View] = ContextVar("view")


def page(
    request: Request,
    template: str,
    values: Mapping[str, object] | None = None,
    *,
    status: int = 200,
    zone: tzinfo = UTC,
    language: str = "",
) -> HTMLResponse:
    """A page, in the visitor's language."""
    view = View(language or language_of(request), zone, datetime.now(UTC))
    token = _view.set(view)
    try:
        environment = environment_of(view.language)
        html = environment.get_template(template).render(
            {
                "path": request.url.path,
                "query": dict(request.query_params),
                "language": view.language,
                "languages": LANGUAGES,
                "zone": getattr(zone, "key", None) or "UTC",
                "signed_in": False,
                **(values or {}),
            }
        )
    finally:
        _view.reset(token)
    return HTMLResponse(html, status, headers={"Content-Language": view.language.replace("_", "-")})


@cache
def environment_of(language: str) -> Environment:
    """The templates, with the texts of a language."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    translations = texts(language)
    # The extension gives the environment this method; its type does not know.
    install = getattr(environment, "install_gettext_callables")  # noqa: B009
    install(translations.gettext, translations.ngettext, newstyle=True)
    environment.filters.update(
        moment=moment, ago=ago, number=number, badge=badge, event=event, task=task,
        field=field, verb=_named(VERBS), did=_named(DIDS), later=_named(LATER), way=_named(WAYS),
        priority=_named(PRIORITIES), grouped=grouped, usual=_named(USUAL_STAGES),
        share=share, state=state, value=value,
        segment=lambda text: quote(str(text), safe=""),
    )  # fmt: skip
    environment.globals["stylesheet"] = f"/static/longplay.css?v={fingerprint('longplay.css')}"
    return environment


@cache
def fingerprint(name: str) -> str:
    """What changes in a file's address when the file does."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def moment(at: datetime | None) -> Markup:
    """A time in the workspace's zone; the exact one is in the tooltip."""
    if at is None:
        return Markup("–")
    view = _view.get()
    local = at.astimezone(view.zone)
    this_year, other_year = _PATTERNS[view.language]
    near = local.year == view.now.astimezone(view.zone).year
    text = format_datetime(local, this_year if near else other_year, locale=_locale(view.language))
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(
        local.isoformat(timespec="seconds"), text
    )


_PATTERNS = {
    "en": ("MMM d, HH:mm", "MMM d y, HH:mm"),
    "zh_CN": ("M月d日 HH:mm", "y年M月d日 HH:mm"),
}


def ago(at: datetime | None) -> Markup:
    """How long since, or until; the exact time is in the tooltip."""
    if at is None:
        return Markup("–")
    view = _view.get()
    text = format_timedelta(at - view.now, add_direction=True, locale=_locale(view.language))
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(
        at.astimezone(view.zone).isoformat(timespec="seconds"), text
    )


def number(value: float | None) -> str:
    """A number with its groups of digits."""
    if value is None:
        return "–"
    return str(format_decimal(value, locale=_locale(_view.get().language)))


def share(part: float | None) -> str:
    """A share of the whole, in percent."""
    if part is None:
        return "–"
    return str(format_percent(part, format="#,##0.0%", locale=_locale(_view.get().language)))


def badge(state: str) -> Markup:
    """A state, in its fixed color."""
    label = _say(state_label(state))
    return Markup('<span class="badge {}">{}</span>').format(state_tone(state), label)


def state(name: str) -> str:
    """A state in words."""
    return _say(state_label(name))


def value(given: object) -> str | Markup:
    """A field's value: times as times, lists with commas, nothing as a dash."""
    if isinstance(given, datetime):
        return moment(given)
    if isinstance(given, str) and _TIME.match(given):
        return moment(datetime.fromisoformat(given))
    if isinstance(given, bool):
        return "✓" if given else "✗"
    if isinstance(given, int | float):
        return number(given)
    if isinstance(given, list | tuple):
        return ", ".join(map(str, given)) or "–"
    return "–" if given is None or given == "" else str(given)


def event(name: str) -> str:
    """What an event is called on a page: a sentence for the built-in ones."""
    label = event_label(name)
    return _say(label) if label else name


def field(name: str, record: str = "lead") -> str:
    """What a field of a lead, or of a deal, is called."""
    return _say(field_label(name, record))


def grouped(by: str) -> str:
    """What things are grouped by: a field of a lead, or of a deal."""
    return _say(GROUPS[by]) if by in GROUPS else field(by)


def task(kind: str) -> str:
    """What sort of task it is."""
    return _say(task_label(kind))


def _named(words: Mapping[str, str]) -> Callable[[str], str]:
    """A filter for words of a closed list; one that is not in it is shown as it is."""
    return lambda word: _say(words.get(word, word))


def _say(text: str) -> str:
    # The empty text's translation is the catalogue's own header.
    return text and texts(_view.get().language).gettext(text)


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)
