"""The dashboard's pages about leads: finding one among many, and everything that happened to it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InputError
from engine.operations import deals_view, leads_view, listings, published
from engine.operations.lead_changes import found_lead
from engine.operations.lead_search import Found, search
from engine.operations.published import Current
from engine.operations.scoring_view import explain_in
from engine.operations.selecting import Selection, checked, selection
from engine.operations.timeline import timeline
from engine.store import deals, enrollments
from engine.store.database import Transaction
from web.api import named
from web.deps import deps_of
from web.frames import framed

_RUNS = 20
_COUNTING = 1.0
"""Seconds that a page waits for the number of leads of whom a condition holds."""


async def leads_page(request: Request) -> Response:
    """A page of leads, the one known last first."""
    deps, query = deps_of(request), request.query_params
    names = ("text", "stage", "owner", "before", "where", "segment")
    wanted = {name: named(query.get(name, "")) for name in names}

    def read(tx: Transaction) -> dict[str, Any]:
        current = published.current(tx)
        workspace = current.workspace
        chosen, flaw = _chosen(current, wanted)
        text, stage, owner, before = (wanted[name] for name in names[:4])
        counts = chosen is not None and not (text or stage or owner or before)
        return {
            "found": Found([], None)
            if flaw
            else search(tx, text=text, stage=stage, owner=owner, before=before, chosen=chosen),
            "count": chosen.count(tx, seconds=_COUNTING) if chosen and counts else None,
            "flaw": flaw,
            "stages": workspace.lifecycle,
            "owners": sorted(workspace.owners),
            "segments": sorted(workspace.segments),
        }

    return await framed(request, "leads.html", {**await deps.read(read), "wanted": wanted})


def _chosen(current: Current, wanted: dict[str, str]) -> tuple[Selection | None, str]:
    """What a condition and a segment select; or what is wrong with the condition."""
    terms = [f"({wanted['where']})"] if wanted["where"].strip() else []
    if wanted["segment"] in current.workspace.segments:
        terms.append(f"segment.{wanted['segment']}")
    if not terms:
        return None, ""
    try:
        if wanted["where"].strip():
            checked(current, wanted["where"])
        return selection(current, " and ".join(terms)), ""
    except InputError as error:
        return None, f"{error.message}. {error.help}" if error.help else error.message


async def lead_page(request: Request) -> Response:
    """One lead: who it is, where it stands, and its history."""
    deps, name = deps_of(request), named(request.path_params["lead"])
    before = named(request.query_params.get("before", ""))
    shown = await deps.look(leads_view.show, deps.store, name)

    def read(tx: Transaction) -> dict[str, Any]:
        lead = found_lead(tx, name)
        rows = enrollments.page(tx, lead=lead, limit=_RUNS)
        current = published.current(tx)
        mine = deals.page(tx, lead=str(lead), limit=_RUNS, custom=current.deal_fields)
        return {
            "lead": shown,
            "deals": deals_view.shape(tx, current, mine),
            "facts": {key: value for key, value in shown["fields"].items() if value is not None},
            "runs": listings.shape_enrollments(tx, rows),
            "scores": explain_in(tx, name),
            "history": timeline(tx, lead, before=before),
            "before": before,
        }

    return await framed(request, "lead.html", await deps.read(read))


ROUTES = [
    Route("/leads", leads_page, methods=["GET"]),
    Route("/leads/{lead:path}", lead_page, methods=["GET"]),
]
