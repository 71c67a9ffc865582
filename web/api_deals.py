"""`/v1/deals`: deals and their moves. Each handler is: read, one use case, answer."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.operations import deals_view
from engine.operations.edit_deals import change_deal, put_deal
from web.api import ACTOR, MOST_LISTED, named, whole_number
from web.bodies import read_json
from web.deps import deps_of
from web.documents import DealDocument
from web.problems import json_response


async def post_deal(request: Request) -> Response:
    """Makes a deal (201), or changes the one with this id (200)."""
    deps, document = deps_of(request), await read_json(request, DealDocument)
    edited = await deps.act(
        put_deal, deps.store, document.values(), actor=ACTOR, force=document.force
    )
    shown = await deps.look(deals_view.show, deps.store, edited.deal)
    headers = {"Location": f"/v1/deals/{edited.deal}"}
    return json_response(shown, status=201 if edited.created else 200, headers=headers)


async def get_deals(request: Request) -> Response:
    """A page of deals in the order of their ids."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    filters = {name: named(query.get(name, "")) for name in ("pipeline", "stage", "lead")}
    owner = named(query["owner"]) if "owner" in query else None
    rows = await deps.look(
        deals_view.listing,
        deps.store,
        limit=limit,
        owner=owner,
        is_open=query.get("open") == "true",
        after=named(query.get("after", "")) or None,
        **filters,
    )
    following = rows[-1]["id"] if len(rows) == limit else None
    return json_response({"deals": rows, "next": following})


async def get_deal(request: Request) -> Response:
    """A deal with its history."""
    deps = deps_of(request)
    wanted = named(request.path_params["deal"])
    return json_response(await deps.look(deals_view.show, deps.store, wanted))


async def patch_deal(request: Request) -> Response:
    """Changes the fields that are given, and moves the deal; null takes a value away."""
    deps, document = deps_of(request), await read_json(request, DealDocument)
    wanted = named(request.path_params["deal"])
    await deps.act(
        change_deal, deps.store, wanted, document.values(), actor=ACTOR, force=document.force
    )
    return json_response(await deps.look(deals_view.show, deps.store, wanted))


ROUTES = [
    Route("/v1/deals", post_deal, methods=["POST"]),
    Route("/v1/deals", get_deals, methods=["GET"]),
    Route("/v1/deals/{deal}", get_deal, methods=["GET"]),
    Route("/v1/deals/{deal}", patch_deal, methods=["PATCH"]),
]
