"""`/v1`: leads and enrollments. Each handler is: read, one use case, answer."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InputError, NotFoundError
from engine.operations import control, leads_view, listings
from engine.operations.control import Controlled
from engine.operations.edit_leads import change_lead, put_lead
from engine.operations.enrolling_by_hand import enroll
from engine.operations.enrolling_deals import enroll_deals
from engine.store.database import Store
from web.api_events import post_events
from web.bodies import read_json
from web.deps import deps_of
from web.documents import EnrollDocument, LeadDocument
from web.problems import Problem, json_response

ACTOR = "api"
MOST_LISTED = 500

Use = Callable[[Store, str, str], Controlled]

CONTROLS: Mapping[str, Use] = {
    "pause": control.pause,
    "resume": control.resume,
    "skip": control.skip,
    "cancel": control.cancel,
    "retry": control.retry,
}


async def post_lead(request: Request) -> Response:
    """Makes a lead (201), or changes the one with this address or id (200)."""
    deps, document = deps_of(request), await read_json(request, LeadDocument)
    edited = await deps.act(
        put_lead, deps.store, document.values(), actor=ACTOR, reason=document.reason,
        force=document.force,
    )  # fmt: skip
    shown = await deps.look(leads_view.show, deps.store, edited.lead)
    headers = {"Location": f"/v1/leads/{edited.lead}"}
    return json_response(shown, status=201 if edited.created else 200, headers=headers)


async def get_lead(request: Request) -> Response:
    """A lead by address or id."""
    deps = deps_of(request)
    return json_response(
        await deps.look(leads_view.show, deps.store, named(request.path_params["lead"]))
    )


async def patch_lead(request: Request) -> Response:
    """Changes the fields that are given; null takes a value away."""
    deps, document = deps_of(request), await read_json(request, LeadDocument)
    name = named(request.path_params["lead"])
    edited = await deps.act(
        change_lead, deps.store, name, document.values(), actor=ACTOR, reason=document.reason,
        force=document.force,
    )  # fmt: skip
    return json_response(await deps.look(leads_view.show, deps.store, edited.lead))


async def post_enrollment(request: Request) -> Response:
    """Enrolls leads, or deals, by hand; the playbook's own rules decide who enters."""
    deps, document = deps_of(request), await read_json(request, EnrollDocument)
    more: dict[str, Any] = {"key": document.key, "properties": document.data}
    if document.deals:
        enter = partial(enroll_deals, ids=document.deals, **more)
    else:
        enter = partial(enroll, names=document.leads, **more)
    done = await deps.act(enter, deps.store, document.playbook)
    return json_response({"enrolled": done.enrolled, "skipped": done.skipped}, status=202)


async def get_enrollments(request: Request) -> Response:
    """A page of enrollments, newest first."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    filters = {name: named(query.get(name, "")) for name in ("playbook", "lead", "state", "before")}
    rows = await deps.look(listings.list_enrollments, deps.store, limit=limit, **filters)
    following = rows[-1]["id"] if len(rows) == limit else None
    return json_response({"enrollments": rows, "next": following})


async def get_enrollment(request: Request) -> Response:
    """One enrollment, with what it did."""
    deps = deps_of(request)
    wanted = named(request.path_params["id"])
    return json_response(await deps.look(listings.show_enrollment, deps.store, wanted))


async def post_control(request: Request) -> Response:
    """Pauses, resumes, skips, cancels or retries an enrollment."""
    deps, verb = deps_of(request), request.path_params["verb"]
    use = CONTROLS.get(verb)
    if use is None:
        raise Problem(404, f"nothing is called '{verb[:40]}'", help=f"use {', '.join(CONTROLS)}")
    done = await deps.act(_controlled, use, deps.store, named(request.path_params["id"]))
    return json_response({"id": done.id, "before": done.before, "after": done.after})


def _controlled(use: Use, store: Store, enrollment: str) -> Controlled:
    try:
        return use(store, enrollment, ACTOR)
    except NotFoundError:
        raise
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None


def named(text: str) -> str:
    """A name out of an address, which may hold anything.

    Raises:
        Problem: no name has such characters.
    """
    if "\x00" in text or len(text) > 400 or any("\ud800" <= char <= "\udfff" for char in text):
        raise Problem(404, "there is nothing of that name")
    return text


def whole_number(text: str, name: str, most: int) -> int:
    """A number out of the query.

    Raises:
        Problem: it is none, or too large.
    """
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise Problem(422, f"'{text[:40]}' is no '{name}'", help=f"use a number from 1 to {most}")
    return int(text)


ROUTES = [
    Route("/v1/events", post_events, methods=["POST"]),
    Route("/v1/leads", post_lead, methods=["POST"]),
    Route("/v1/leads/{lead:path}", get_lead, methods=["GET"]),
    Route("/v1/leads/{lead:path}", patch_lead, methods=["PATCH"]),
    Route("/v1/enrollments", post_enrollment, methods=["POST"]),
    Route("/v1/enrollments", get_enrollments, methods=["GET"]),
    Route("/v1/enrollments/{id}", get_enrollment, methods=["GET"]),
    Route("/v1/enrollments/{id}/{verb}", post_control, methods=["POST"]),
]
