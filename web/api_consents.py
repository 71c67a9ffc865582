"""`/v1/consents`: what a form, a fair or another system knows of a lead's consents."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.operations import consenting
from engine.operations.consenting import Consent
from engine.operations.incoming import Evidence
from web.bodies import read_json
from web.deps import deps_of
from web.documents import ConsentDocument
from web.problems import Problem, json_response

ACTOR = "api"


async def post_consent(request: Request) -> Response:
    """Records a consent (201); one that is on record already changes nothing (200)."""
    deps, document = deps_of(request), await read_json(request, ConsentDocument)
    told = Consent(
        document.lead,
        document.state,
        document.purpose,
        document.topic,
        at=document.at,
        id=document.id,
        evidence=Evidence(
            source=document.source or ACTOR,
            text_version=document.text_version,
            text_hash=consenting.text_hash(document.text) if document.text else "",
            ip=document.ip,
            agent=document.user_agent,
            actor=ACTOR,
        ),
    )
    is_new = await deps.act(consenting.record, deps.store, told)
    return json_response({"recorded": is_new}, status=201 if is_new else 200)


async def get_consents(request: Request) -> Response:
    """How a lead's consents stand, with the ledger: `?lead=` its address or id."""
    deps, lead = deps_of(request), request.query_params.get("lead", "")
    if not lead or len(lead) > 400 or "\x00" in lead:
        raise Problem(422, "the query names no lead", help="write ?lead=ann@example.com")
    return json_response(await deps.look(consenting.show, deps.store, lead))


ROUTES = [
    Route("/v1/consents", post_consent, methods=["POST"]),
    Route("/v1/consents", get_consents, methods=["GET"]),
]
