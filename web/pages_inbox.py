"""The dashboard's inbox and the list of notices: what waits for people, and what they were told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.errors import InputError, NotFoundError
from engine.operations import answering, inbox, notices_view, published
from engine.operations.answering import Said
from engine.store import inbox_pages
from engine.store.database import Transaction
from web.api import named
from web.bodies import read_body
from web.deps import Deps, deps_of
from web.frames import framed
from web.problems import Problem

_ACTOR = "dashboard"
_ROWS = 50
_MOST_FORM = 60_000

BULK = ("done", "acknowledge", "snooze", "approve", "reject", "retry", "skip")
"""What can be answered to many at once, besides giving them to somebody."""


async def show(request: Request) -> Response:
    """What waits for a person, what is at stake first."""
    deps, query = deps_of(request), request.query_params
    owner, kind = named(query.get("owner", "")), query.get("kind", "")
    kinds = (kind,) if kind in inbox.KINDS else ()
    # One filter: a name, `-` for what is nobody's, nothing for everybody's.
    whose = "" if owner == "-" else owner or None

    def read(tx: Transaction) -> dict[str, Any]:
        found = inbox_pages.page(
            tx, owner=whose, kinds=kinds, after=named(query.get("after", "")), limit=_ROWS
        )
        return {
            "rows": inbox.shapes(tx, found.rows), "following": found.next, "now": tx.now,
            "people": sorted(published.current(tx).workspace.owners),
            "counts": inbox_pages.counts(tx, owner=whose),
        }  # fmt: skip

    try:
        values = await deps.read(read)
    except InputError:
        raise Problem(404, "there is no such page of the inbox") from None
    counted = _whole_number(query.get("done", "")), _whole_number(query.get("failed", ""))
    frame = {
        "owner": owner, "kind": kinds[0] if kinds else "", "kinds": inbox.KINDS, "bulk": BULK,
        "later": answering.LATER, "counted": counted,
    }  # fmt: skip
    return await framed(request, "inbox.html", {**values, **frame})


async def answer(request: Request) -> Response:
    """A button at one entry."""
    deps, id, verb = deps_of(request), named(request.path_params["id"]), request.path_params["verb"]
    if verb not in answering.VERBS:
        raise Problem(404, "there is no such button")
    form = await _form(request)
    try:
        said = await _said(deps, verb, form)
        await deps.act(answering.answer, deps.store, id, said)
    except NotFoundError:
        raise
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None
    return RedirectResponse(_back(form), 303)


async def answer_many(request: Request) -> Response:
    """The button above the list: one answer to every entry that is marked."""
    deps, form = deps_of(request), await _form(request)
    wanted, verb = [named(one) for one in form.get("id", [])], _last(form, "verb")
    if not wanted:
        return RedirectResponse(_back(form), 303)
    if verb.startswith("give "):
        verb, form["to"] = "reassign", [verb.removeprefix("give ")]
    try:
        said = await _said(deps, verb, form)
        found = await deps.act(answering.answer_many, deps.store, wanted, said)
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None
    mark = "&" if "?" in _back(form) else "?"
    counts = f"done={len(found.done)}&failed={len(found.failed)}"
    return RedirectResponse(f"{_back(form)}{mark}{counts}", 303)


async def notices(request: Request) -> Response:
    """What our own people were told, or will be."""
    deps, query = deps_of(request), request.query_params
    wanted = {name: named(query.get(name, "")) for name in ("owner", "state", "job", "before")}
    if wanted["state"] not in notices_view.STATES:
        wanted["state"] = ""
    owner = "" if wanted["owner"] == "-" else wanted["owner"] or None
    people = await deps.read(lambda tx: sorted(published.current(tx).workspace.owners))
    if owner and owner not in people:
        owner, wanted["owner"] = None, ""
    rows = await deps.look(
        notices_view.list_notices, deps.store, owner=owner, state=wanted["state"],
        job=wanted["job"], before=wanted["before"], limit=_ROWS,
    )  # fmt: skip
    following = rows[-1]["id"] if len(rows) == _ROWS else ""
    values = {
        "rows": rows, "people": people, "wanted": wanted, "following": following,
        "states": tuple(notices_view.STATES),
    }  # fmt: skip
    return await framed(request, "notices.html", values)


async def _form(request: Request) -> dict[str, list[str]]:
    body = (await read_body(request, _MOST_FORM)).decode("utf-8", "replace")
    try:
        return parse_qs(body, max_num_fields=answering.MOST + 20)
    except ValueError:
        raise Problem(422, "the form has too many fields") from None


async def _said(deps: Deps, verb: str, form: Mapping[str, list[str]]) -> Said:
    """What a form says; whoever looks at one person's inbox answers as that person."""
    until: datetime | None = None
    if verb == "snooze":
        until = await deps.look(answering.later, deps.store, _last(form, "until") or "tomorrow")
    by = _last(form, "owner")
    return Said(
        verb, by=by if by not in ("", "-") else _ACTOR, way="page", until=until,
        result=_last(form, "result")[:10_000], to=_last(form, "to"),
    )  # fmt: skip


def _back(form: Mapping[str, list[str]]) -> str:
    """The list that the button was pressed in."""
    names = [(name, _last(form, name)) for name in ("owner", "kind")]
    query = "&".join(f"{name}={quote(value)}" for name, value in names if value)
    return f"/inbox?{query}" if query else "/inbox"


def _last(form: Mapping[str, list[str]], name: str) -> str:
    return form.get(name, [""])[-1].strip()


def _whole_number(text: str) -> int:
    return int(text[:6]) if text.isascii() and text[:6].isdigit() else 0


ROUTES = [
    Route("/inbox", show, methods=["GET"]),
    Route("/inbox", answer_many, methods=["POST"]),
    Route("/inbox/{id}/{verb}", answer, methods=["POST"]),
    Route("/notices", notices, methods=["GET"]),
]
