"""How the values of `longplay.yaml` are read: rates, days off, destinations, hours and members.

The sections that hold them are in `workspace`.
"""

import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.playbook.durations import DurationError, parse_offset
from engine.playbook.fields import Frozen
from engine.playbook.hours import HoursError, parse_week
from engine.playbook.written import day, flaw, name, text

_RATE = re.compile(r"(\d{1,9})\s+per\s+(.+)\Z")


class Rate(Frozen):
    """So many in a length of time: `100 per minute`, `3 per 7 days`."""

    count: int = Field(description="how many")
    per: str = Field(description="in how long: a duration")


def rate(value: object) -> object:
    """`100 per minute` as a rate."""
    if isinstance(value, Rate):
        return value
    found = text(value).strip()
    parts = _RATE.match(found)
    if parts is None or int(parts[1]) == 0:
        raise flaw("bad-rate", f"'{found}' is no rate", "write it like `100 per minute`")
    span = parts[2] if parts[2][0].isdigit() else f"1 {parts[2]}"
    try:
        parse_offset(span)
    except DurationError as error:
        raise flaw("bad-rate", error.message, error.help) from None
    return Rate(count=int(parts[1]), per=span)


def rates(value: object) -> object:
    """One rate, or a list of them."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(rate(item) for item in items)


_RATE_JSON = WithJsonSchema({"type": "string", "examples": ["100 per minute"]})
RateText = Annotated[Rate, BeforeValidator(rate), _RATE_JSON]
Rates = Annotated[
    tuple[Rate, ...],
    BeforeValidator(rates),
    WithJsonSchema({"type": ["string", "array"], "examples": [["1 per day", "3 per 7 days"]]}),
]


class Period(Frozen):
    """The days from one date to another, both included."""

    first: date = Field(description="the first day")
    last: date = Field(description="the last day")


def periods(value: object) -> object:
    """`2026-12-24..2027-01-02`, one date, or a list of such."""
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(_period(item) for item in items)


def _period(value: object) -> Period:
    if isinstance(value, Period):
        return value
    first, dots, last = text(value).partition("..")
    found = Period(first=day(first.strip()), last=day((last if dots else first).strip()))
    if found.last < found.first:
        hint = "the first day stands before the dots, the last behind them"
        raise flaw("bad-date", f"'{text(value)}' ends before it begins", hint)
    return found


Periods = Annotated[
    tuple[Period, ...],
    BeforeValidator(periods),
    WithJsonSchema({"type": ["string", "array"], "examples": [["2026-12-24..2027-01-02"]]}),
]


_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*\Z")
EVERY_OTHER = "*"


def destination(value: object) -> str:
    """A domain that mail goes to, or `*`."""
    found = text(value).strip().lower()
    if found == EVERY_OTHER or _DOMAIN.match(found):
        return found
    domain = found.rpartition("@")[2]
    raise flaw(
        "bad-destination",
        f"'{found}' is no domain that mail goes to",
        f"write {domain}" if _DOMAIN.match(domain) else "write it like `qq.com`, or `*`",
    )


Destination = Annotated[str, BeforeValidator(destination)]


def week(value: object) -> object:
    """Opening hours by days of the week."""
    if not isinstance(value, dict):
        raise flaw("bad-hours", "hours are given by day", 'write `{mon-fri: "09:00-18:00"}`')
    found = {str(key): text(item) for key, item in value.items()}
    try:
        parse_week(found)
    except HoursError as error:
        raise flaw("bad-hours", error.message, error.help) from None
    return found


def members(value: object) -> object:
    """`team:NAME`, owners' names, or a list of such."""
    items = value if isinstance(value, list | tuple) else [value]
    for item in items:
        name(text(item).removeprefix("team:"))
    return tuple(text(item) for item in items)


Members = Annotated[
    tuple[str, ...],
    BeforeValidator(members),
    WithJsonSchema({"type": ["string", "array"], "examples": ["team:cn"]}),
]
