"""What went wrong, in one shape: RFC 9457 problem documents, or a page for people.

It owns how our errors become statuses; nobody else chooses one.
"""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import (
    EnvironmentFault,
    InputError,
    LongplayError,
    NeverWorksError,
    NotFoundError,
    TryAgainError,
)
from engine.store.faults import fault_of
from web.showing import page

MEDIA_TYPE = "application/problem+json"
_FOR_MACHINES = ("/v1", "/healthz", "/readyz", "/openapi.json", "/metrics", "/hooks")
_log = logging.getLogger(__name__)


class Problem(Exception):
    """A request that is not done as asked.

    Args:
        status: the HTTP status.
        detail: the fault first, lower case, the offending value in single quotes.
        help: the next move.
        headers: further headers of the response.
        more: further members of the document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        help: str = "",
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.help = help
        self.headers = dict(headers or {})
        self.more = more

    def document(self) -> dict[str, object]:
        """The problem as JSON has it."""
        found: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.help:
            found["help"] = self.help
        return found | self.more


def problem_of(error: Exception) -> Problem:
    """The problem that an error is to whoever asked."""
    match error:
        case Problem():
            return error
        case HTTPException():
            headers = dict(error.headers or {})
            return Problem(error.status_code, _plain(error.status_code), headers=headers)
        case NotFoundError():
            return Problem(404, error.message, help=error.help)
        case TryAgainError() | EnvironmentFault():
            return Problem(503, error.message, help=error.help, headers={"Retry-After": "2"})
        case InputError() | NeverWorksError() | LongplayError():
            return Problem(422, error.message, help=error.help)
        case _ if fault_of(error) is not None:
            away = "the database is not to be had just now"
            return Problem(503, away, help="send it again", headers={"Retry-After": "2"})
        case _:
            return Problem(500, "something went wrong on our side", help="the log says what")


async def answer_problem(request: Request, error: Exception) -> Response:
    """The response to a request that failed: a document for machines, a page for people."""
    problem = problem_of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Problem):
        away = fault_of(error)
        if away is None:
            _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        else:  # where in the code it was found out tells nobody anything
            _log.warning("%s %s: %s", request.method, request.url.path, away.message)
    if _wants_page(request):
        response = page(request, "problem.html", {"problem": problem}, status=problem.status)
        response.headers.update(problem.headers)
        return response
    return json_response(
        problem.document(), status=problem.status, headers=problem.headers, kind=MEDIA_TYPE
    )


def json_response(
    document: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    kind: str = "application/json",
) -> Response:
    """A JSON document; UTF-8 as it is."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_jsonable)
    return Response(
        body.encode("utf-8", "replace"), status, headers=dict(headers or {}), media_type=kind
    )


def _jsonable(value: Any) -> str:
    return str(value.isoformat())


def _wants_page(request: Request) -> bool:
    if request.url.path.startswith(_FOR_MACHINES):
        return False
    return "text/html" in request.headers.get("accept", "")


def _plain(status: int) -> str:
    match status:
        case 404:
            return "there is nothing at this address"
        case 405:
            return "this address is not used that way"
        case _:
            return HTTPStatus(status).phrase.lower()
