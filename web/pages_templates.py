"""The dashboard's pages about templates: any published mail, as any lead would get it now.

Nothing is sent. The page stands in a frame like caught mail: without scripts, under its own policy.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import LongplayError, NotFoundError
from engine.mail.preheader import preheader_of
from engine.mail.schemes import Scheme, in_scheme, knows_dark
from engine.mail.sources import PAGES, Sources, file_name
from engine.operations.mail_preview import (
    Preview,
    Shelf,
    preview,
    reader_of,
    shelf_of_published,
)
from engine.store.database import Transaction
from web.api import named
from web.deps import deps_of
from web.frames import framed
from web.pages_mail import framed_page, seen_by_browser

_VIEWS = ("page", "text", "headers")
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see."""

    template: str
    lead: str
    language: str
    step: str
    view: str
    is_phone: bool
    scheme: Scheme

    @classmethod
    def of(cls, request: Request) -> "Asked":
        """What a request asks for; anything odd is the usual."""
        query = request.query_params
        view = query.get("view", _VIEWS[0])
        return cls(
            template=named(request.path_params["name"]),
            lead=named(query.get("lead", "")).strip(),
            language=named(query.get("language", ""))[:40],
            step=named(query.get("step", "")),
            view=view if view in _VIEWS else _VIEWS[0],
            is_phone=query.get("width") == "phone",
            scheme="dark" if query.get("scheme") == "dark" else "light",
        )

    def query(self, **other: str) -> str:
        """The query of an address of the same mail, seen another way."""
        values = {
            "lead": self.lead, "language": self.language, "step": self.step, "view": self.view,
            "width": "phone" if self.is_phone else "", "scheme": self.scheme,
        }  # fmt: skip
        kept = {name: value for name, value in {**values, **other}.items() if value}
        return urlencode(kept)


async def template_list(request: Request) -> Response:
    """Every template that a published playbook sends, and who sends it."""

    def read(tx: Transaction) -> list[dict[str, Any]]:
        shelf = shelf_of_published(tx)
        sources = Sources(shelf.texts)
        return [
            {
                "name": name,
                "subject": _subject(sources, name),
                "languages": _languages(sources, name),
                "uses": [use for use in uses if use.name],
            }
            for name, uses in shelf.uses.items()
        ]

    rows = await deps_of(request).read(read)
    return await framed(request, "templates.html", {"rows": rows})


async def template_page(request: Request) -> Response:
    """One mail as a lead would get it."""
    asked = Asked.of(request)

    def read(tx: Transaction) -> dict[str, Any]:
        shelf = shelf_of_published(tx)
        use = shelf.use(asked.template)
        seen, flaw = None, ""
        try:
            seen = _seen(tx, shelf, asked)
        except LongplayError as error:
            flaw = f"{error.message}. {error.help}" if error.help else error.message
        return {
            "asked": asked,
            "seen": seen,
            "flaw": flaw,
            "preheader": preheader_of(seen.mail.html) if seen else "",
            "dark": knows_dark(seen.mail.html) if seen else False,
            "languages_there": _languages(Sources(shelf.texts), asked.template),
            "uses": [one for one in shelf.uses[use.template] if one.name],
        }

    values = await deps_of(request).read(read)
    return await framed(request, "template.html", {**values, "views": _VIEWS})


async def template_body(request: Request) -> Response:
    """The mail's HTML for the frame, in the colors of a light or a dark inbox."""
    asked = Asked.of(request)

    def read(tx: Transaction) -> str:
        return seen_by_browser(_seen(tx, shelf_of_published(tx), asked).mail)

    html = await deps_of(request).read(read)
    scheme: Scheme = asked.scheme if knows_dark(html) else "light"
    said = f"<style>:root{{color-scheme:only {scheme} !important}}</style>"
    return framed_page(_HEAD.sub(rf"\g<0>{said}", in_scheme(html, scheme), count=1))


def _seen(tx: Transaction, shelf: Shelf, asked: Asked) -> Preview:
    now = datetime.now(UTC)
    use = shelf.use(asked.template, asked.step)
    reader = reader_of(tx, shelf.current, asked.lead, asked.language, now)
    return preview(shelf, use, reader, now=now)


def _subject(sources: Sources, name: str) -> str:
    path = sources.choose(name, ())
    pages = [path] if path else [one for one in sources.variants(name) if one.endswith(PAGES)]
    if not pages:
        raise NotFoundError(f"there is no template '{name[:200]}'")
    return sources.subject_of(pages[0]) or ""


def _languages(sources: Sources, name: str) -> list[str]:
    parts = (file_name(one) for one in sources.variants(name) if one.endswith(PAGES))
    return sorted(one.language for one in parts if one is not None and one.language)


ROUTES = [
    Route("/templates", template_list, methods=["GET"]),
    Route("/templates/{name:path}/body", template_body, methods=["GET"]),
    Route("/templates/{name:path}", template_page, methods=["GET"]),
]
