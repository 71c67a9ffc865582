"""Failures as Temporal may keep them: what kind they were. What they said stays in our own log.

A database quotes the row that it refuses, and a row is somebody's data; histories are kept by the
server, which no erasure reaches.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError, FailureError

_log = logging.getLogger(__name__)


@contextmanager
def nameless(activity: str) -> Iterator[None]:
    """Within it, an exception goes on as its kind alone; cancellations and our own go as they are.

    Raises:
        ApplicationError: what the exception was, of the type that it would have had anyway.
    """
    try:
        yield
    except FailureError:
        raise
    except Exception as error:
        kind = type(error).__name__
        _log.exception("the activity '%s' failed", activity)
        raise ApplicationError(f"{kind}: the worker's log says more", type=kind) from None
