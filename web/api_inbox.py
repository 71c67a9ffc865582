"""`/v1/inbox` and `/v1/notices`: what waits for people, their answers, and what they were told."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InputError, NotFoundError
from engine.operations import answering, inbox, notices_view
from engine.operations.answering import Said
from web.api import ACTOR, MOST_LISTED, named, whole_number
from web.bodies import read_json
from web.deps import deps_of
from web.documents_inbox import AnswerDocument, AnswersDocument
from web.problems import Problem, json_response


async def get_inbox(request: Request) -> Response:
    """A page of the inbox, what is at stake first."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    owner = named(query["owner"]) if "owner" in query else None
    found = await deps.look(
        inbox.page, deps.store, owner=owner, kinds=tuple(map(named, query.getlist("kind"))),
        snoozed=query.get("snoozed") == "true", after=named(query.get("after", "")), limit=limit,
    )  # fmt: skip
    return json_response({"entries": found.entries, "next": found.next or None})


async def get_entry(request: Request) -> Response:
    """One entry, open or not, with who did what."""
    deps = deps_of(request)
    return json_response(
        await deps.look(answering.show, deps.store, named(request.path_params["id"]))
    )


async def post_answer(request: Request) -> Response:
    """Answers one entry; 409 when it does not take this answer (any more)."""
    deps, verb = deps_of(request), request.path_params["verb"]
    if verb not in answering.VERBS:
        raise Problem(404, f"nothing is called '{verb[:40]}'", help=_VERBS)
    document = await read_json(request, AnswerDocument)
    said = _said(verb, document)
    try:
        found = await deps.act(answering.answer, deps.store, named(request.path_params["id"]), said)
    except NotFoundError:
        raise
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None
    return json_response(found)


async def post_answers(request: Request) -> Response:
    """Answers many entries alike; says which did not take it, and why."""
    deps, document = deps_of(request), await read_json(request, AnswersDocument)
    said = _said(document.verb, document)
    found = await deps.act(
        answering.answer_many, deps.store, [named(one) for one in document.ids], said
    )
    return json_response({"done": found.done, "failed": found.failed})


async def get_notices(request: Request) -> Response:
    """A page of notices, newest first."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    rows = await deps.look(
        notices_view.list_notices, deps.store,
        owner=named(query["owner"]) if "owner" in query else None,
        state=named(query.get("state", "")), before=named(query.get("before", "")), limit=limit,
    )  # fmt: skip
    following = rows[-1]["id"] if len(rows) == limit else None
    return json_response({"notices": rows, "next": following})


_VERBS = f"use {', '.join(answering.VERBS)}"


def _said(verb: str, document: AnswerDocument) -> Said:
    return Said(
        verb, by=document.by or ACTOR, way="api", result=document.result, until=document.until,
        to=document.to,
    )  # fmt: skip


ROUTES = [
    Route("/v1/inbox", get_inbox, methods=["GET"]),
    Route("/v1/inbox", post_answers, methods=["POST"]),
    Route("/v1/inbox/{id}", get_entry, methods=["GET"]),
    Route("/v1/inbox/{id}/{verb}", post_answer, methods=["POST"]),
    Route("/v1/notices", get_notices, methods=["GET"]),
]
