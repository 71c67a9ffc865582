"""What every page of the dashboard shares: the workspace's zone, and the visitor's language kept.

A page is a read of the store and a template; this joins the two.
"""

from collections.abc import Mapping
from datetime import UTC, tzinfo

from starlette.requests import Request
from starlette.responses import Response

from engine.errors import InputError
from engine.operations import published
from engine.store.database import Transaction
from web.deps import deps_of
from web.languages import COOKIE, known
from web.sessions import COOKIE as SESSION
from web.showing import page

_YEAR = 365 * 24 * 3600


async def framed(
    request: Request, template: str, values: Mapping[str, object], *, status: int = 200
) -> Response:
    """A page of the dashboard."""
    deps = deps_of(request)
    zone = await deps.remembered.get("zone", lambda: deps.read(_zone))
    frame = {
        "catches_mail": deps.mail_folder is not None,
        "signed_in": SESSION in request.cookies,
    }
    response = page(request, template, {**frame, **values}, status=status, zone=zone)
    asked = known(request.query_params.get("lang", "")[:20])
    if asked:
        response.set_cookie(COOKIE, asked, max_age=_YEAR, samesite="lax", httponly=True)
    return response


def _zone(tx: Transaction) -> tzinfo:
    try:
        return published.current(tx).zone
    except InputError:
        return UTC
