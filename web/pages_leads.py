"""The dashboard's pages about leads: finding one among many, and everything that happened to it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.operations import deals_view, leads_view, listings, published
from engine.operations.lead_changes import found_lead
from engine.operations.lead_search import search
from engine.operations.timeline import timeline
from engine.store import deals, enrollments
from engine.store.database import Transaction
from web.api import named
from web.deps import deps_of
from web.frames import framed

_RUNS = 20


async def leads_page(request: Request) -> Response:
    """A page of leads, the one known last first."""
    deps, query = deps_of(request), request.query_params
    wanted = {name: named(query.get(name, "")) for name in ("text", "stage", "owner", "before")}

    def read(tx: Transaction) -> dict[str, Any]:
        workspace = published.current(tx).workspace
        return {
            "found": search(
                tx,
                text=wanted["text"],
                stage=wanted["stage"],
                owner=wanted["owner"],
                before=wanted["before"],
            ),
            "stages": workspace.lifecycle,
            "owners": sorted(workspace.owners),
        }

    return await framed(request, "leads.html", {**await deps.read(read), "wanted": wanted})


async def lead_page(request: Request) -> Response:
    """One lead: who it is, where it stands, and its history."""
    deps, name = deps_of(request), named(request.path_params["lead"])
    before = named(request.query_params.get("before", ""))
    shown = await deps.look(leads_view.show, deps.store, name)

    def read(tx: Transaction) -> dict[str, Any]:
        lead = found_lead(tx, name)
        rows = enrollments.page(tx, lead=lead, limit=_RUNS)
        current = published.current(tx)
        mine = deals.page(tx, lead=str(lead), newest=True, limit=_RUNS, custom=current.deal_fields)
        return {
            "lead": shown,
            "deals": deals_view.shape(tx, current, mine),
            "facts": {key: value for key, value in shown["fields"].items() if value is not None},
            "runs": listings.shape_enrollments(tx, rows),
            "history": timeline(tx, lead, before=before),
            "before": before,
        }

    return await framed(request, "lead.html", await deps.read(read))


ROUTES = [
    Route("/leads", leads_page, methods=["GET"]),
    Route("/leads/{lead:path}", lead_page, methods=["GET"]),
]
