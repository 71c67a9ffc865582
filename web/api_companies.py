"""`/v1`: companies, pools, and lists of leads. Each handler is: read, one use case, answer."""

from collections.abc import AsyncIterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from engine.errors import InputError, NotFoundError
from engine.operations import companies_view, pools
from engine.operations.edit_companies import (
    change_company,
    found_company,
    merge_companies,
    put_company,
)
from engine.operations.lead_lists import LeadList, lead_list
from engine.store.database import Store, Transaction
from web.api import ACTOR, MOST_LISTED, named, whole_number
from web.bodies import read_json
from web.deps import Deps, deps_of
from web.places import place_of, read_place
from web.problems import Problem, json_response
from web.record_documents import ClaimDocument, CompanyDocument, MergeCompanyDocument

_KINDS = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


async def post_company(request: Request) -> Response:
    """Makes a company (201), or changes the one with this id, domain or name (200)."""
    deps, document = deps_of(request), await read_json(request, CompanyDocument)
    edited = await deps.act(put_company, deps.store, document.values(), actor=ACTOR)
    shown = await deps.look(companies_view.show, deps.store, edited.company)
    headers = {"Location": f"/v1/companies/{edited.company}"}
    return json_response(shown, status=201 if edited.created else 200, headers=headers)


async def get_companies(request: Request) -> Response:
    """A page of companies in the order they became known."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    look = partial(
        companies_view.listing,
        text=named(query.get("text", "")),
        owner=named(query["owner"]) if "owner" in query else None,
        after=named(query.get("after", "")),
        limit=limit,
    )
    rows = await deps.look(look, deps.store)
    following = rows[-1]["id"] if len(rows) == limit else None
    return json_response({"companies": rows, "next": following})


async def get_company(request: Request) -> Response:
    """A company by id, domain or name, with its history."""
    deps, wanted = deps_of(request), named(request.path_params["company"])
    return json_response(await deps.look(companies_view.show, deps.store, wanted))


async def patch_company(request: Request) -> Response:
    """Changes the fields that are given; null takes a value away."""
    deps, document = deps_of(request), await read_json(request, CompanyDocument)
    wanted = named(request.path_params["company"])
    edited = await deps.act(
        change_company, deps.store, wanted, document.values(), actor=ACTOR, reason=document.reason
    )
    return json_response(await deps.look(companies_view.show, deps.store, edited.company))


async def get_company_leads(request: Request) -> Response:
    """A page of the leads of a company."""
    deps, query = deps_of(request), request.query_params
    wanted, after = named(request.path_params["company"]), named(query.get("after", ""))
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)

    def read(tx: Transaction) -> list[dict[str, object]]:
        id = found_company(tx, wanted)
        return companies_view.leads_of(tx, id, after=after, limit=limit)

    rows = await deps.read(read)
    following = rows[-1]["id"] if len(rows) == limit else None
    return json_response({"leads": rows, "next": following})


async def post_merge_company(request: Request) -> Response:
    """Merges another company into this one."""
    deps, document = deps_of(request), await read_json(request, MergeCompanyDocument)
    survivor = named(request.path_params["company"])
    merge = partial(merge_companies, actor=ACTOR, reason=document.reason)
    done = await deps.act(merge, deps.store, survivor, document.other)
    return json_response(done.as_json())


async def get_company_duplicates(request: Request) -> Response:
    """Pairs of companies that may be one."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    look = partial(companies_view.duplicates, limit=limit, after=named(query.get("after", "")))
    rows = await deps.look(look, deps.store)
    following = rows[-1]["id"] if len(rows) >= limit else None
    return json_response({"duplicates": rows, "next": following})


async def get_pools(request: Request) -> Response:
    """Every pool of the workspace, and how many records lie in each."""
    deps = deps_of(request)
    return json_response({"pools": await deps.look(pools.summary, deps.store)})


async def get_pool(request: Request) -> Response:
    """A page of what lies in a pool, whoever waits longest first."""
    deps, query = deps_of(request), request.query_params
    limit = whole_number(query.get("limit", "100"), "limit", MOST_LISTED)
    look = partial(
        pools.listing,
        pool=named(request.path_params["pool"]),
        owner=named(query.get("owner", "")),
        after=read_place(query.get("after", "")),
        limit=limit,
    )
    rows = await deps.look(look, deps.store)
    following = place_of(rows[-1]["since"], rows[-1]["place"]) if len(rows) == limit else None
    return json_response({"records": rows, "next": following})


async def post_claim(request: Request) -> Response:
    """Gives a record of a pool to an owner; 409 when it cannot be his (any more)."""
    deps, document = deps_of(request), await read_json(request, ClaimDocument)
    claim = partial(pools.claim, owner=document.owner, actor=ACTOR, record=document.record)
    return json_response(await deps.act(_claimed, claim, deps.store, document.id))


def _claimed(claim: "partial[dict[str, object]]", store: Store, id: str) -> dict[str, object]:
    try:
        return claim(store, id)
    except NotFoundError as error:
        if "already" in error.message:
            raise Problem(409, error.message, help=error.help) from None
        raise
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None


async def get_lead_list(request: Request, *, form: str) -> Response:
    """Leads as a file, however many: those of a segment, of a condition, or all."""
    deps, query = deps_of(request), request.query_params
    make = partial(
        lead_list,
        where=query.get("where", ""),
        segment=named(query.get("segment", "")),
        columns=[one.strip() for one in query.get("columns", "").split(",") if one.strip()],
        form=form,
        encoding=query.get("encoding", "utf-8"),
    )
    listed = await deps.look(make, deps.store)
    charset = "gbk" if listed.encoding == "gbk" else "utf-8"
    headers = {"Content-Disposition": f'attachment; filename="leads.{form}"'}
    kind = f"{_KINDS[form]}; charset={charset}"
    return StreamingResponse(pieces_of(deps, listed), headers=headers, media_type=kind)


async def pieces_of(deps: Deps, listed: LeadList) -> AsyncIterator[bytes]:
    """The file, a page at a time; readers of other pages come in between."""
    yield listed.head
    after: str | None = ""
    while after is not None:
        text, _, after = await deps.look(listed.page, deps.store, after)
        yield text


ROUTES = [
    Route("/v1/companies", post_company, methods=["POST"]),
    Route("/v1/companies", get_companies, methods=["GET"]),
    Route("/v1/company-duplicates", get_company_duplicates, methods=["GET"]),
    Route("/v1/companies/{company}", get_company, methods=["GET"]),
    Route("/v1/companies/{company}", patch_company, methods=["PATCH"]),
    Route("/v1/companies/{company}/leads", get_company_leads, methods=["GET"]),
    Route("/v1/companies/{company}/merge", post_merge_company, methods=["POST"]),
    Route("/v1/pools", get_pools, methods=["GET"]),
    Route("/v1/pools/{pool}", get_pool, methods=["GET"]),
    Route("/v1/claims", post_claim, methods=["POST"]),
    Route("/v1/leads.csv", partial(get_lead_list, form="csv"), methods=["GET"]),
    Route("/v1/leads.jsonl", partial(get_lead_list, form="jsonl"), methods=["GET"]),
]
