"""Whether the server lives, and whether it can take in events."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InputError
from engine.operations import published
from engine.operations.exposition import CONTENT_TYPE
from engine.store.database import Transaction
from web.deps import Deps, deps_of
from web.openapi import document
from web.problems import json_response

_PATIENCE = 2.0
_log = logging.getLogger(__name__)


async def healthz(_request: Request) -> Response:
    """The process answers."""
    return json_response({"ok": True})


async def readyz(request: Request) -> Response:
    """Whether events would be accepted: Temporal is told of, but not needed for that."""
    deps = deps_of(request)
    store, is_published = await _store_state(deps)
    try:
        temporal = await asyncio.wait_for(deps.temporal_answers(), _PATIENCE)
    except (TimeoutError, OSError, RuntimeError):
        temporal = False
    ok = store and is_published
    checks = {"store": store, "published": is_published, "temporal": temporal}
    return json_response({"ok": ok, "checks": checks}, status=200 if ok else 503)


async def openapi(_request: Request) -> Response:
    """The API's description."""
    return json_response(document())


async def metrics(request: Request) -> Response:
    """What Prometheus reads."""
    deps = deps_of(request)
    return Response(await deps.look(deps.exposition.page), headers={"Content-Type": CONTENT_TYPE})


async def _store_state(deps: Deps) -> tuple[bool, bool]:
    try:
        return True, await deps.read(_is_published)
    except Exception:
        _log.exception("the store cannot be read")
        return False, False


def _is_published(tx: Transaction) -> bool:
    try:
        published.current(tx)
    except InputError:
        return False
    return True


ROUTES = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
    Route("/openapi.json", openapi, methods=["GET"]),
]
