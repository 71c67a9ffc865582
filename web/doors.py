"""Who may come in, and what every response carries.

On loopback the person at this machine needs no key. Whoever comes from elsewhere, through a proxy
or under a foreign name (DNS rebinding), needs one: a bearer key for `/v1`, a session for pages.
A key opens what its scopes say. The doors that mails lead to are open to everybody; their tokens
are the keys. Who asks too often is told when to come again.
"""

from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.addresses import Address
from engine.operations import keys
from engine.operations.keys import Key
from web.deps import Deps
from web.limits import retry_after
from web.problems import Problem, answer_problem
from web.sessions import COOKIE

_BY_TOKEN = ("/u/", "/s/", "/c/", "/o/", "/a/")
_GUESSED = (*_BY_TOKEN, "/hooks/", "/login")
_LONGEST = 64
"""What is remembered of a path: more than a door and a token are."""

_WRONG = frozenset({401, 403, 404})
_OPEN = (*_BY_TOKEN, "/hooks/", "/static/")
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
        guarded = _with_headers(send, is_secure=self._deps.is_secure)
        try:
            await self._check(request)
        except Problem as problem:
            response = await answer_problem(request, problem)
            if problem.status == 401 and not request.url.path.startswith(_FOR_PROGRAMS):
                here = quote(request.url.path)
                response = RedirectResponse(f"/login?next={here}", 303)
            await response(scope, receive, guarded)
            return
        await self._app(scope, receive, self._counted(request, guarded))

    async def _check(self, request: Request) -> None:
        path = request.url.path
        if path.startswith(_BY_TOKEN):
            self._allow_link(request)
            return
        if path.startswith(_OPEN) or path in _OPEN_EXACTLY:
            return
        headers = request.headers
        key = await self._key(request)
        if key is not None:
            await self._allow_key(request, key)
            return
        if request.method not in _SAFE and not _is_same_origin(headers):
            raise Problem(403, "the request comes from another site")
        if self._deps.on_loopback and is_local(request):
            return
        if not path.startswith("/v1") and await self._has_session(request):
            return
        raise Problem(
            401,
            "a key is needed here" if not headers.get("authorization") else "the key is not right",
            help="send 'Authorization: Bearer KEY', with one that `longplay keys create` made, "
            "or of LONGPLAY_API_KEYS",
            headers={"WWW-Authenticate": 'Bearer realm="longplay"'},
        )

    async def _key(self, request: Request) -> Key | None:
        """The key that the request carries, if it is a right one."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            return None
        limits = self._deps.limits
        who = limits.address(request)
        if not keys.looks_like_key(given.strip()) and who:
            # Keys of our own making cannot be guessed; those of a person's may be.
            _refuse(limits.wrong.wait(who), "too many wrong keys came from this address")
        found = await self._deps.ring.opened_by(given.strip())
        if found is None and who:
            limits.wrong.take(who)
        return found

    async def _allow_key(self, request: Request, key: Key) -> None:
        needed = scope_of(request.method, request.url.path)
        if needed not in key.scopes:
            raise Problem(
                403,
                f"the key '{key.name}' does not open this: it lacks the scope '{needed}'",
                help=f"make one that has it: longplay keys create NAME --scope {needed}",
            )
        wait = self._deps.limits.keys.take(key.id or key.digest)
        _refuse(wait, f"the key '{key.name}' has asked for more than it may in a minute")
        if self._deps.ring.is_new_use(key):
            await self._deps.act(keys.note_used, self._deps.store, key.id)

    async def _has_session(self, request: Request) -> bool:
        cookie = request.cookies.get(COOKIE, "")
        return bool(cookie) and self._deps.sessions.is_good(cookie, await self._deps.ring.marks())

    def _allow_link(self, request: Request) -> None:
        wait = self._deps.limits.links.take(request.url.path[:_LONGEST])
        _refuse(wait, "this link was opened too often within a minute")

    def _counted(self, request: Request, send: Send) -> Send:
        """Counts what an address gets wrong at the open doors; then it is told to come later."""
        if not request.url.path.startswith(_GUESSED):
            return send
        limits = self._deps.limits
        who = limits.address(request)

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _WRONG and who:
                wait = limits.wrong.take(who)
                if wait:
                    message["status"] = 429
                    MutableHeaders(scope=message).update(retry_after(wait))
            await send(message)

        return counting


def scope_of(method: str, path: str) -> str:
    """What a key must open for this request."""
    if path == "/metrics":
        return "metrics"
    if not path.startswith("/v1"):
        return "pages"
    if path == "/v1/events" and method == "POST":
        return "events"
    return "read" if method in _SAFE else "write"


def _refuse(wait: float, why: str) -> None:
    if wait:
        raise Problem(429, why, help="come again later", headers=retry_after(wait))


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


def _with_headers(send: Send, *, is_secure: bool) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if is_secure:
                headers.setdefault("strict-transport-security", "max-age=31536000")
        await send(message)

    return wrapped
