"""What every adapter is given and gives back, and the few things that several of them do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.calls.client import Request
from engine.calls.verdicts import Again, Answer, Refused, Taken, Verdict, by_status

_JSON = "application/json; charset=utf-8"
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody whose attention is asked for.

    Attributes:
        name: as people write it.
        handle: what the room's system calls this person; empty: unknown.
        phone: the number, where a system finds people by it.
    """

    name: str
    handle: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to a room.

    Attributes:
        id: the same at every attempt.
        text: what it says; may have several lines.
        written_at: when the step was reached.
        at: the moment of this attempt.
        mention: whose attention it asks for.
        about: what it is about, as JSON: for machines.
    """

    id: str
    text: str
    written_at: datetime
    at: datetime
    mention: Mention | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a room is: its URL with its secrets filled in, and what messages to it are signed with.

    Attributes:
        url: of the room.
        secret: the room's own; empty: it has none.
        keys: the installation's signing keys, for rooms of no particular kind.
    """

    url: str
    secret: str = ""
    keys: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one kind of room is spoken to.

    Attributes:
        write: a notice into a request.
        judge: an answer into a verdict; `now` is for `Retry-After`.
        most: so many messages a room takes …
        per: … in this time, by its makers' documentation.
        text: bytes of text that a message holds.
    """

    write: Callable[[Notice, Address], Request]
    judge: Callable[[Answer, datetime], Verdict]
    most: int
    per: timedelta
    text: int


def posted(url: str, payload: object, headers: tuple[tuple[str, str], ...] = ()) -> Request:
    """A POST of JSON; Chinese stays Chinese, so that limits in bytes mean what they say."""
    return Request("POST", url, (("content-type", _JSON), *headers), as_json(payload))


def as_json(payload: object) -> bytes:
    """JSON as it is sent."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def cut(text: str, most: int) -> str:
    """Text of at most `most` bytes in UTF-8, cut between characters and marked as cut."""
    written = text.encode("utf-8", "replace")
    if len(written) <= most:
        return written.decode("utf-8")
    room = most - len(_CUT.encode())
    return written[:room].decode("utf-8", "ignore").rstrip() + _CUT


def fitting(text: str, most: int) -> str:
    """Text that takes at most `most` bytes when it stands in JSON, where some signs take more."""
    room = most
    while (over := len(as_json(found := cut(text, room))) - 2 - most) > 0:
        room = max(room - over, len(_CUT.encode()))
    return found


def by_code(
    answer: Answer,
    now: datetime,
    *,
    names: tuple[str, ...],
    text: str,
    later: Mapping[int, timedelta],
) -> Verdict:
    """The verdict of a room that says in JSON, with status 200, what went wrong.

    Args:
        answer: what it answered.
        now: for `Retry-After`.
        names: where its code may stand; 0 is success.
        text: where its explanation stands.
        later: codes that mean "not now", with the time to wait.
    """
    found = by_status(answer, now)
    if not isinstance(found, Taken):
        return found
    try:
        said = answer.json()
    except ValueError:
        said = None
    codes = [said[name] for name in names if name in said] if isinstance(said, dict) else []
    if not codes or not isinstance(code := codes[0], int):
        return Again(f"{answer.shown}: this is not how such a room answers")
    if code == 0:
        return found
    why = f"answered with code {code}: {' '.join(str(said.get(text, '')).split())[:200]}"
    return Again(why, later[code]) if code in later else Refused(why)
