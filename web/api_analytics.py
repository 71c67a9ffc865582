"""`/v1/funnel`, `/v1/report` and pipelines' health: the numbers that the commands give.

Whole ones are kept for a while, because they are dear.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.operations import funnel, pipeline_health, sales_report
from engine.operations.funnel import EVER, Period
from web.api import named
from web.deps import deps_of
from web.problems import Problem, json_response


async def get_funnel(request: Request) -> Response:
    """The funnel of leads, or of a pipeline's deals."""
    query = request.query_params
    wanted = {name: named(query.get(name, "")) for name in ("pipeline", "by")}
    return await _answer(request, funnel.funnel, **wanted, period=period_of(request))


async def get_report(request: Request) -> Response:
    """The sales report."""
    by = named(request.query_params.get("by", ""))
    return await _answer(request, sales_report.report, by=by, period=period_of(request))


async def get_health(request: Request) -> Response:
    """The health of every pipeline, or of one."""
    deps, pipeline = deps_of(request), named(request.query_params.get("pipeline", ""))
    if pipeline:
        found = await deps.look(pipeline_health.health, deps.store, pipeline)
    else:
        found = await deps.remembered.get(
            "health", lambda: deps.look(pipeline_health.health, deps.store)
        )
    return json_response({"pipelines": found})


async def _answer(request: Request, use: Callable[..., Any], **wanted: Any) -> Response:
    deps = deps_of(request)
    if any(one not in ("", EVER) for one in wanted.values()):
        return json_response(await deps.look(use, deps.store, **wanted))
    # What everybody asks for is kept; what anybody may make up is not.
    return json_response(
        await deps.remembered.get(use.__name__, lambda: deps.look(use, deps.store))
    )


def period_of(request: Request) -> Period:
    """The days that are asked for, as `from` and `to`.

    Raises:
        Problem: one is no day.
    """
    first, last = (_day(request, name) for name in ("from", "to"))
    return Period(first, last)


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Problem(
            422, f"'{text[:40]}' is no day", help=f"write it like this: {name}=2026-01-31"
        ) from None


ROUTES = [
    Route("/v1/funnel", get_funnel, methods=["GET"]),
    Route("/v1/report", get_report, methods=["GET"]),
    Route("/v1/pipelines/health", get_health, methods=["GET"]),
]
