"""Coming in with a key, for people whose browser is not on the server's own machine."""

import asyncio
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from web.bodies import read_body
from web.deps import deps_of
from web.limits import retry_after
from web.problems import Problem
from web.sessions import COOKIE, LASTS
from web.showing import page

_PAUSE = 0.5
"""Seconds that a wrong key costs."""


async def login_page(request: Request) -> Response:
    """Asks for a key."""
    return page(request, "login.html", {"wrong": False, "next": _next(request.query_params)})


async def login(request: Request) -> Response:
    """Lets in whoever shows a key that opens pages; not whoever tries one after the other."""
    deps = deps_of(request)
    who = deps.limits.address(request)
    if who and (wait := deps.limits.wrong.wait(who)):
        why = "too many wrong keys came from this address"
        raise Problem(429, why, help="come again later", headers=retry_after(wait))
    body = await read_body(request, 5_000)
    form = {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    text = form.get("key", "").strip()
    key = await deps.ring.opened_by(text)
    if key is None or "pages" not in key.scopes:
        await asyncio.sleep(_PAUSE)
        values = {"wrong": True, "next": _next(form)}
        return page(request, "login.html", values, status=401)
    response = RedirectResponse(_next(form), 303)
    response.set_cookie(
        COOKIE, deps.sessions.begin(deps.ring.mark_of(text, key)), max_age=LASTS, httponly=True,
        samesite="lax", secure=deps.is_secure,
    )  # fmt: skip
    return response


async def logout(_request: Request) -> Response:
    """Forgets the session."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


def _next(given: object) -> str:
    """Where to go on: a path of ours, never another site."""
    wanted = str(given.get("next", "/")) if hasattr(given, "get") else "/"
    is_ours = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if is_ours and wanted.isprintable() else "/"


ROUTES = [
    Route("/login", login_page, methods=["GET"]),
    Route("/login", login, methods=["POST"]),
    Route("/logout", logout, methods=["POST"]),
]
