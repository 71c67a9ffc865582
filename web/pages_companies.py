"""The dashboard's pages about companies and pools, and the file of leads behind a button."""

import json
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.errors import InputError, NotFoundError
from engine.operations import companies_view, leads_view, pools, published
from engine.operations.edit_companies import change_company, found_company, merge_companies
from engine.operations.lead_lists import lead_list
from engine.store.database import Transaction
from web.api import named
from web.api_companies import pieces_of
from web.deps import deps_of
from web.forms import read_form
from web.frames import framed
from web.places import place_of, read_place
from web.problems import Problem

_ACTOR = "dashboard"
_ROWS = 50
_DEALS = 20


async def companies_page(request: Request) -> Response:
    """A page of companies, in the order they became known."""
    deps, query = deps_of(request), request.query_params
    wanted = {name: named(query.get(name, "")) for name in ("text", "owner", "after")}
    look = partial(
        companies_view.listing, text=wanted["text"], owner=wanted["owner"] or None,
        after=wanted["after"], limit=_ROWS,
    )  # fmt: skip
    rows = await deps.look(look, deps.store)
    values = {
        "companies": rows, "wanted": wanted,
        "owners": await deps.read(lambda tx: sorted(published.current(tx).workspace.owners)),
        "following": rows[-1]["id"] if len(rows) == _ROWS else "",
    }  # fmt: skip
    return await framed(request, "companies.html", values)


async def company_page(request: Request) -> Response:
    """One company: its leads, its deals, and what happened at it."""
    deps, query = deps_of(request), request.query_params
    name = named(request.path_params["company"])
    after, before = (named(query.get(one, "")) for one in ("after", "before"))

    def read(tx: Transaction) -> dict[str, Any]:
        id = found_company(tx, name)
        leads = companies_view.leads_of(tx, id, after=after, limit=_ROWS + 1)
        history = companies_view.company_timeline(tx, id, before=before)
        told = [str(one.details["lead"]) for one in history.moments if one.kind == "event"]
        return {
            "company": companies_view.shown(tx, id),
            "leads": leads[:_ROWS],
            "following": leads[_ROWS - 1]["id"] if len(leads) > _ROWS else "",
            "deals": companies_view.deals_of(tx, id, limit=_DEALS),
            "history": history,
            "names": leads_view.names_of(tx, told),
            "owners": sorted(published.current(tx).workspace.owners),
        }

    return await framed(request, "company.html", await deps.read(read))


async def own_company(request: Request) -> Response:
    """The form under a company: whose account it is."""
    deps, name = deps_of(request), named(request.path_params["company"])
    values = {"owner": (await read_form(request)).get("owner") or None}
    await deps.act(change_company, deps.store, name, values, actor=_ACTOR)
    return RedirectResponse(f"/companies/{quote(name, safe='')}", 303)


async def company_pairs_page(request: Request) -> Response:
    """Pairs of companies that may be one."""
    deps, after = deps_of(request), named(request.query_params.get("after", ""))
    look = partial(companies_view.duplicates, limit=_ROWS, after=after)
    pairs = await deps.look(look, deps.store)
    following = pairs[-1]["id"] if len(pairs) >= _ROWS else ""
    return await framed(request, "company_pairs.html", {"pairs": pairs, "following": following})


async def answer_company_pair(request: Request) -> Response:
    """A button beside a pair: one company, or two."""
    deps, verb, given = deps_of(request), request.path_params["verb"], await read_form(request)
    one, other = given.get("one", ""), given.get("other", "")
    try:
        if verb == "merge":
            await deps.act(merge_companies, deps.store, one, other, actor=_ACTOR)
        elif verb == "distinct":
            await deps.act(companies_view.set_distinct, deps.store, one, other)
        else:
            raise Problem(404, "there is no such button")
    except NotFoundError:
        raise
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None
    return RedirectResponse("/companies/duplicates", 303)


async def pools_page(request: Request) -> Response:
    """What lies in the pools, or in one; with an owner, what he may claim and what not."""
    deps, query = deps_of(request), request.query_params
    pool, owner = (named(query.get(name, "")) for name in ("pool", "owner"))
    look = partial(
        pools.listing, pool=pool, owner=owner, after=read_place(query.get("after", "")), limit=_ROWS
    )
    rows = await deps.look(look, deps.store)
    every = await deps.look(pools.summary, deps.store)
    people = {name for one in every for name in one["members"]}
    values = {
        "pools": every, "pool": pool, "owner": owner, "people": sorted(people), "rows": rows,
        "following": place_of(rows[-1]["since"], rows[-1]["place"]) if len(rows) == _ROWS else "",
    }  # fmt: skip
    return await framed(request, "pools.html", values)


async def claim_button(request: Request) -> Response:
    """The button beside a record: it is the owner's, unless somebody was faster."""
    deps, given = deps_of(request), await read_form(request)
    owner = given.get("owner", "")
    claim = partial(pools.claim, owner=owner, actor=_ACTOR, record=given.get("record", ""))
    try:
        await deps.act(claim, deps.store, given.get("id", ""))
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None
    back = {"owner": owner, **({"pool": given["pool"]} if given.get("pool") else {})}
    return RedirectResponse(f"/pools?{urlencode(back)}", 303)


async def leads_file(request: Request) -> Response:
    """The leads of the page as a file for a spreadsheet."""
    deps, query = deps_of(request), request.query_params
    names = ("where", "segment", "stage", "owner", "encoding")
    wanted = {name: named(query.get(name, "")) for name in names}
    also = [f"lead.{name} == {json.dumps(wanted[name], ensure_ascii=False)}"
            for name in ("stage", "owner") if wanted[name]]  # fmt: skip
    where = " and ".join(f"({one})" for one in (wanted["where"], *also) if one.strip())
    make = partial(
        lead_list, where=where, segment=wanted["segment"],
        encoding=wanted["encoding"] or "utf-8-bom",
    )  # fmt: skip
    listed = await deps.look(make, deps.store)
    charset = "gbk" if listed.encoding == "gbk" else "utf-8"
    headers = {"Content-Disposition": 'attachment; filename="leads.csv"'}
    kind = f"text/csv; charset={charset}"
    return StreamingResponse(pieces_of(deps, listed), headers=headers, media_type=kind)


ROUTES = [
    Route("/companies", companies_page, methods=["GET"]),
    Route("/companies/duplicates", company_pairs_page, methods=["GET"]),
    Route("/companies/duplicates/{verb}", answer_company_pair, methods=["POST"]),
    Route("/companies/{company}", company_page, methods=["GET"]),
    Route("/companies/{company}", own_company, methods=["POST"]),
    Route("/pools", pools_page, methods=["GET"]),
    Route("/pools/claim", claim_button, methods=["POST"]),
    Route("/leads.csv", leads_file, methods=["GET"]),
]
