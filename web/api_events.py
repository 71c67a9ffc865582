"""`POST /v1/events`: accepted means committed. It knows no rule about events but their form."""

from pydantic import JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from engine import metrics, tracing
from engine.errors import InputError
from engine.operations.intake import IncomingEvent, Intake, take_in
from web.bodies import Unreadable, faults, poison, read_items
from web.deps import Deps, deps_of
from web.documents import EventDocument
from web.gathering import MOST, Share
from web.problems import MEDIA_TYPE, Problem, json_response

MOST_EVENTS = 5_000


async def post_events(request: Request) -> Response:
    """Takes in one event, a list, or JSON Lines."""
    given = request.headers.get("traceparent", "")
    with tracing.Span("POST /v1/events", given, begins=True) as span:
        return await _taken_in(request, span.traceparent if tracing.is_on() else "")


async def _taken_in(request: Request, trace: str) -> Response:
    items, alone = await read_items(request)
    if len(items) > MOST_EVENTS:
        raise Problem(
            413, f"{len(items):,} events are more than {MOST_EVENTS:,}", help="send fewer at a time"
        )
    incoming, rejected = _read(items, trace)
    answer = {"accepted": 0, "duplicates": 0}
    places = [index for index, _ in incoming]
    for start in range(0, len(incoming), MOST):
        cut = [event for _, event in incoming[start : start + MOST]]
        share = await _take_in(deps_of(request), cut)
        answer["accepted"] += share.accepted
        answer["duplicates"] += share.duplicates
        rejected |= {places[start + index]: error for index, error in share.rejected.items()}
    for word in ("accepted", "duplicates"):
        if answer[word]:
            metrics.EVENTS.count(word.removesuffix("s"), by=answer[word])
    if rejected:
        metrics.EVENTS.count("rejected", by=len(rejected))
    listed = [{"index": index, "error": rejected[index]} for index in sorted(rejected)]
    if alone and listed:
        # A single event that is wrong is a request that is wrong; the counts are there as well.
        problem = Problem(422, rejected[0]).document()
        return json_response({**problem, **answer, "rejected": listed}, status=422, kind=MEDIA_TYPE)
    return json_response({**answer, "rejected": listed}, status=202)


async def _take_in(deps: Deps, events: list[IncomingEvent]) -> Share:
    async def take(together: list[IncomingEvent]) -> Intake:
        return await deps.act(take_in, deps.store, together)

    try:
        return await deps.gatherer.take_in(events, take)
    except InputError as error:
        # What is wrong with an event is in the answer; this is about us: nothing is published.
        raise Problem(503, error.message, help=error.help, headers={"Retry-After": "10"}) from None


def _read(
    items: list[JsonValue | Unreadable], trace: str
) -> tuple[list[tuple[int, IncomingEvent]], dict[int, str]]:
    """The events that have the right form, each with its place, and what is wrong with others."""
    good: list[tuple[int, IncomingEvent]] = []
    rejected: dict[int, str] = {}
    for index, item in enumerate(items):
        found = _event(item, trace)
        if isinstance(found, str):
            rejected[index] = found
        else:
            good.append((index, found))
    return good, rejected


def _event(item: JsonValue | Unreadable, trace: str) -> IncomingEvent | str:
    if isinstance(item, Unreadable):
        return item.why
    if not isinstance(item, dict):
        return 'an event is an object: {"name": "…", "lead": {"email": "…"}}'
    reason = poison(item)
    if reason:
        return reason
    try:
        document = EventDocument.model_validate(item)
    except ValidationError as error:
        return faults(error)
    for name in ("email", "id"):
        if not isinstance(document.lead.get(name), str | None):
            return f"'lead.{name}': it must be a text"
    return IncomingEvent(
        name=document.name,
        lead=document.lead,
        id=document.id,
        at=document.at,
        properties=document.properties,
        deal=document.deal or "",
        trace=trace,
    )
