"""`/v1`: who a lead is. Merging two, giving out what is held about one, erasing one, finding pairs.

Each handler is: read, one use case, answer.
"""

from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.mail.catcher import forget
from engine.operations import duplicates, erasing, exporting, lead_stages, merging
from web.api import ACTOR, MOST_LISTED, named, whole_number
from web.bodies import read_json
from web.deps import deps_of
from web.documents import EraseDocument, MergeDocument
from web.problems import json_response

PATIENCE = timedelta(seconds=3)
"""How long a request waits for messages in flight; what is left goes by itself."""


async def post_merge(request: Request) -> Response:
    """Merges another lead into this one."""
    deps, document = deps_of(request), await read_json(request, MergeDocument)
    survivor = named(request.path_params["lead"])
    merge = partial(merging.merge, actor=ACTOR, reason=document.reason, take=document.take)
    done = await deps.act(merge, deps.store, survivor, document.other)
    return json_response(done.as_json())


async def get_export(request: Request) -> Response:
    """Everything that is held about a lead."""
    deps = deps_of(request)
    wanted = named(request.path_params["lead"])
    return json_response(await deps.look(exporting.export, deps.store, wanted))


async def post_erase(request: Request) -> Response:
    """Erases a lead (200); 202 while a message of it is in flight: the rest goes by itself."""
    deps, document = deps_of(request), await read_json(request, EraseDocument)
    wanted = named(request.path_params["lead"])
    erase = partial(erasing.erase, actor=ACTOR, reason=document.reason, patience=PATIENCE)
    done = await deps.act(erase, deps.store, wanted)
    if deps.mail_folder is not None:
        await deps.act(forget, deps.mail_folder, done.addresses)
    return json_response(done.as_json(), status=200 if done.is_over else 202)


async def get_duplicates(request: Request) -> Response:
    """A page of the pairs that the last search found, the surest first."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    least = whole_number(query.get("least", "50"), "least", 100)
    after = named(query.get("after", ""))
    look = partial(duplicates.listing, limit=limit, least=least, after=after)
    rows = await deps.look(look, deps.store)
    following = rows[-1]["id"] if len(rows) == limit else None
    return json_response({"duplicates": rows, "next": following})


async def get_lifecycle(request: Request) -> Response:
    """The stages of the lifecycle: what each means and takes, and how many leads are in it."""
    deps = deps_of(request)
    return json_response({"stages": await deps.look(lead_stages.definitions, deps.store)})


ROUTES = [
    Route("/v1/leads/{lead}/merge", post_merge, methods=["POST"]),
    Route("/v1/leads/{lead}/erase", post_erase, methods=["POST"]),
    Route("/v1/leads/{lead}/export", get_export, methods=["GET"]),
    Route("/v1/duplicates", get_duplicates, methods=["GET"]),
    Route("/v1/lifecycle", get_lifecycle, methods=["GET"]),
]
