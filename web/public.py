"""The doors that mails lead to: unsubscribing, links, the picture of an opening.

Anybody may come here with a token, and scanners do: GET and HEAD change nothing about a
subscription, HEAD records nothing, and what a machine follows satisfies nothing. A bad token is
answered the same way whatever is bad about it. No cookies are set.
"""

import logging
from collections.abc import Mapping
from urllib.parse import parse_qs

from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message

from engine.mail.links import Link, LinkKind
from engine.operations import following, unsubscribing
from engine.operations.unsubscribing import Subscription
from web.bodies import read_body
from web.deps import deps_of
from web.languages import language_of
from web.machines import is_machine
from web.problems import Problem
from web.showing import page

MOST_FORM = 20_000
GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
_log = logging.getLogger(__name__)


async def unsubscribe_page(request: Request) -> Response:
    """Shows how the recipient stands, with buttons; changes nothing."""
    link = _link(request, LinkKind.UNSUBSCRIBE)
    deps = deps_of(request)
    found = await deps.look(unsubscribing.look, deps.store, link.job_id) if link else None
    return _subscription(request, found, done="")


async def unsubscribe(request: Request) -> Response:
    """One click (RFC 8058), or a choice on the page; idempotent, 200, no redirect."""
    link = _link(request, LinkKind.UNSUBSCRIBE)
    if link is None:
        return _subscription(request, None, done="")
    deps = deps_of(request)
    form = await _form(request)
    choice, topic = form.get("choice", "everything"), ""
    if choice.endswith("topic"):
        known = await deps.look(unsubscribing.look, deps.store, link.job_id)
        topic = known.topic if known else ""
    use = unsubscribing.unsubscribe
    if choice.startswith("again"):
        use = unsubscribing.subscribe_again
    found = await deps.act(use, deps.store, link.job_id, topic=topic)
    return _subscription(request, found, done=choice)


async def click(request: Request) -> Response:
    """Records a click and leads on, only to where this message's link leads."""
    link = _link(request, LinkKind.CLICK)
    if link is None:
        return _lost(request)
    deps = deps_of(request)
    followed = await deps.look(following.link_of, deps.store, deps.writer, link.job_id, link.index)
    if followed is None:
        return _lost(request)
    if request.method == "GET":
        try:
            machine = is_machine(request.headers)
            await deps.act(following.click, deps.store, followed, machine=machine)
        except Exception:
            # The person gets where the link leads, whatever has become of us.
            _log.exception("a click on %s was not recorded", link.job_id)
    return RedirectResponse(followed.url, 302, headers={"Referrer-Policy": "no-referrer"})


async def opening(request: Request) -> Response:
    """A picture of one pixel; records an opening where the message asks for it."""
    link = _link(request, LinkKind.OPEN)
    if link is not None and request.method == "GET":
        deps = deps_of(request)
        try:
            machine = is_machine(request.headers)
            await deps.act(following.open_mail, deps.store, link.job_id, machine=machine)
        except Exception:
            _log.exception("an opening of %s was not recorded", link.job_id)
    return Response(GIF, media_type="image/gif", headers={"Cache-Control": "no-store, private"})


def _link(request: Request, kind: LinkKind) -> Link | None:
    link = deps_of(request).signer.read(request.path_params["token"])
    return link if link is not None and link.kind is kind else None


def _subscription(request: Request, found: Subscription | None, *, done: str) -> Response:
    if found is None:
        return _lost(request)
    language = language_of(request, also=found.language)
    values = {"found": found, "done": done, "topic": found.topic.replace("-", " ")}
    return page(request, "unsubscribe.html", values, language=language)


def _lost(request: Request) -> Response:
    return page(request, "lost.html", status=404)


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a form, url-encoded or multipart; empty when it is none that can be read.

    Whoever posts to this address wants to unsubscribe, however badly the form is written.
    """
    try:
        body = await read_body(request, MOST_FORM)
        if "multipart/form-data" not in request.headers.get("content-type", ""):
            fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
            return {name: values[-1] for name, values in fields.items()}
        return await _multipart(request, body)
    except (Problem, ValueError, MultiPartException, FormParserError, HTTPException, LookupError):
        return {}


async def _multipart(request: Request, body: bytes) -> Mapping[str, str]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async with Request(request.scope, receive).form(max_files=0, max_fields=20) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


ROUTES = [
    Route("/u/{token}", unsubscribe_page, methods=["GET"]),
    Route("/u/{token}", unsubscribe, methods=["POST"]),
    Route("/c/{token}", click, methods=["GET"]),
    Route("/o/{token}.gif", opening, methods=["GET"]),
]
