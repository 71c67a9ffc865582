"""The dashboard's pages about playbooks and enrollments."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.errors import InputError, NotFoundError
from engine.operations import bulk, listings, overview, published, rollback
from engine.operations.overview import Overview, PlaybookCount
from engine.operations.statistics import SplitCount, split_counts
from engine.playbook.diagram import diagram as drawn_of
from engine.playbook.diagram_svg import svg
from engine.store import enrollments, inbox_pages, jobs
from engine.store.database import Transaction
from web.api import CONTROLS, named
from web.deps import Deps, deps_of
from web.frames import framed
from web.problems import Problem

_ACTOR = "dashboard"
_ROWS = 50
_RECENT = 8


async def home(request: Request) -> Response:
    """The workspace at a glance; before the first apply, what to do next."""
    deps = deps_of(request)
    try:
        seen = await _overview(deps)
    except InputError as error:
        return await framed(request, "unpublished.html", {"help": error.help})
    recent = await deps.remembered.get("recent", lambda: deps.read(_recent))
    waiting = await deps.remembered.get("waiting", lambda: deps.read(_waiting))
    return await framed(
        request,
        "overview.html",
        {
            "seen": seen,
            "recent": recent,
            "waiting": waiting,
            "bulks": await deps.read(lambda tx: bulk.listing(tx, limit=6, running=True)),
        },
    )


async def playbooks(request: Request) -> Response:
    """Every playbook with its numbers."""
    return await framed(request, "playbooks.html", {"seen": await _overview(deps_of(request))})


async def playbook(request: Request) -> Response:
    """One playbook: its steps and who stands where, beside its diagram."""
    deps, name = deps_of(request), named(request.path_params["name"])
    count: PlaybookCount = await deps.remembered.get(
        f"playbook {name}", lambda: deps.read(lambda tx: overview.playbook_count(tx, name))
    )
    rows = await deps.read(lambda tx: _enrollments(tx, playbook=name, limit=12))
    versions = await deps.remembered.get(
        f"versions {name}", lambda: deps.read(lambda tx: rollback.versions_in(tx, name, limit=20))
    )
    splits = await deps.remembered.get(
        f"splits {name}", lambda: deps.read(lambda tx: _splits(tx, name))
    )
    values = {"count": count, "rows": rows, "versions": versions, "splits": splits}
    return await framed(request, "playbook.html", values)


async def diagram(request: Request) -> Response:
    """The playbook's flow as a picture."""
    deps, name = deps_of(request), named(request.path_params["name"])
    plan = await deps.read(lambda tx: published.current(tx).plans.get(name))
    if plan is None:
        raise Problem(404, f"there is no diagram of '{name[:80]}'")
    return Response(
        svg(drawn_of(plan)),
        media_type="image/svg+xml",
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


async def enrollment_list(request: Request) -> Response:
    """Enrollments, newest first."""
    deps, query = deps_of(request), request.query_params
    wanted = {name: named(query.get(name, "")) for name in ("playbook", "state", "before")}
    if wanted["state"] and wanted["state"] not in listings.STATES:
        wanted["state"] = ""
    rows = await deps.read(lambda tx: _enrollments(tx, limit=_ROWS, **wanted))
    following = rows[-1]["id"] if len(rows) == _ROWS else None
    values = {"rows": rows, "wanted": wanted, "following": following, "states": listings.STATES}
    return await framed(request, "enrollments.html", values)


async def enrollment(request: Request) -> Response:
    """One enrollment: where it stands, and every step with its reason."""
    deps, wanted = deps_of(request), named(request.path_params["id"])
    values = await deps.read(lambda tx: _enrollment(tx, wanted))
    return await framed(request, "enrollment.html", values)


async def control_enrollment(request: Request) -> Response:
    """A button on an enrollment's page."""
    deps, id = deps_of(request), named(request.path_params["id"])
    use = CONTROLS.get(request.path_params["verb"])
    if use is None:
        raise Problem(404, "there is no such button")
    try:
        await deps.act(use, deps.store, id, _ACTOR)
    except NotFoundError:
        raise
    except InputError as error:
        raise Problem(409, error.message, help=error.help) from None
    return RedirectResponse(f"/enrollments/{id}", 303)


async def _overview(deps: Deps) -> Overview:
    return await deps.remembered.get("overview", lambda: deps.read(overview.overview))


def _splits(tx: Transaction, name: str) -> list[SplitCount]:
    return split_counts(tx, published.current(tx).plans[name])


def _waiting(tx: Transaction) -> Sequence[dict[str, Any]]:
    return inbox_pages.page(tx, limit=6).rows


def _recent(tx: Transaction) -> list[dict[str, Any]]:
    return listings.shape_messages(tx, jobs.page(tx, limit=_RECENT))


def _enrollments(tx: Transaction, **wanted: Any) -> list[dict[str, Any]]:
    rows = _newest(tx, **wanted)
    shaped = listings.shape_enrollments(tx, rows)
    return [{**one, "record": row["lead"]} for one, row in zip(shaped, rows, strict=True)]


def _newest(tx: Transaction, **wanted: Any) -> Sequence[Any]:
    """The newest enrollments that fit; of a playbook, state by state, as its index has them."""
    if not wanted.get("playbook") or wanted.get("state"):
        return enrollments.page(tx, **wanted)
    found = [
        row
        for state in listings.STATES
        for row in enrollments.page(tx, **{**wanted, "state": state})
    ]
    return sorted(found, key=lambda row: str(row["id"]), reverse=True)[: wanted["limit"]]


def _enrollment(tx: Transaction, wanted: str) -> dict[str, Any]:
    row = enrollments.by_id(tx, wanted)
    if row is None:
        raise NotFoundError(f"no enrollment has the id '{wanted[:60]}'")
    plan = published.plan(tx, row["digest"])
    (shaped,) = listings.shape_enrollments(tx, [row])
    steps = [dict(line) for line in enrollments.steps_of(tx, wanted)]
    op = plan.ops[row["pc"]] if row["ended_at"] is None else None
    return {
        "row": dict(row),
        "one": shaped,
        "steps": steps[::-1],
        "title": plan.title or plan.playbook,
        "stands_at": op.step if op else "",
        "about": overview.about(plan, row["pc"]) if op else "",
        "current": plan.digest == published.current(tx).digests.get(plan.playbook),
    }


ROUTES = [
    Route("/", home, methods=["GET"]),
    Route("/playbooks", playbooks, methods=["GET"]),
    Route("/playbooks/{name}/diagram.svg", diagram, methods=["GET"]),
    Route("/playbooks/{name}", playbook, methods=["GET"]),
    Route("/enrollments", enrollment_list, methods=["GET"]),
    Route("/enrollments/{id}", enrollment, methods=["GET"]),
    Route("/enrollments/{id}/{verb}", control_enrollment, methods=["POST"]),
]
