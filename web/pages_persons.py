"""The dashboard's pages about who a lead is: possible duplicates, what is held, the lifecycle."""

from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.errors import InputError, NotFoundError
from engine.mail.catcher import forget
from engine.operations import duplicates, erasing, exporting, merging
from engine.operations.lead_stages import described
from web.api import named
from web.api_persons import PATIENCE
from web.bodies import read_body
from web.deps import deps_of
from web.frames import framed
from web.problems import Problem

_ACTOR = "dashboard"
_PAIRS = 50


async def lifecycle_page(request: Request) -> Response:
    """What the team means by each stage, what it takes to be there, and how many are."""
    deps = deps_of(request)
    return await framed(request, "lifecycle.html", {"stages": await deps.read(described)})


async def duplicates_page(request: Request) -> Response:
    """Pairs of leads that may be one person, the surest first."""
    deps, after = deps_of(request), named(request.query_params.get("after", ""))
    look = partial(duplicates.listing, limit=_PAIRS, after=after)
    pairs = await deps.look(look, deps.store)
    following = pairs[-1]["id"] if len(pairs) == _PAIRS else ""
    return await framed(request, "duplicates.html", {"pairs": pairs, "following": following})


async def answer_pair(request: Request) -> Response:
    """A button beside a pair: one person, or two."""
    deps, verb = deps_of(request), request.path_params["verb"]
    given = await _form(request)
    one, other = given.get("one", ""), given.get("other", "")
    try:
        if verb == "merge":
            merge = partial(merging.merge, actor=_ACTOR, reason=given.get("reason", ""))
            await deps.act(merge, deps.store, one, other)
        elif verb == "distinct":
            await deps.act(duplicates.set_distinct, deps.store, one, other)
        else:
            raise Problem(404, "there is no such button")
    except NotFoundError:
        raise
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None
    return RedirectResponse("/duplicates", 303)


async def export_page(request: Request) -> Response:
    """Everything that is held about a lead, as a text to be saved."""
    deps, name = deps_of(request), named(request.path_params["lead"])
    found = await deps.look(exporting.export, deps.store, name)
    text = "\n".join(exporting.as_text(found)) + "\n"
    file = f"{found['lead']['id']}.md"
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file)}"}
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


async def erase_page(request: Request) -> Response:
    """The button under a lead: erases it, once the address has been typed again."""
    deps, name = deps_of(request), named(request.path_params["lead"])
    given = await _form(request)
    if given.get("again", "").strip().casefold() != name.casefold():
        raise Problem(
            409, "what was typed is not the lead's name", help="nothing was erased; go back"
        )
    erase = partial(erasing.erase, actor=_ACTOR, reason=given.get("reason", ""), patience=PATIENCE)
    done = await deps.act(erase, deps.store, name)
    if deps.mail_folder is not None:
        await deps.act(forget, deps.mail_folder, done.addresses)
    return RedirectResponse("/leads", 303)


async def _form(request: Request) -> dict[str, str]:
    body = (await read_body(request, 20_000)).decode("utf-8", "replace")
    fields: dict[str, Any] = parse_qs(body, max_num_fields=10)
    return {name: named(values[-1]) for name, values in fields.items()}


ROUTES = [
    Route("/lifecycle", lifecycle_page, methods=["GET"]),
    Route("/duplicates", duplicates_page, methods=["GET"]),
    Route("/duplicates/{verb}", answer_pair, methods=["POST"]),
    Route("/leads/{lead}/export", export_page, methods=["GET"]),
    Route("/leads/{lead}/erase", erase_page, methods=["POST"]),
]
