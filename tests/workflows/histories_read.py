"""What is in a history, as whoever keeps the server can read it: payloads are in base64."""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from temporalio.client import WorkflowHistory


def told_by(history: WorkflowHistory) -> str:
    """Every text of a history, payloads and failures among them, in small letters."""
    return "\n".join(_texts(json.loads(history.to_json()))).casefold()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
        try:
            yield base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return
