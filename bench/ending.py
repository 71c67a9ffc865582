"""How a benchmark ends: it says what it found, and leaves nothing of the process behind."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    F = TypeVar("F", bound=DataclassInstance)


def end(found: "F", table: "Callable[[F], None]", *, as_json: bool) -> NoReturn:
    """Prints a document or a table, and ends the process, threads of servers included."""
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        table(found)
    sys.stdout.flush()
    os._exit(0)
