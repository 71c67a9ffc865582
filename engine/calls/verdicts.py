"""What became of a call, as a value: taken, to be tried again, refused for good, not even tried."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

LONGEST_WAIT = timedelta(days=1)
"""Nobody's `Retry-After` holds a call back for longer."""

_LATER = frozenset((408, 425, 429))
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: the HTTP status.
        headers: names in small letters.
        body: at most so much as is read of any answer.
        cut: whether there was more.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False

    @property
    def text(self) -> str:
        """The body as text, whatever its bytes."""
        return self.body.decode("utf-8", "replace")

    @property
    def shown(self) -> str:
        """Status and the beginning of the body, in one line for people."""
        words = " ".join(self.text.split())[:_SHOWN]
        return f"answered {self.status}" + (f": {words}" if words else "")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none, or not all of it was read.
        """
        if self.cut:
            raise ValueError("the answer is too long")
        try:
            return json.loads(self.body, parse_constant=_no_number)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None


@dataclass(frozen=True, slots=True)
class Taken:
    """The other side took it."""

    answer: Answer
    why: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Not now; `after` is the least time before the next attempt."""

    why: str
    after: timedelta = timedelta()
    silent: bool = False
    """Whether the other side did not even answer: then nobody else need wait for it."""


@dataclass(frozen=True, slots=True)
class NotTried:
    """It was somebody else's turn at this destination; no attempt was made."""

    why: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class Refused:
    """Never, as it is."""

    why: str


Verdict: TypeAlias = Taken | Again | NotTried | Refused


def by_status(answer: Answer, now: datetime) -> Verdict:
    """What the HTTP status alone says.

    408, 425, 429 and 5xx are for later, `Retry-After` obeyed; a redirect is not followed, because
    it may lead where calls are refused; every other status but 2xx is for good.
    """
    if 200 <= answer.status < 300:
        return Taken(answer)
    if answer.status in _LATER or answer.status >= 500:
        return Again(answer.shown, _retry_after(answer, now))
    if 300 <= answer.status < 400:
        return Refused(f"answered {answer.status}: redirects are not followed")
    return Refused(answer.shown)


def _retry_after(answer: Answer, now: datetime) -> timedelta:
    written = answer.headers.get("retry-after", "").strip()
    if written.isascii() and written.isdigit():
        return min(timedelta(seconds=int(written[:9])), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(written)
    except (ValueError, TypeError):
        return timedelta()
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta()), LONGEST_WAIT)


def _no_number(word: str) -> None:
    raise ValueError(f"'{word}' is no JSON")
