"""The application: its routes, its doors, and how its faults are told. It starts nothing."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from engine.errors import LongplayError
from web import (
    api,
    api_analytics,
    api_companies,
    api_consents,
    api_deals,
    api_inbox,
    api_persons,
    health,
    hooks,
    login,
    pages,
    pages_analytics,
    pages_companies,
    pages_deals,
    pages_inbox,
    pages_leads,
    pages_mail,
    pages_persons,
    pages_templates,
    public,
)
from web.counting import Counting
from web.deps import Deps
from web.doors import SECURITY, Doors
from web.problems import Problem, answer_problem
from web.showing import STATIC


class _Kept(StaticFiles):
    """Files whose address changes when they do: browsers need not ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with leave to keep it for a year when its address says its version."""
        response = await super().get_response(path, scope)
        if b"v=" in scope["query_string"]:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def _answer_fault(request: Request, error: Exception) -> Response:
    """A fault of ours is answered outside the doors, so it brings their headers itself."""
    response = await answer_problem(request, error)
    for name, value in {**SECURITY, "cache-control": "no-store"}.items():
        response.headers.setdefault(name, value)
    return response


def create_app(deps: Deps) -> Starlette:
    """The ASGI application of these parts."""
    routes = [
        *api_persons.ROUTES,
        *api_companies.ROUTES,
        *api.ROUTES,
        *api_consents.ROUTES,
        *api_deals.ROUTES,
        *api_analytics.ROUTES,
        *api_inbox.ROUTES,
        *public.ROUTES,
        *hooks.ROUTES,
        *health.ROUTES,
        *login.ROUTES,
        *pages.ROUTES,
        *pages_companies.ROUTES,
        *pages_inbox.ROUTES,
        *pages_persons.ROUTES,
        *pages_leads.ROUTES,
        *pages_deals.ROUTES,
        *pages_analytics.ROUTES,
        *pages_mail.ROUTES,
        *pages_templates.ROUTES,
        Mount("/static", _Kept(directory=STATIC), name="static"),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Counting, routes=routes), Middleware(Doors, deps=deps)],
        exception_handlers={
            Problem: answer_problem,
            HTTPException: answer_problem,
            LongplayError: answer_problem,
            Exception: _answer_fault,
        },
    )
    app.state.deps = deps
    return app
