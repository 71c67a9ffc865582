"""JSON documents as text, for the columns that hold them on both databases.

A compiled library reads and writes them; what it refuses (half a character, which text in a file
may hold) the standard library decides.
"""

import json
from typing import Any

from pydantic_core import from_json, to_json


def spell(value: Any) -> str:
    """The document as text.

    Raises:
        TypeError: something in it has no form in JSON.
    """
    if not value:  # most documents are empty
        if isinstance(value, dict):
            return "{}"
        if isinstance(value, list):
            return "[]"
    try:
        return to_json(value).decode()
    except ValueError:
        return json.dumps(value)


def read(text: str | bytes) -> Any:
    """The document that `text` spells."""
    if text == "{}":
        return {}
    if text == "[]":
        return []
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)
