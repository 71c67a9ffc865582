"""Counting requests, by route and by how they ended; never by address or parameter."""

import time
from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine import metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NONE = "none"


class Counting:
    """ASGI middleware around everything, the doors included.

    Args:
        app: what answers.
        routes: whose paths requests are counted by.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._paths = _paths(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass, and counts it when it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def heard(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, heard)
        finally:
            route = self._paths.get(id(scope.get("endpoint")), _NONE)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.REQUESTS.count(method, route, f"{status // 100}xx")
            metrics.REQUEST_SECONDS.observe(time.monotonic() - began, route)


def _paths(routes: Sequence[BaseRoute]) -> Mapping[int, str]:
    """The path of each route, by what answers on it."""
    found: dict[int, str] = {}
    for route in routes:
        if isinstance(route, Route):
            found.setdefault(id(route.endpoint), route.path)
        elif isinstance(route, Mount):
            found.setdefault(id(route.app), route.path)
    return found
