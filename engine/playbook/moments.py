"""Times as a marketer writes them: a closed set of spellings, each a value of its own.

It reads; when a moment comes is decided by `engine.runtime.civil`, which knows the clock, the zone
and the record.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal, TypeAlias

from engine.errors import InputError
from engine.playbook.cron import Cron, CronError, looks_like_cron, parse_cron
from engine.playbook.durations import Duration, DurationError, parse_offset
from engine.playbook.spelling import closest

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class MomentError(InputError):
    """A time that cannot be read."""


@dataclass(frozen=True)
class NextWeekday:
    """`next monday 09:00`: the first one that comes (weekday 0 is monday)."""

    weekday: int
    at: time

    @property
    def text(self) -> str:
        """As it is written."""
        return f"next {WEEKDAYS[self.weekday]} {self.at:%H:%M}"


@dataclass(frozen=True)
class CivilMoment:
    """`2026-12-01 09:00`: a date and a clock time, in the zone that applies; a date is 00:00."""

    at: datetime

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{self.at:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


@dataclass(frozen=True)
class FieldMoment:
    """`2 days before lead.trial_ends_at`: what a field of the record holds, and an offset."""

    field: str
    offset: Duration | None = None
    side: Literal["before", "after"] = "after"

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{self.offset.text} {self.side} {self.field}" if self.offset else self.field


@dataclass(frozen=True)
class CronMoment:
    """`0 9 * * MON`: the next time a cron expression fires."""

    cron: Cron

    @property
    def text(self) -> str:
        """As it is written."""
        return self.cron.text


Moment: TypeAlias = NextWeekday | CivilMoment | FieldMoment | CronMoment

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)
_DATE_LIKE = re.compile(r"\d{1,4}[-/.年]\d{1,2}")
_FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_OFFSET = re.compile(r"(?P<offset>.+?)\s+(?P<side>before|after)\s+(?P<field>.*)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_WEEKDAY = re.compile(
    r"(?:(?P<next>next)\s+)?(?P<day>[a-z]+)(?:\s+(?:at\s+)?(?P<clock>\S+))?", re.I
)
_RELATIVE = ("today", "tomorrow", "yesterday", "now", "tonight", "noon", "midnight")
_EXAMPLES = (
    "write it like 'next monday 09:00', '2026-12-01 09:00', 'lead.trial_ends_at' "
    "or '2 days before lead.trial_ends_at'"
)


def parse_moment(text: str) -> Moment:
    """The time that `text` says.

    Raises:
        MomentError: it cannot be read as any of the spellings there are.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain or len(plain) > 200:
        raise MomentError("a time is missing" if not plain else "a time too long", help=_EXAMPLES)
    offset = _OFFSET.fullmatch(plain)
    if offset is not None:  # before cron: `3 business days before x` has five words too
        return _offset(offset, text)
    if looks_like_cron(plain):
        return _cron(plain)
    if _DATE_LIKE.match(plain):
        return _civil(plain, text)
    weekday = _weekday(plain, text)
    if weekday is not None:
        return weekday
    if _FIELD.fullmatch(plain) and plain not in _RELATIVE:
        return FieldMoment(plain)
    raise MomentError(f"'{text}' is not a time", help=_EXAMPLES)


def parse_clock(text: str) -> time:
    """A time of day, such as `09:00`.

    Raises:
        MomentError: it is none.
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise MomentError(f"'{text}' is not a time of day", help="write it like '09:00' or '17:30'")
    return time(int(found[1]), int(found[2]))


def _civil(plain: str, text: str) -> CivilMoment:
    found = _DATE.fullmatch(plain)
    if found is None:
        help = "write it like '2026-12-01' or '2026-12-01 09:00', without an offset"
        raise MomentError(f"'{text}' is not a date and time", help=help)
    try:
        return CivilMoment(datetime(*(int(part or 0) for part in found.groups())))  # type: ignore[arg-type]
    except ValueError:
        raise MomentError(
            f"'{text}' does not exist", help="look at the day and the time again"
        ) from None


def _cron(plain: str) -> CronMoment:
    try:
        return CronMoment(parse_cron(plain))
    except CronError as wrong:
        raise MomentError(wrong.message, help=wrong.help) from None


def _offset(found: re.Match[str], text: str) -> FieldMoment:
    try:
        offset = parse_offset(found["offset"])
    except DurationError as wrong:
        raise MomentError(wrong.message, help=wrong.help) from None
    side: Literal["before", "after"] = "before" if found["side"].lower() == "before" else "after"
    field = found["field"].strip()
    if not _FIELD.fullmatch(field):
        raise MomentError(
            f"'{text}' does not say {side} which field",
            help=f"write it like '{offset.text} {side} lead.trial_ends_at'",
        )
    return FieldMoment(field, offset, side)


def _weekday(plain: str, text: str) -> NextWeekday | None:
    found = _WEEKDAY.fullmatch(plain)
    if found is None:
        return None
    word = found["day"].lower()
    day = next((each for each in WEEKDAYS if each == word or each[:3] == word), None)
    if day is None and not found["next"]:
        return None
    if day is None:
        near = closest(word, WEEKDAYS)
        help = f"did you mean 'next {near}'?" if near else _EXAMPLES
        raise MomentError(f"'{word}' in '{text}' is no day of the week", help=help)
    if not found["next"] or not found["clock"]:
        clock = found["clock"] or "09:00"
        raise MomentError(f"'{text}' does not say exactly when", help=f"write 'next {day} {clock}'")
    return NextWeekday(WEEKDAYS.index(day), parse_clock(found["clock"]))
