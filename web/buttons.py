"""The page behind a button of a message to our own people: it shows what is asked, and one button.

Scanners of mail follow every link: GET and HEAD change nothing, POST acts. Whoever has the message
may press: the token says whom it went to, and for how long. No cookies are set.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import InputError
from engine.operations import answering, button_doors
from engine.operations.button_doors import Asked
from web.deps import deps_of
from web.languages import language_of
from web.showing import page
from web.tokens import form_of, lost


async def show(request: Request) -> Response:
    """Shows what the button is about; changes nothing."""
    deps = deps_of(request)
    link = deps.signer.read_action(request.path_params["token"])
    found = await deps.look(button_doors.look, deps.store, link) if link else None
    return _page(request, found)


async def press(request: Request) -> Response:
    """Does what the button says; pressed twice it says that it was done already, and by whom."""
    deps = deps_of(request)
    link = deps.signer.read_action(request.path_params["token"])
    found = await deps.look(button_doors.look, deps.store, link) if link else None
    if link is None or found is None:
        return lost(request)
    form = await form_of(request)
    verb = (form.get("verb") or [found.verb])[-1]
    word = (form.get("until") or ["tomorrow"])[-1]
    result = (form.get("result") or [""])[-1].strip()[:500]
    until = None
    if verb == "snooze":
        try:
            until = await deps.look(answering.later, deps.store, word)
        except InputError:
            until = await deps.look(answering.later, deps.store)
    done = await deps.act(
        button_doors.press, deps.store, link, verb, until=until, result=result
    )  # fmt: skip
    return _page(request, done)


def _page(request: Request, found: Asked | None) -> Response:
    if found is None:
        return lost(request)
    language = language_of(request, also=found.language)
    status = 410 if found.too_old and found.is_open else 200
    values = {"found": found, "later": answering.LATER}
    response = page(
        request, "button.html", values, language=language, status=status, zone=found.zone
    )
    response.headers["Cache-Control"] = "no-store, private"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


ROUTES = [
    Route("/a/{token}", show, methods=["GET"]),
    Route("/a/{token}", press, methods=["POST"]),
]
