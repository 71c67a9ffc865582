"""The pages on which a lead says what mail it wants: unsubscribing, preferences, confirming.

They work without JavaScript and set no cookies. GET shows, POST acts, and both may be repeated.
"""

import asyncio
import time
from collections.abc import Callable

from babel import Locale, UnknownLocaleError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.mail.links import LinkKind
from engine.operations import confirming, preferences, unsubscribing
from engine.operations.confirming import Confirmation
from engine.operations.consenting import text_hash
from engine.operations.incoming import Evidence
from engine.operations.preferences import Preferences, Wish
from web.deps import deps_of
from web.languages import LANGUAGES, language_of, texts
from web.showing import page
from web.tokens import Form, evidence_of, form_of, link_of, lost

_FIRST_LOOK, _LAST_LOOK = 0.05, 1.0
"""Seconds between two looks whether a mail that was on its way has been settled: ever more."""

_SENTENCES: dict[str, Callable[[Callable[[str], str]], str]] = {
    "marketing": lambda _: _(
        "%(sender)s may send me marketing mail at %(address)s. I can take this back at any time, "
        "by the link in every mail."
    ),
    "open_tracking": lambda _: _(
        "%(sender)s may see whether and when I open its mails. I can take this back at any time, "
        "by the link in every mail."
    ),
}


async def preferences_page(request: Request) -> Response:
    """Shows how the recipient stands, and what can be chosen; changes nothing."""
    link = link_of(request, LinkKind.UNSUBSCRIBE)
    deps = deps_of(request)
    found = await deps.look(preferences.look, deps.store, link.job_id) if link else None
    return await _subscription(request, found, done="")


async def unsubscribe(request: Request) -> Response:
    """One click (RFC 8058), or a choice on the page; idempotent, no redirect.

    It answers 200 once no marketing mail to the lead can be accepted any more; 202 when one is
    still with a mail server after `Deps.patience`.
    """
    link = link_of(request, LinkKind.UNSUBSCRIBE)
    deps = deps_of(request)
    known = await deps.look(preferences.look, deps.store, link.job_id) if link else None
    if link is None or known is None:
        return lost(request)
    form = await form_of(request)
    choice = (form.get("choice") or ["everything"])[-1]
    if choice == "preferences":
        await _save(request, link.job_id, known, form)
    else:
        is_click = "List-Unsubscribe" in form
        source = "one-click" if is_click else "unsubscribe page"
        use = unsubscribing.unsubscribe
        if choice.startswith("again"):
            use = unsubscribing.subscribe_again
        topic = known.topic if choice.endswith("topic") else ""
        evidence = evidence_of(request, source, known.version)
        await deps.act(use, deps.store, link.job_id, topic=topic, evidence=evidence)
    settled = choice.startswith("again") or await _settled(request, link.job_id)
    found = await deps.look(preferences.look, deps.store, link.job_id)
    return await _subscription(request, found, done=choice, settled=settled)


async def confirm_page(request: Request) -> Response:
    """Shows what is to be confirmed; mail scanners that follow the link confirm nothing."""
    link = link_of(request, LinkKind.CONFIRM)
    deps = deps_of(request)
    found = await deps.look(confirming.look, deps.store, link.job_id) if link else None
    return await _confirmation(request, found)


async def confirm(request: Request) -> Response:
    """Records what the button says; pressed twice is pressed once."""
    link = link_of(request, LinkKind.CONFIRM)
    deps = deps_of(request)
    found = await deps.look(confirming.look, deps.store, link.job_id) if link else None
    if link is None or found is None:
        return lost(request)
    form = await form_of(request)
    opens = None
    if "opens" in form:
        opens = await _evidence(request, found, "open_tracking", "confirmation page")
    evidence = await _evidence(request, found, "marketing", "confirmation page")
    use = confirming.confirm
    now = await deps.act(use, deps.store, link.job_id, evidence=evidence, opens=opens)
    return await _confirmation(request, now)


async def _save(request: Request, job: str, known: Preferences, form: Form) -> None:
    deps = deps_of(request)
    language = (form.get("language") or [""])[-1]
    if language not in dict(_tongues(known.language)):
        language = ""
    wish = Wish(frozenset(form.get("topic", ())), "opens" in form, language)
    await deps.act(
        preferences.save,
        deps.store,
        job,
        wish,
        evidence=evidence_of(request, "preference page", known.version),
        opens=await _evidence(request, known, "open_tracking", "preference page"),
    )


async def _settled(request: Request, job: str) -> bool:
    """Waits until no marketing mail to the lead is with a mail server; False: one still is."""
    deps = deps_of(request)
    until, pause = time.monotonic() + deps.patience, _FIRST_LOOK
    while await deps.look(unsubscribing.is_leaving, deps.store, job):
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LAST_LOOK)
    return True


async def _subscription(
    request: Request, found: Preferences | None, *, done: str, settled: bool = True
) -> Response:
    if found is None:
        return lost(request)
    language = language_of(request, also=found.language)
    values = {
        "found": found,
        "done": done,
        "settled": settled,
        "labels": {name: name.replace("-", " ").replace("_", " ") for name, _ in found.topics},
        "tongues": _tongues(found.language),
        "opens_text": await _sentence(request, found, "open_tracking"),
    }
    status = 200 if settled else 202
    return page(request, "preferences.html", values, language=language, status=status)


async def _confirmation(request: Request, found: Confirmation | None) -> Response:
    if found is None:
        return lost(request)
    values = {
        "found": found,
        "text": await _sentence(request, found, "marketing"),
        "opens_text": await _sentence(request, found, "open_tracking"),
    }
    return page(request, "confirm.html", values, language=language_of(request, also=found.language))


async def _evidence(
    request: Request, found: Preferences | Confirmation, purpose: str, source: str
) -> Evidence:
    shown = await _sentence(request, found, purpose)
    return evidence_of(request, source, found.version, text_hash(shown))


async def _sentence(request: Request, found: Preferences | Confirmation, purpose: str) -> str:
    """What the lead agrees to, in the language of the page: the workspace's text, or ours."""
    language = language_of(request, also=found.language)
    deps = deps_of(request)
    own = await deps.look(confirming.text_of, deps.store, purpose, language)
    if own:
        return own
    ours = _SENTENCES[purpose](texts(language).gettext)
    return ours % {"sender": found.sender, "address": found.address}


def _tongues(present: str) -> list[tuple[str, str]]:
    """The languages that mail may be wished in, by tag: those of the pages, and the lead's own."""
    names = {code.replace("_", "-"): name for code, name in LANGUAGES.items()}
    if present and present not in names:
        names = {present: _name_of(present), **names}
    return list(names.items())


def _name_of(tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name() or tag
    except (UnknownLocaleError, ValueError):
        return tag


ROUTES = [
    Route("/u/{token}", preferences_page, methods=["GET"]),
    Route("/u/{token}", unsubscribe, methods=["POST"]),
    Route("/s/{token}", confirm_page, methods=["GET"]),
    Route("/s/{token}", confirm, methods=["POST"]),
]
