"""Who may come in, and what every response carries.

On loopback the person at this machine needs no key. Whoever comes from elsewhere, through a proxy
or under a foreign name (DNS rebinding), needs one: a bearer key for `/v1`, a session for pages.
The doors that mails lead to are open to everybody; their tokens are the keys.
"""

import hmac
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.addresses import Address
from web.deps import Deps
from web.problems import Problem, answer_problem
from web.sessions import COOKIE

_OPEN = ("/u/", "/s/", "/c/", "/o/", "/a/", "/hooks/", "/static/")
_OPEN_EXACTLY = frozenset({"/healthz", "/readyz", "/login", "/favicon.ico", "/robots.txt"})
_FOR_PROGRAMS = ("/v1", "/metrics")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

SECURITY = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""On every response that does not say otherwise itself."""


class Doors:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, deps: Deps) -> None:
        self._app = app
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request in, or answers it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        guarded = _with_headers(send)
        try:
            self._check(request)
        except Problem as problem:
            response = await answer_problem(request, problem)
            if problem.status == 401 and not request.url.path.startswith(_FOR_PROGRAMS):
                here = quote(request.url.path)
                response = RedirectResponse(f"/login?next={here}", 303)
            await response(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _check(self, request: Request) -> None:
        path = request.url.path
        if path.startswith(_OPEN) or path in _OPEN_EXACTLY:
            return
        headers = request.headers
        if bears_key(headers, self._deps.api_keys):
            return
        if request.method not in _SAFE and not _is_same_origin(headers):
            raise Problem(403, "the request comes from another site")
        if self._deps.on_loopback and is_local(request):
            return
        cookie = request.cookies.get(COOKIE, "")
        if not path.startswith("/v1") and self._deps.sessions.is_good(cookie, self._deps.api_keys):
            return
        raise Problem(
            401,
            "a key is needed here" if not headers.get("authorization") else "the key is not right",
            help="send 'Authorization: Bearer KEY', with one of LONGPLAY_API_KEYS",
            headers={"WWW-Authenticate": 'Bearer realm="longplay"'},
        )


def bears_key(headers: Headers, keys: Iterable[str]) -> bool:
    """Whether the request carries one of the keys."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and is_key(given.strip(), keys)


def is_key(given: str, keys: Iterable[str]) -> bool:
    """Whether this is one of the keys; takes as long for a near miss as for a far one."""
    wanted = given.encode()
    return sum(hmac.compare_digest(wanted, key.encode()) for key in keys) > 0


def is_local(request: Request) -> bool:
    """Whether the request was made on this machine, to a name of this machine, by no proxy."""
    headers = request.headers
    if any(name in headers for name in _FORWARDED):
        return False
    client = request.client
    if client is not None and not Address(client.host, client.port).is_loopback:
        return False
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    return Address(host, 1).is_loopback or host.endswith(".localhost")


def _is_same_origin(headers: Headers) -> bool:
    """Whether a form or a script of another site cannot have sent this.

    Programs send neither header; every browser sends at least one of them with a POST.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return wrapped
