"""Templates and text with `{{ }}` into finished text; every fault names its file and line.

It reads no files: the texts of a plan's templates are handed in, so that an edited file never
changes a running enrollment.
"""

import html as entities
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import TypeVar

from jinja2 import BaseLoader, Environment, Template, TemplateNotFound, TemplateSyntaxError, nodes

from engine.mail.drafts import Draft, Wish, draft_of, one_line
from engine.mail.errors import TemplateError
from engine.mail.grammar import RESULT
from engine.mail.page_bounds import source_fault
from engine.mail.pictures import content_id, with_content_ids
from engine.mail.sandbox import TemplateEnvironment, pieces_within, scope_of, value_of
from engine.mail.slots import Page, page_of, raw, without_marks
from engine.mail.sources import Sources
from engine.playbook.values import Scope

_T = TypeVar("_T")
_KEPT_DRAFTS = 256
_MARK = re.compile(r"{[{%#]")


@dataclass(slots=True)
class RenderedEmail:
    """A template filled in for one lead."""

    subject: str
    html: str
    text: str
    template: str
    """The file that was used, which says its language."""
    links: tuple[str, ...] = ()
    """Where the tracked links lead, by their index."""
    pictures: tuple[str, ...] = ()
    """The files that the page shows and the mail must carry."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """How links and the opening of a message are made to come back to us.

    Args:
        click: the address for the link with this index; None leaves links alone.
        pixel: the address of the picture that tells an opening; empty for none.
    """

    click: Callable[[int], str] | None = None
    pixel: str = ""


class Templates:
    """One set of template files, compiled as they are needed; safe to share between threads.

    Args:
        files: the texts by file name, relative to `templates/email`.
        pictures: the names of the other files there, which a page may show.
    """

    def __init__(self, files: Mapping[str, str], pictures: Collection[str] = ()) -> None:
        self.sources = Sources(files)
        self._pictures = {content_id(name): name for name in pictures}
        loader = _Loader(self.sources, frozenset(pictures))
        self._env = TemplateEnvironment(loader=loader, html=True)
        self._drafts: dict[tuple[str, str, Wish, tuple[str, ...]], Draft] = {}
        self._said: dict[str, bool] = {}

    def may_say(self, name: str) -> bool:
        """Whether this name occurs anywhere in the texts; else no template can ask for it."""
        found = self._said.get(name)
        if found is None:
            texts = self.sources.files.values()
            found = self._said[name] = any(name in text for text in texts)
        return found

    def render(
        self,
        name: str,
        scope: Scope,
        *,
        languages: Sequence[str | None] = (),
        subject: str | None = None,
        tracking: Tracking | None = None,
    ) -> RenderedEmail:
        """Fill in template `name` in the first language of `languages` that it exists in.

        Args:
            subject: the step's own subject, already filled in; the template's when None.
            tracking: how to make links and openings known; None for not at all.
        """
        path = self.sources.choose(name, languages)
        if path is None:
            raise TemplateError("", 0, f"there is no template '{name}'")
        page = page_of(self._pieces(path, scope))
        beside = self.sources.text_beside(path)
        clicks = tracking is not None and tracking.click is not None
        pixel = tracking.pixel if tracking else ""
        wish = Wish(subject is not None, clicks, bool(pixel), text=beside is None)
        draft, values = self._draft(path, page, wish, _kept(scope))
        plain = raw(values)
        subject = draft.subject_for(plain) if subject is None else one_line(subject)
        if not subject:
            raise TemplateError(path, 1, "the subject is empty", help="fill in its <title>")
        text = "".join(self._pieces(beside, scope)) if beside else draft.text_for(plain)
        made: list[str] = []
        if tracking and tracking.click:
            made = [tracking.click(index) for index in range(len(draft.links))]
        html = draft.html_for(values, subject, made, entities.escape(pixel))
        shown = tuple(self._pictures[one] for one in draft.pictures if one in self._pictures)
        return RenderedEmail(subject, html, text, path, draft.links_for(plain), shown)

    def _draft(
        self, path: str, page: Page, wish: Wish, keep: Sequence[str]
    ) -> tuple[Draft, Mapping[str, str]]:
        """The draft for a page, and the values to fill it with."""
        marked = dict.fromkeys(page.marked(url) for url in keep)
        kept = tuple(url for url in marked if url in page.text)
        draft = self._drafts.get((path, page.text, wish, kept))
        if draft is None:
            draft = draft_of(page.text, wish, kept, path)
            if not draft.is_sound:
                return draft_of(page.whole(), wish, tuple(keep), path), {}
            if len(self._drafts) >= _KEPT_DRAFTS:
                self._drafts.clear()
            self._drafts[path, page.text, wish, kept] = draft
        return draft, page.values

    def _pieces(self, path: str, scope: Scope) -> list[str]:
        return _faultless(lambda: _run(self._env.get_template(path), scope), path)


def render_text(source: str, scope: Scope) -> str:
    """A text of a playbook (a subject, a task, a message) with its `{{ }}` filled in."""
    if not _MARK.search(source):
        return source
    return filled(lambda: _compiled(source), "", scope)


def render_value(source: str, scope: Scope) -> object:
    """Like `render_text`, but a lone `{{ x }}` keeps its type; missing is None."""
    if not _MARK.search(source):
        return source
    template = _faultless(lambda: _lone(source.strip()), "")
    if template is None:
        return render_text(source, scope)
    context = template.new_context(scope_of(scope))
    _faultless(lambda: pieces_within(template.root_render_func(context)), "")
    return value_of(context.vars[RESULT])


def filled(template: Callable[[], Template], file: str, scope: Scope) -> str:
    """The text of a template, or a `TemplateError` with its file and line."""
    return "".join(_faultless(lambda: _run(template(), scope), file))


def _run(template: Template, scope: Scope) -> list[str]:
    return pieces_within(template.root_render_func(template.new_context(scope_of(scope))))


class _Loader(BaseLoader):
    """Hands Jinja the files it was given, and no others."""

    def __init__(self, sources: Sources, pictures: Collection[str]) -> None:
        self.sources = sources
        self.pictures = pictures

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        source = self.sources.text(template)
        if source is None:
            raise TemplateNotFound(template)
        if fault := source_fault(source):
            raise TemplateError(template, 0, fault)
        source = with_content_ids(without_marks(source), template, self.pictures)
        return source, template, lambda: True


_TEXTS = TemplateEnvironment(loader=None, html=False)


@lru_cache(maxsize=4096)
def _compiled(source: str) -> Template:
    if fault := source_fault(source):
        raise TemplateError("", 0, fault.replace("file", "text"))
    return _TEXTS.from_string(source)


@lru_cache(maxsize=4096)
def _lone(source: str) -> Template | None:
    """A template that sets `_result` to the one expression of `source`; None if it has more."""
    tree = _TEXTS.parse(source)
    if len(tree.body) != 1 or not isinstance(output := tree.body[0], nodes.Output):
        return None
    if len(output.nodes) != 1 or isinstance(output.nodes[0], nodes.TemplateData):
        return None
    target = nodes.Name(RESULT, "store", lineno=1)
    body: list[nodes.Node] = [nodes.Assign(target, output.nodes[0], lineno=1)]
    return _TEXTS.from_string(nodes.Template(body, lineno=1))


def _faultless(run: Callable[[], _T], file: str) -> _T:
    """What `run` answers; whatever it raises becomes a `TemplateError` with its place."""
    try:
        return run()
    except TemplateError:
        raise
    except TemplateSyntaxError as error:
        raise syntax_fault(error, file) from error
    except TemplateNotFound as error:
        at, line = _place(error.__traceback__, file)
        raise TemplateError(at, line, f"there is no template file '{error.name}'") from error
    except RecursionError as error:
        at, line = _place(error.__traceback__, file)
        fault = "it is nested too deep, or its files include each other"
        raise TemplateError(at, line, fault) from error
    except Exception as error:
        at, line = _place(error.__traceback__, file)
        raise TemplateError(at, line, str(error) or type(error).__name__) from error


def syntax_fault(error: TemplateSyntaxError, file: str) -> TemplateError:
    """Jinja's finding as ours."""
    text = (error.message or "cannot be read").rstrip(".")
    return TemplateError(error.name or file, error.lineno, text[:1].lower() + text[1:])


def _place(traceback: TracebackType | None, file: str) -> tuple[str, int]:
    """The file and line of the innermost template on the way to an error."""
    line = 0
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            file = template.name or file
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return file, line


def _kept(scope: Scope) -> tuple[str, ...]:
    """Links that work without us looking on: what a lead decides about its mail is no click."""
    urls = map(scope.get, ("unsubscribe_url", "preferences_url", "confirm_url"))
    return tuple(dict.fromkeys(url for url in urls if isinstance(url, str)))
