"""What a form of a page sends."""

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request

from web.api import named
from web.bodies import read_body

_LONGEST = 20_000
_MOST = 20


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form; of one that comes several times the last."""
    body = (await read_body(request, _LONGEST)).decode("utf-8", "replace")
    fields: dict[str, Any] = parse_qs(body, max_num_fields=_MOST)
    return {name: named(values[-1]) for name, values in fields.items()}
