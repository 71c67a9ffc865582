"""`POST /hooks/{provider}`: what mail providers report, believed only with a signature or login.

Whoever is not configured is not there. Answers say what was taken; a report that was taken before
is answered the same way, so that the provider stops repeating it.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.calls.client import Caller
from engine.calls.client import Request as Call
from engine.calls.verdicts import Answer
from engine.mail.inbound.providers import mailgun, postmark, resend, sendgrid, ses
from engine.mail.inbound.providers.hook import HookError, Reports, as_fields
from engine.mail.inbound.returned import Returned
from engine.operations.returning import take_back
from web.bodies import read_body
from web.deps import Deps, deps_of
from web.problems import Problem

MOST_BODY = 4_000_000
_KEPT_CERTIFICATES = 8
_log = logging.getLogger("longplay.hooks")
_certificates: dict[str, bytes] = {}

Reader = Callable[[Deps, Request, bytes, datetime], list[Returned]]


async def hook(request: Request) -> Response:
    """Takes in a provider's report."""
    provider = request.path_params["provider"]
    deps = deps_of(request)
    if not _is_configured(deps, provider):
        raise Problem(404, f"no reports are taken from '{provider[:40]}'",
                      help="see the settings that begin with LONGPLAY_HOOK")  # fmt: skip
    body = await read_body(request, MOST_BODY)
    now = datetime.now(UTC)
    try:
        if provider == "ses":
            found = await _ses(deps, body, now)
        else:
            found = await run_in_threadpool(_READERS[provider], deps, request, body, now)
    except HookError as error:
        _log.warning("a report of %s was refused: %s", provider, error)
        headers = {"WWW-Authenticate": 'Basic realm="longplay"'} if provider == "postmark" else {}
        raise Problem(401, str(error), headers=headers) from None
    taken = await deps.act(take_back, deps.store, found, door=provider)
    return JSONResponse({"accepted": sum(one.is_new for one in taken)})


def _is_configured(deps: Deps, provider: str) -> bool:
    secrets = deps.hooks
    return bool(
        {
            "ses": secrets.ses_topics,
            "sendgrid": secrets.sendgrid_key,
            "postmark": secrets.postmark_login,
            "mailgun": secrets.mailgun_key,
            "resend": secrets.resend_secret,
        }.get(provider)
    )


def _sendgrid(deps: Deps, request: Request, body: bytes, now: datetime) -> list[Returned]:
    sendgrid.check(request.headers, body, now, deps.hooks.sendgrid_key)
    return sendgrid.read(body, Reports("sendgrid", deps.returns))


def _postmark(deps: Deps, request: Request, body: bytes, _now: datetime) -> list[Returned]:
    postmark.check(request.headers, deps.hooks.postmark_login)
    return postmark.read(body, Reports("postmark", deps.returns))


def _mailgun(deps: Deps, _request: Request, body: bytes, now: datetime) -> list[Returned]:
    report = as_fields(body)
    mailgun.check(report, now, deps.hooks.mailgun_key)
    return mailgun.read(report, Reports("mailgun", deps.returns))


def _resend(deps: Deps, request: Request, body: bytes, now: datetime) -> list[Returned]:
    resend.check(request.headers, body, now, deps.hooks.resend_secret)
    return resend.read(body, Reports("resend", deps.returns))


_READERS: dict[str, Reader] = {
    "sendgrid": _sendgrid, "postmark": _postmark, "mailgun": _mailgun, "resend": _resend,
}  # fmt: skip


async def _ses(deps: Deps, body: bytes, now: datetime) -> list[Returned]:
    message = ses.opened(body, deps.hooks.ses_topics)
    url = ses.certificate_url(message)
    certificate = _certificates.get(url) or await (deps.fetch or fetch)(url)
    await run_in_threadpool(ses.check, message, certificate, now)
    if len(_certificates) >= _KEPT_CERTIFICATES:
        _certificates.clear()
    _certificates[url] = certificate  # only one that a good signature was made with
    confirm = ses.confirmation_url(message)
    if confirm:
        await (deps.fetch or fetch)(confirm)
        _log.info("subscribed to the reports of %s", message.get("TopicArn"))
        return []
    return ses.read(message, Reports("ses", deps.returns))


async def fetch(url: str) -> bytes:
    """What is at a public address.

    Raises:
        Problem: nothing was to be had.
    """
    caller = Caller()
    try:
        found = await caller.call(Call("GET", url))
    finally:
        await caller.close()
    if not isinstance(found, Answer) or found.status != 200 or found.cut:
        _log.warning("'%s' was not to be had", url.partition("?")[0])
        raise Problem(503, "the provider's certificate was not to be had; report it again later")
    return found.body


ROUTES = [Route("/hooks/{provider}", hook, methods=["POST"])]
