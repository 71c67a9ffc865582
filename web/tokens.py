"""What the doors that mails lead to have in common: their tokens, their forms, who is there."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from python_multipart.exceptions import FormParserError
from starlette.datastructures import Address
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from engine.addresses import Address as Peer
from engine.mail.links import Link, LinkKind
from engine.operations.incoming import Evidence
from web.bodies import read_body
from web.deps import deps_of
from web.problems import Problem
from web.showing import page

MOST_FORM = 20_000
MOST_FIELDS = 200

Form = Mapping[str, Sequence[str]]
"""The fields of a form: name to everything that was sent under it."""


def link_of(request: Request, kind: LinkKind) -> Link | None:
    """What the token in the address says; None: it is none of ours, or of another kind."""
    link = deps_of(request).signer.read(request.path_params["token"])
    return link if link is not None and link.kind is kind else None


def lost(request: Request) -> Response:
    """The answer to every token that leads nowhere, whatever is wrong with it."""
    return page(request, "lost.html", status=404)


def evidence_of(request: Request, source: str, version: str = "", text_hash: str = "") -> Evidence:
    """Who pressed the button, as far as it can be known, for the ledger of consents."""
    agent = request.headers.get("user-agent", "")
    return Evidence(source, version, text_hash, ip=_ip(request), agent=agent)


def _ip(request: Request) -> str:
    """Where the request came from; what a proxy adds counts only from this machine's own."""
    client: Address | None = request.client
    if client is None:
        return ""
    told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if told and Peer(client.host, client.port).is_loopback:
        return told
    return client.host


async def form_of(request: Request) -> Form:
    """The fields of a form, url-encoded or multipart; empty when it is none that can be read.

    Whoever posts to these addresses wants to unsubscribe, however badly the form is written.
    """
    try:
        body = await read_body(request, MOST_FORM)
        if "multipart/form-data" not in request.headers.get("content-type", ""):
            return parse_qs(body.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
        return await _multipart(request, body)
    except (Problem, ValueError, MultiPartException, FormParserError, HTTPException, LookupError):
        return {}


async def _multipart(request: Request, body: bytes) -> Form:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    found: dict[str, list[str]] = {}
    sent = Request(request.scope, receive)
    async with sent.form(max_files=0, max_fields=MOST_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                found.setdefault(name, []).append(value)
    return found
