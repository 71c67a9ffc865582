"""The dashboard's mail: what was caught on this machine instead of being sent.

A mail's HTML is shown in a frame without scripts or forms, under a policy of its own: what
templates contain is other people's text.
"""

import re
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFoundError
from engine.mail.catcher import CaughtMail, caught, data_url, read_caught
from engine.mail.pictures import as_data
from web.deps import deps_of
from web.frames import framed

_ROWS = 50
_TABS = ("html", "text", "headers", "raw")
_HEAD = re.compile(r"<head\b[^>]*>|\A(?!.*<head\b)", re.IGNORECASE | re.DOTALL)
_MOST_SHOWN = 400_000
_BODY_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src data: http: https:; style-src 'unsafe-inline'; font-src data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)


async def mail_list(request: Request) -> Response:
    """Caught mail, newest first."""
    deps, before = deps_of(request), request.query_params.get("before")
    folder = deps.mail_folder
    rows = await deps.look(caught, folder, limit=_ROWS, before=before) if folder else []
    following = rows[-1].id if len(rows) == _ROWS else ""
    return await framed(request, "mail_list.html", {"rows": rows, "following": following})


async def mail_page(request: Request) -> Response:
    """One caught message, as a tab of it."""
    deps = deps_of(request)
    mail = await deps.look(read_caught, _folder(request), request.path_params["id"])
    tabs = [name for name in _TABS if name != "html" or mail.html]
    asked = request.query_params.get("view", tabs[0])
    raw = mail.raw[:_MOST_SHOWN].decode("utf-8", "replace") if asked == "raw" else ""
    values = {"mail": mail, "tabs": tabs, "view": asked if asked in tabs else tabs[0], "raw": raw}
    return await framed(request, "mail.html", values)


async def mail_body(request: Request) -> Response:
    """The message's HTML for the frame; its links open in a new window."""
    deps = deps_of(request)
    mail = await deps.look(read_caught, _folder(request), request.path_params["id"])
    return framed_page(seen_by_browser(mail))


def framed_page(html: str) -> Response:
    """A mail's page for a frame of ours; its links open in a new window, its scripts never run."""
    return Response(
        _HEAD.sub(r'\g<0><base target="_blank">', html, count=1).encode("utf-8", "replace"),
        media_type="text/html",
        headers={"Content-Security-Policy": _BODY_POLICY, "X-Frame-Options": "SAMEORIGIN"},
    )


def seen_by_browser(mail: CaughtMail) -> str:
    """The page with the pictures that the mail carries in it."""
    return as_data(mail.html, {one.cid: data_url(one) for one in mail.attachments if one.cid})


async def mail_raw(request: Request) -> Response:
    """The message as it came over the wire."""
    deps = deps_of(request)
    mail = await deps.look(read_caught, _folder(request), request.path_params["id"])
    headers = {"Content-Disposition": f'attachment; filename="{mail.id}.eml"'}
    return Response(mail.raw, media_type="application/octet-stream", headers=headers)


async def mail_file(request: Request) -> Response:
    """An attachment."""
    deps = deps_of(request)
    mail = await deps.look(read_caught, _folder(request), request.path_params["id"])
    number = request.path_params["number"]
    if number >= len(mail.attachments):
        raise NotFoundError("the message has no such attachment")
    file = mail.attachments[number]
    name = quote(file.filename or "attachment", safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(file.content, media_type="application/octet-stream", headers=headers)


def _folder(request: Request) -> Path:
    folder = deps_of(request).mail_folder
    if folder is None:
        raise NotFoundError("mail is not caught here: it is really sent")
    return folder


ROUTES = [
    Route("/mail", mail_list, methods=["GET"]),
    Route("/mail/{id}", mail_page, methods=["GET"]),
    Route("/mail/{id}/body", mail_body, methods=["GET"]),
    Route("/mail/{id}/raw", mail_raw, methods=["GET"]),
    Route("/mail/{id}/files/{number:int}", mail_file, methods=["GET"]),
]
