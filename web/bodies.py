"""Reading what was sent: as many bytes as allowed, as JSON or JSON Lines, with nothing poisonous.

Whatever the bytes are, the answer is a value or a problem of the 4xx kind.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from web.problems import Problem

M = TypeVar("M", bound=BaseModel)

MOST_BYTES = 1_000_000
DEEPEST = 32
_JSON = frozenset({"application/json", "text/json"})
_LINES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines",
     "application/jsonlines", "application/json-lines"}
)  # fmt: skip
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line of JSON Lines that is no JSON, and why."""

    why: str


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """The body.

    Raises:
        Problem: it is larger than allowed, or never ends.
    """
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:12]) > most:
        raise _too_large(most)
    parts, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise _too_large(most)
            parts.append(chunk)
    except ClientDisconnect:
        raise Problem(400, "the body was cut off") from None
    return b"".join(parts).removeprefix(_BOM)


async def read_json(request: Request, model: type[M]) -> M:
    """The JSON document of the request, as `model` wants it.

    Raises:
        Problem: it is something else, with every fault named.
    """
    if _media_type(request) not in _JSON:
        raise _unsupported(request)
    value = parse(await read_body(request))
    reason = poison(value)
    if reason:
        raise Problem(422, reason)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem(422, faults(error), errors=_listed(error)) from None


async def read_items(request: Request) -> tuple[list[JsonValue | Unreadable], bool]:
    """The items of a JSON list, of a single object, or of JSON Lines; and whether it was one only.

    Raises:
        Problem: it is none of these.
    """
    kind = _media_type(request)
    if kind not in _JSON | _LINES:
        raise _unsupported(request)
    body = await read_body(request)
    if kind in _LINES or _looks_like_lines(body):
        return [_line(line) for line in body.splitlines() if line.strip()], False
    value = parse(body)
    if isinstance(value, list):
        return list(value), False
    return [value], True


def parse(body: bytes) -> JsonValue:
    """The JSON document that these bytes are.

    Raises:
        Problem: they are none.
    """
    try:
        value: JsonValue = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, f"the body is no JSON: {error}") from None
    return value


def poison(value: JsonValue, deepest: int = DEEPEST) -> str:
    """Why this JSON value must not be kept; empty when it may."""
    waiting: list[tuple[JsonValue, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > deepest:
            return f"the JSON is nested more than {deepest} deep"
        if isinstance(item, str):
            if "\x00" in item:
                return "a text has a NUL character in it"
        elif isinstance(item, float):
            if not math.isfinite(item):
                return "a number is too large"
        elif isinstance(item, int) and not isinstance(item, bool):
            if abs(item) >= 2**63:
                return "a number is too large"
        elif isinstance(item, dict):
            waiting += [(key, depth + 1) for key in item]
            waiting += [(each, depth + 1) for each in item.values()]
        elif isinstance(item, list):
            waiting += [(each, depth + 1) for each in item]
    return ""


def faults(error: ValidationError) -> str:
    """What is wrong with a document, in a sentence: every field with its fault."""
    return "; ".join(f"'{one['field']}': {one['fault']}" for one in _listed(error))


def _listed(error: ValidationError) -> list[dict[str, str]]:
    return list(_each(error))[:20]


def _each(error: ValidationError) -> Iterator[dict[str, str]]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in one["loc"])[:100] or "body"
        message = str(one["msg"])
        yield {"field": field, "fault": message.removeprefix("Value error, ")}


def _line(line: bytes) -> JsonValue | Unreadable:
    try:
        value: JsonValue = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return Unreadable(f"the line is no JSON: {error}")
    return value


def _looks_like_lines(body: bytes) -> bool:
    """Whether a document called JSON is really JSON Lines: its first line is an object alone."""
    first, newline, rest = body.lstrip().partition(b"\n")
    if not newline or not rest.strip() or not first.startswith(b"{"):
        return False
    try:
        from_json(first, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _media_type(request: Request) -> str:
    text = request.headers.get("content-type", "")
    name, _, _ = text.partition(";")
    kind = name.strip().lower()
    return (
        "application/json" if kind.startswith("application/") and kind.endswith("+json") else kind
    )


def _too_large(most: int) -> Problem:
    return Problem(
        413, f"the body is larger than {most:,} bytes", help="cut it into several requests"
    )


def _unsupported(request: Request) -> Problem:
    given = request.headers.get("content-type", "")[:80]
    return Problem(
        415,
        f"'{given}' is no type that is understood here" if given else "the body has no type",
        help="send 'Content-Type: application/json'",
    )
