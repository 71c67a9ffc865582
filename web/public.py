"""The doors that mails lead to: links, the picture of an opening, and the pages of `permission`
and `buttons`.

Anybody may come here with a token, and scanners do: GET and HEAD change nothing about a
subscription, HEAD records nothing, and what a machine follows satisfies nothing. A bad token is
answered the same way whatever is bad about it. No cookies are set.
"""

import logging

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.mail.links import LinkKind
from engine.operations import following
from web import buttons, permission
from web.deps import deps_of
from web.machines import is_machine
from web.tokens import link_of, lost

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
_log = logging.getLogger(__name__)


async def click(request: Request) -> Response:
    """Records a click and leads on, only to where this message's link leads."""
    link = link_of(request, LinkKind.CLICK)
    if link is None:
        return lost(request)
    deps = deps_of(request)
    followed = await deps.look(following.link_of, deps.store, deps.writer, link.job_id, link.index)
    if followed is None:
        return lost(request)
    if request.method == "GET":
        try:
            machine = is_machine(request.headers)
            await deps.act(following.click, deps.store, followed, machine=machine)
        except Exception:
            # The person gets where the link leads, whatever has become of us.
            _log.exception("a click on %s was not recorded", link.job_id)
    return RedirectResponse(followed.url, 302, headers={"Referrer-Policy": "no-referrer"})


async def opening(request: Request) -> Response:
    """A picture of one pixel; records an opening where the message asks for it."""
    link = link_of(request, LinkKind.OPEN)
    if link is not None and request.method == "GET":
        deps = deps_of(request)
        try:
            machine = is_machine(request.headers)
            await deps.act(following.open_mail, deps.store, link.job_id, machine=machine)
        except Exception:
            _log.exception("an opening of %s was not recorded", link.job_id)
    return Response(GIF, media_type="image/gif", headers={"Cache-Control": "no-store, private"})


ROUTES = [
    *permission.ROUTES,
    *buttons.ROUTES,
    Route("/c/{token}", click, methods=["GET"]),
    Route("/o/{token}.gif", opening, methods=["GET"]),
]
