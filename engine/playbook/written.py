"""How the text of a field is read: each kind takes what was written, or says what is wrong.

A value arrives as it was written (see `nodes.Plain`). What is kept is what the plan keeps.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

from pydantic_core import PydanticCustomError

from engine.errors import InputError
from engine.playbook.cron import CronError, parse_cron
from engine.playbook.durations import parse_duration
from engine.playbook.hours import HoursError, parse_days, parse_hours
from engine.playbook.moments import parse_moment


def flaw(rule: str, message: str, help: str = "", *, at: str = "") -> PydanticCustomError:
    """A finding, raised inside a model's validation; the reader gives it its place.

    Args:
        at: the key it is about, when a whole mapping was validated.
    """
    return PydanticCustomError(
        "flaw", "{message}", {"rule": rule, "message": message, "help": help, "at": at}
    )


def text(value: object) -> str:
    """Any one value, as it was written."""
    if value is None:
        raise flaw("missing-value", "nothing stands here", "write a value behind the ':'")
    if isinstance(value, list | tuple | dict):
        kind = "a mapping" if isinstance(value, dict) else "a list"
        raise flaw("wrong-type", f"expected text, found {kind}", "write one value")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def filled(value: object) -> str:
    """Text that says something."""
    found = text(value)
    if not found.strip():
        raise flaw("missing-value", "this text is empty", "write something, or leave the key out")
    return found


_NAME = re.compile(r"\w[\w.\-/]*\Z")
_FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")


def name(value: object) -> str:
    """A name: letters of any script, digits, `-`, `_`, `.` and `/`."""
    found = text(value)
    if not _NAME.match(found):
        raise flaw(
            "bad-name",
            f"'{found}' cannot be a name",
            "a name has letters, digits, '-', '_' and '.', and no spaces",
        )
    return found


def field_name(value: object) -> str:
    """The name of a field, score or property of one's own."""
    found = text(value)
    if not _FIELD.match(found):
        raise flaw(
            "bad-name",
            f"'{found}' cannot be the name of a field",
            "it begins with a small letter, and has small letters, digits and '_'",
        )
    return found


def within(least: float, most: float | None = None) -> Callable[[float], float]:
    """Refuses numbers below `least`, and above `most`."""

    def check(value: float) -> float:
        if value < least or (most is not None and value > most):
            hint = f"{least} to {most}" if most is not None else f"{least} at least"
            raise flaw("bad-number", f"'{value}' is out of range", hint)
        return value

    return check


_INTEGER = re.compile(r"[-+]?[0-9]{1,15}\Z")
_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]+)?\Z")


def integer(value: object) -> int:
    """A whole number, decimal."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = text(value)
    if not _INTEGER.match(found):
        raise flaw("bad-number", f"'{found}' is no whole number", _number_help(found))
    return int(found)


def number(value: object) -> float:
    """A number, with or without decimals."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    found = text(value)
    if not _NUMBER.match(found):
        raise flaw("bad-number", f"'{found}' is no number", _number_help(found))
    return float(found) if "." in found else int(found)


def _number_help(found: str) -> str:
    bare = re.sub(r"[,_ '%\u00a0]", "", found)
    return f"write {bare}" if bare != found and _NUMBER.match(bare) else "write it in digits"


def flag(value: object) -> bool:
    """`true` or `false`, and nothing else that might mean them."""
    if isinstance(value, bool):
        return value
    found = text(value)
    if found in ("true", "false"):
        return found == "true"
    guess = {"yes": "true", "on": "true", "True": "true", "no": "false", "off": "false"}
    known = guess.get(found, "false" if found == "False" else "")
    raise flaw(
        "bad-flag",
        f"'{found}' is neither true nor false",
        f"write `{known}`" if known else "write `true` or `false`",
    )


def tracking(value: object) -> bool | Literal["consent"]:
    """`true`, `false`, or `consent`."""
    return "consent" if value == "consent" else flag(value)


def points(value: object) -> int:
    """Points with their sign, which says whether they are added or taken."""
    found = text(value)
    if not re.match(r"[-+][0-9]{1,9}\Z", found):
        plain = re.sub(r"[\s,，_']", "", unicodedata.normalize("NFKC", found))
        if re.match(r"[-+][0-9]{1,9}\Z", plain):
            raise flaw("bad-number", f"'{found}' are no points", f"write `{plain}`")
        if re.match(r"[-+][0-9]+\.[0-9]+\Z", plain):
            whole = plain.partition(".")[0]
            raise flaw("bad-number", f"'{found}': points are whole", f"write `{whole}`")
        hint = f"write `+{plain}`" if plain.isascii() and plain.isdigit() else "write `+10` or `-5`"
        raise flaw("points-without-sign", f"'{found}' has no sign", hint)
    return int(found)


def parsed(parse: Callable[[str], object], rule: str) -> Callable[[object], str]:
    """Reads text with `parse`, whose complaint becomes a finding of `rule`; keeps the text."""

    def check(value: object) -> str:
        found = text(value).strip()
        try:
            parse(found)
        except InputError as error:
            raise flaw(rule, error.message, error.help) from None
        return found

    return check


def length(value: str) -> object:
    """A duration that is some time."""
    found = parse_duration(value)
    if found.is_zero:
        raise InputError(f"'{value}' is no time at all", help="leave it out, or write how long")
    return found


def gathering(value: object) -> str:
    """How notices are gathered: a length, `morning`, or a time of day."""
    found = text(value).strip()
    if found == "morning":
        return found
    clock = re.fullmatch(r"(\d{1,2}):(\d\d)", found, re.ASCII)
    if clock is not None:
        if int(clock[1]) > 23 or int(clock[2]) > 59:
            hint = "write it like `08:30`"
            raise flaw("bad-gathering", f"'{found}' is no time of day", hint)
        return found
    try:
        span = parse_duration(found)
    except InputError as error:
        raise flaw("bad-gathering", error.message, error.help) from None
    if span.is_business:
        message = f"'{found}' is business time, which falls on no moment of the day"
        raise flaw("bad-gathering", message, "write `1 hour`, `morning`, or a time like `08:30`")
    if not timedelta(minutes=1) <= span.rough <= timedelta(days=31):
        message = f"'{found}' is not between one minute and 31 days"
        raise flaw("bad-gathering", message, "write `1 hour`, `morning`, or a time like `08:30`")
    return found


def quiet_hours(value: object) -> str:
    """From and to, perhaps past midnight, `20:00-08:00`; or `off-hours`."""
    found = text(value).strip()
    if found == "off-hours":
        return found
    parts = re.fullmatch(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)", found, re.ASCII)
    hint = 'write `"20:00-08:00"`, or `off-hours`'
    if parts is None:
        raise flaw("bad-hours", f"'{found}' are no quiet hours", hint)
    begins, ends = (int(parts[at]) * 60 + int(parts[at + 1]) for at in (1, 3))
    if max(begins, ends) > 24 * 60 or max(int(parts[2]), int(parts[4])) > 59:
        raise flaw("bad-hours", f"'{found}' is later than 24:00", hint)
    if begins % (24 * 60) == ends % (24 * 60):
        raise flaw("bad-hours", f"'{found}' is the whole day", "somebody must be told at some time")
    return found


def length_or_forever(value: object) -> str:
    """A duration, or `forever`."""
    return "forever" if value == "forever" else parsed(length, "bad-duration")(value)


def length_or_moment(value: object) -> str:
    """A duration, else a moment; the error is the one of what it looks like."""
    found = text(value).strip()
    try:
        parse_duration(found)
    except InputError as error:
        try:
            parse_moment(found)
        except InputError as other:
            looks = error if re.match(r"[0-9]+\s*[A-Za-z\u4e00-\u9fff]", found) else other
            raise flaw("bad-time", looks.message, looks.help) from None
    return found


def again(value: object) -> str:
    """`never`, `always`, or `after 90 days`, kept as `90 days`."""
    found = text(value).strip()
    if found in ("never", "always"):
        return found
    word, _, rest = found.partition(" ")
    if word != "after":
        hint = "write `never`, `always`, or `after 90 days`"
        raise flaw("unknown-value", f"'{found}' is no way to enroll again", hint)
    return parsed(length, "bad-duration")(rest)


def day(value: object) -> date:
    """A date as `2026-12-24`."""
    if isinstance(value, date):
        return value
    found = text(value)
    try:
        if not re.match(r"\d{4}-\d\d-\d\d\Z", found):
            raise ValueError
        return date.fromisoformat(found)
    except ValueError:
        raise flaw("bad-date", f"'{found}' is no date", "write it like 2026-12-24") from None


def days(value: object) -> str:
    """Days of the week, `mon-fri` or a list; kept as one text."""
    return _joined(value, parse_days)


def hours(value: object) -> str:
    """Hours of a day, `09:00-12:00, 13:30-18:00` or a list; kept as one text."""
    return _joined(value, parse_hours)


def _joined(value: object, parse: Callable[[str], object]) -> str:
    found = ", ".join(text(item) for item in value) if isinstance(value, list) else text(value)
    try:
        parse(found)
    except HoursError as error:
        raise flaw("bad-hours", error.message, error.help) from None
    return found


def cron(value: object) -> str:
    """A cron expression of five fields."""
    found = text(value).strip()
    try:
        parse_cron(found)
    except CronError as error:
        raise flaw("bad-cron", error.message, error.help) from None
    return found


def names(value: object) -> tuple[str, ...]:
    """One name, or a list of them."""
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise flaw("missing-value", "this list is empty", "name at least one")
    return tuple(name(item) for item in items)


def texts(value: object) -> tuple[str, ...]:
    """One text, or a list of them."""
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise flaw("missing-value", "this list is empty", "name at least one")
    return tuple(filled(item) for item in items)


_URL = re.compile(
    r"(?P<scheme>https?://)?(?P<host>(?:\$\{\w+\}|[^/?#\s{}@])+)(?P<at>@)?(?P<rest>[/?#].*)?\Z",
    re.DOTALL,
)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_OURS = frozenset(
    (
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization", "te",
        "trailer", "transfer-encoding", "upgrade", "webhook-id", "webhook-signature",
        "webhook-timestamp",
    )
)  # fmt: skip


def url(value: object) -> str:
    """The address of a call: its host is written, or a secret's; what follows may be a template."""
    found = filled(value).strip()
    fault = url_fault(found)
    if fault is not None:
        raise flaw("bad-url", *fault)
    return found


def url_fault(found: str) -> tuple[str, str] | None:
    """Why an address cannot be called, and what to write instead; None: it can be."""
    if re.match(r"(https?://)?[^/?#\s]*\{\{", found):
        return (
            "the host of a call cannot come from a template: a lead's data would choose it",
            "write the host, or `${NAME}`",
        )
    if re.match(r"(https?://)?[^/?#]*@", found):
        return (
            "this address holds a user or a password",
            'use `headers: {Authorization: "Bearer ${NAME}"}`',
        )
    match = _URL.match(found)
    if match is None or not (match["scheme"] or found.startswith("${")) or _has_gap(found):
        return (
            f"'{found}' is no address that can be called",
            "write it like `https://crm.example.com/leads/{{ lead.id }}`",
        )
    return None


def _has_gap(found: str) -> bool:
    return bool(re.search(r"\s|#", re.sub(r"\{\{.*?\}\}", "", found)))


def headers(value: object) -> dict[str, str]:
    """Names of HTTP headers and their values."""
    if not isinstance(value, dict) or not value:
        raise flaw("wrong-type", "expected headers and their values", "write `{Name: value}`")
    for header in map(str, value):
        if not _HEADER.match(header):
            raise flaw("bad-header", f"'{header}' cannot be the name of a header",
                       "it has letters, digits and '-'", at=header)  # fmt: skip
        if header.lower() in _OURS:
            message = f"the header '{header}' is set by Longplay itself"
            raise flaw("bad-header", message, "leave it out", at=header)
    return {str(key): filled(item) for key, item in value.items()}


def fields_and_values(value: object) -> dict[str, str]:
    """A mapping of fields to texts."""
    if not isinstance(value, dict) or not value:
        raise flaw("wrong-type", "expected fields and their values", "write `{field: value}`")
    return {str(key): text(item) for key, item in value.items()}
