"""The dashboard's pages about how things go: the funnel, a pipeline's health, the sales report.

What they show is dear to work out, so that whole ones are kept for a while.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFoundError
from engine.operations import funnel, grouping, published
from engine.operations.funnel import EVER, SeenFunnel
from engine.operations.pipeline_health import (
    MOST_STALLED,
    PipelineHealth,
    health_in,
    pipeline_names,
)
from engine.operations.sales_report import report_in
from engine.runtime.funnel import FEWEST_GONE_ON
from engine.store.database import Transaction
from web.api import named
from web.api_analytics import period_of
from web.charts import curve_picture, tapering
from web.deps import Deps, deps_of
from web.frames import framed

_PILLS = {
    "": ("source", "month", "owner", "team", "country"),
    "deals": ("owner", "team", "source", "month"),
    "report": ("owner", "team", "source"),
}
"""What the pages offer to group by; the address may name any other field."""


async def funnel_page(request: Request) -> Response:
    """How many come to each stage and go on, of leads or of a pipeline's deals."""
    deps, query = deps_of(request), request.query_params
    pipeline, by = named(query.get("pipeline", "")), named(query.get("by", ""))
    period = period_of(request)

    def read(tx: Transaction) -> dict[str, Any]:
        return {
            "seen": funnel.funnel_in(tx, pipeline=pipeline, by=by, period=period),
            "pipelines": list(published.current(tx).workspace.pipelines),
        }

    is_whole = not pipeline and by in ("", *_PILLS[""]) and period == EVER
    if is_whole:
        found = await deps.remembered.get(f"page funnel {by}", lambda: deps.read(read))
    else:
        found = await deps.read(read)
    seen: SeenFunnel = found["seen"]
    values = {
        **found,
        "pipeline": pipeline,
        "by": by,
        "period": period,
        "offered": _PILLS["deals" if pipeline else ""],
        "shape": tapering([one.reached for one in seen.whole.stages]),
        "standing": tapering([one.now for one in seen.whole.stages]),
        "again": _again(seen),
        "warnings": funnel.spindle(seen),
    }
    return await framed(request, "funnel.html", values)


async def pipeline_page(request: Request) -> Response:
    """A pipeline judged by its own history."""
    deps, name = deps_of(request), named(request.path_params["pipeline"])
    if name not in await deps.read(lambda tx: published.current(tx).workspace.pipelines):
        raise NotFoundError(f"no pipeline is named '{name[:60]}'", help="see: /deals")
    found = await _health(deps, name)
    pictures = [(stage, curve_picture(stage)) for stage in found.stages]
    values = {
        "found": found,
        "pipelines": await deps.read(lambda tx: pipeline_names(published.current(tx).workspace)),
        "curves": [(stage, picture) for stage, picture in pictures if picture is not None],
        "shape": tapering([len(stage.deals) for stage in found.stages]),
        "most_listed": MOST_STALLED,
    }
    return await framed(request, "pipeline.html", values)


async def report_page(request: Request) -> Response:
    """What is to come, what was won, and what customers cost and are worth."""
    deps, by = deps_of(request), named(request.query_params.get("by", ""))
    period = period_of(request)

    def read(tx: Transaction) -> dict[str, Any]:
        pipelines = list(published.current(tx).workspace.pipelines)
        return {"found": report_in(tx, by=by, period=period), "pipelines": pipelines}

    if by in ("", *_PILLS["report"]) and period == EVER:
        found = await deps.remembered.get(f"page report {by}", lambda: deps.read(read))
    else:
        found = await deps.read(read)
    values = {
        **found, "by": by, "period": period, "offered": _PILLS["report"],
        "nobody": grouping.NOBODY,
    }  # fmt: skip
    return await framed(request, "report.html", values)


async def _health(deps: Deps, name: str) -> PipelineHealth:
    return await deps.remembered.get(
        f"page health {name}", lambda: deps.read(lambda tx: health_in(tx, name))
    )


def _again(seen: SeenFunnel) -> dict[str, Any] | None:
    """How many bought again, for the page of leads."""
    loyal = seen.whole.loyalty
    if loyal is None:
        return None
    gaps = loyal.gaps
    return {
        "customers": loyal.customers, "again": loyal.again, "rate": loyal.rate,
        "days": gaps.within(0.5) if gaps.ended >= FEWEST_GONE_ON else None,
    }  # fmt: skip


ROUTES = [
    Route("/funnel", funnel_page, methods=["GET"]),
    Route("/pipelines/{pipeline:path}", pipeline_page, methods=["GET"]),
    Route("/report", report_page, methods=["GET"]),
]
