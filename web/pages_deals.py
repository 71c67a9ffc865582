"""The dashboard's pages about deals: the pipelines at a glance, and one deal with its history."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InputError
from engine.operations import deals_view, listings, published
from engine.operations.deal_timeline import deal_timeline
from engine.operations.published import Current
from engine.store import companies, deals, enrollments
from engine.store.database import Transaction
from web.api import named
from web.deps import deps_of
from web.frames import framed

_ROWS = 50
_RUNS = 20


async def deals_page(request: Request) -> Response:
    """The open deals of every stage in numbers, and a page of deals, the newest first."""
    deps, query = deps_of(request), request.query_params
    wanted = {
        name: named(query.get(name, "")) for name in ("text", "pipeline", "stage", "owner", "show")
    }
    before = _place(query.get("before", ""))

    def read(tx: Transaction) -> dict[str, Any]:
        current = published.current(tx)
        try:
            where = deals_view.filters(current, wanted["pipeline"], wanted["stage"])
        except InputError:
            where = {"pipeline": "", "stage": ""}
        page = deals.page(
            tx, before=before, limit=_ROWS + 1, text=wanted["text"].strip(),
            owner=wanted["owner"] or None, is_open=wanted["show"] != "all",
            pipeline=where["pipeline"], stage=where["stage"], custom=current.deal_fields,
        )  # fmt: skip
        shown = page[:_ROWS]
        last = shown[-1] if len(page) > _ROWS else None
        return {
            "deals": deals_view.shape(tx, current, shown),
            "leads": {str(one["id"]): str(one["lead"]) for one in shown},
            "following": f"{_iso(last['created_at'])}~{last['id']}" if last else "",
            "pipelines": _pipelines(tx, current),
            "owners": sorted(current.workspace.owners),
        }

    return await framed(request, "deals.html", {**await deps.read(read), "wanted": wanted})


async def deal_page(request: Request) -> Response:
    """One deal: where it stands, whose it is, and everything that happened on it."""
    deps, id = deps_of(request), named(request.path_params["deal"])
    before = named(request.query_params.get("before", ""))

    def read(tx: Transaction) -> dict[str, Any]:
        current = published.current(tx)
        facts = deals_view.found_deal(tx, id)
        (shown,) = deals_view.shape(tx, current, [facts])
        rows = enrollments.page(tx, deal=id, limit=_RUNS)
        pipeline = current.workspace.pipelines.get(str(facts["pipeline"]))
        return {
            "deal": shown,
            "contact": facts["lead"],
            "company": _company(tx, id),
            "facts": {key: one for key, one in shown["fields"].items() if one is not None},
            "stages": [stage.name for stage in pipeline.stages] if pipeline else [],
            "runs": listings.shape_enrollments(tx, rows),
            "history": deal_timeline(tx, id, before=before),
        }

    return await framed(request, "deal.html", await deps.read(read))


def _company(tx: Transaction, deal: str) -> dict[str, Any] | None:
    """The company that a deal is with: its id and its name."""
    found = companies.of_deal(tx, deal)
    facts = companies.load(tx, [found], {}).get(found) if found else None
    return dict(facts) if facts is not None else None


def _pipelines(tx: Transaction, current: Current) -> list[dict[str, Any]]:
    """Every pipeline with its stages that close nothing: how many open deals, worth how much."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    amounts: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for name, stage, count, currency, amount in deals.sums(tx):
        counts[name, stage] += count
        own, named = amounts[name, stage], currency or current.workspace.currency
        own[named] = own.get(named, 0.0) + amount
    return [
        {
            "name": name,
            "stages": [
                {
                    "name": stage.name, "count": counts[name, stage.name],
                    "amount": amounts[name, stage.name],
                }
                for stage in pipeline.stages
                if not stage.closes
            ],
        }
        for name, pipeline in current.workspace.pipelines.items()
    ]  # fmt: skip


def _place(text: str) -> tuple[datetime, str] | None:
    """Where a page begins, as the page before it said."""
    at, mark, id = text.partition("~")
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (found, named(id)) if mark and id and found.tzinfo else None


def _iso(at: object) -> str:
    return at.isoformat() if isinstance(at, datetime) else ""


ROUTES = [
    Route("/deals", deals_page, methods=["GET"]),
    Route("/deals/{deal}", deal_page, methods=["GET"]),
]
