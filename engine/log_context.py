"""What a log line is about: the ids of the enrollment, playbook and message in hand.

Bound where something is decided about one of them, and added to every line that is written
meanwhile, whoever writes it. Ids only: nothing of a person.
"""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType

_bound: ContextVar[Mapping[str, str]] = ContextVar("longplay_log_context")
_NOTHING: Mapping[str, str] = {}


class About:
    """Binds ids for the length of a `with` block, in this task or thread alone."""

    __slots__ = ("_ids", "_token")

    def __init__(self, **ids: str) -> None:
        self._ids = ids
        self._token: Token[Mapping[str, str]] | None = None

    def __enter__(self) -> None:
        self._token = _bound.set({**bound(), **self._ids})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _bound.reset(self._token)


def bound() -> Mapping[str, str]:
    """What is bound now."""
    return _bound.get(_NOTHING)
