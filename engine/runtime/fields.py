"""What a lead's fields may hold: reading text into them, checking values, and their JSON form.

Types are the language's own (`ValueType`); a workspace's fields join the built-in ones. It knows
no columns and no rows.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import InputError
from engine.playbook import walltime
from engine.playbook.catalog import LEAD_FIELDS
from engine.playbook.conditions.vocabulary import Kind, ValueType, value_type
from engine.playbook.spelling import did_you_mean
from engine.playbook.values import Value
from engine.runtime.identity import address

FieldTypes = Mapping[str, ValueType]
"""The custom fields of a workspace: name to type."""

BUILT_IN: FieldTypes = {field.name: field.type for field in LEAD_FIELDS}
"""A lead's built-in fields: name to type."""

_TRUE = frozenset(("true", "yes", "y", "on", "1", "是", "对", "真", "有"))
_FALSE = frozenset(("false", "no", "n", "off", "0", "否", "不", "假", "无", "没有"))
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[,，]\d{3})+(?:\.\d+)?\Z", re.ASCII)
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)
_DATE = re.compile(
    r"(\d{4})(?:-(\d{1,2})-|/(\d{1,2})/|\.(\d{1,2})\.|年\s?(\d{1,2})月\s?)(\d{1,2})日?(?!\d)",
    re.ASCII,
)
_COMPACT_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)\Z", re.ASCII)
_CLOCK = re.compile(
    r"[T ]?(\d{1,2})[:：时](\d{1,2})分?(?:[:：](\d{1,2})(?:\.\d+)?)?秒?\Z", re.ASCII
)
_KEPT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{6})?\+00:00)?", re.ASCII)
_HALF = re.compile("[\ud800-\udfff]")
_PLAIN_TYPES = frozenset((str, type(None), int, float, bool))
_TEXT_LIMIT = 10_000
_INTEGER_LIMIT = 2**53


def field_types(declared: Mapping[str, object]) -> FieldTypes:
    """The types of the fields as a workspace declares them: `{employees: integer, …}`."""
    found = {}
    for name, kind in declared.items():
        if not isinstance(kind, ValueType | str | Mapping):
            raise InputError(f"field '{name}' has no type that is known")
        found[name] = value_type(kind)
    return found


def read(name: str, given: object, kind: ValueType, zone: tzinfo = UTC) -> Value:
    """The value that `given` (text, or what a file or an expression had) means for a field.

    Empty text means missing. Dates with a clock time but no offset are read in `zone`.

    Raises:
        InputError: it means nothing for a field of this type.
    """
    if isinstance(given, str):
        given = given.strip()
    if given is None or given == "":
        return None
    match kind.kind:
        case Kind.TEXT:
            return _one_of(name, _text(name, given), kind)
        case Kind.INTEGER:
            return _integer(name, given)
        case Kind.NUMBER:
            return _number(name, given)
        case Kind.BOOLEAN:
            return _boolean(name, given)
        case Kind.DATE:
            return _date(name, given, zone)
        case Kind.DATETIME:
            return _datetime(name, given, zone)
        case Kind.LIST:
            return _list(name, given)
        case _:
            raise InputError(f"field '{name}' cannot be set")


def read_lead(name: str, given: object, custom: FieldTypes, zone: tzinfo = UTC) -> Value:
    """The same as `read`, for a field of a lead by its name.

    Raises:
        InputError: a lead has no such field, or it cannot hold this.
    """
    kind = BUILT_IN.get(name) or custom.get(name)
    if kind is None:
        raise InputError(
            f"a lead has no field '{name}'", help=did_you_mean(name, [*BUILT_IN, *custom])
        )
    value = read(name, given, kind, zone)
    if isinstance(value, str):
        if name == "email":
            return address(value)
        if name == "timezone":
            return _zone_name(value)
    return value


def to_json(value: Value) -> object:
    """The value as JSON keeps it: times and dates as ISO 8601 text."""
    if type(value) in _PLAIN_TYPES:
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    return value


def from_json(value: object, kind: ValueType | None) -> Value:
    """The value that JSON kept; what no longer fits the field's type is missing, not an error."""
    if value is None:
        return None
    if kind is not None and kind.kind in (Kind.DATE, Kind.DATETIME):
        return _kept_time(value, kind.kind)
    if kind is None or kind.kind not in _FITS:
        return value  # type: ignore[return-value]
    if isinstance(value, bool) and kind.kind is not Kind.BOOLEAN:
        return None
    return value if isinstance(value, _FITS[kind.kind]) else None  # type: ignore[return-value]


def _kept_time(value: object, kind: Kind) -> date | None:
    """A date or a moment as `to_json` writes them, and no other spelling: SQL reads the same."""
    if not isinstance(value, str) or not _KEPT.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if kind is Kind.DATE:
        return found.date()
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_FITS: Mapping[Kind, type | tuple[type, ...]] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: bool,
    Kind.LIST: list,
}


def _fault(name: str, given: object, wanted: str) -> InputError:
    text = str(given)
    shown = text if len(text) <= 60 else text[:59] + "…"
    return InputError(f"'{shown}' is no {wanted} for '{name}'", help=_EXAMPLES[wanted])


_EXAMPLES = {
    "text": "write it as text",
    "whole number": "write it like 1200 or 1,200",
    "number": "write it like 12.5 or 1,200.50",
    "yes or no": "write yes or no, true or false, 是 or 否",
    "date": "write it like 2026-12-01",
    "time": "write it like 2026-12-01 09:00, or with its offset, 2026-12-01T09:00+08:00",
    "list": "write its items with commas between them",
}


def _text(name: str, given: object) -> str:
    if type(given) is str and len(given) <= _TEXT_LIMIT and given.isascii():
        return given.replace("\x00", "")
    if isinstance(given, float) and given.is_integer() and abs(given) < _INTEGER_LIMIT:
        given = int(given)  # spreadsheets keep 13800138000 as a float
    if isinstance(given, datetime | date):
        given = given.isoformat()
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise _fault(name, given, "text")
    text = str(given).replace("\x00", "")
    if len(text) > _TEXT_LIMIT:
        raise InputError(f"the text for '{name}' is longer than {_TEXT_LIMIT:,} characters")
    if _HALF.search(text):
        raise InputError(f"the text for '{name}' has half a character in it")
    return text


def _one_of(name: str, text: str, kind: ValueType) -> str:
    if not kind.values or text in kind.values:
        return text
    folded = {value.casefold(): value for value in kind.values}
    if text.casefold() in folded:
        return folded[text.casefold()]
    raise InputError(f"'{text[:60]}' is no value of '{name}'", help=did_you_mean(text, kind.values))


def _number(name: str, given: object, wanted: str = "number") -> int | float:
    if isinstance(given, str):
        text = given.replace("，", ",").replace("−", "-").replace(" ", "").replace("\u00a0", "")
        if not _PLAIN.match(text):
            if not _GROUPED.match(text):
                raise _fault(name, given, wanted)
            text = text.replace(",", "")
        try:
            given = int(text)
        except ValueError:
            given = float(text)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise _fault(name, given, wanted)
    too_long = isinstance(given, int) and abs(given) > _INTEGER_LIMIT
    if too_long or not math.isfinite(given):
        raise _fault(name, given, wanted)
    return given


def _integer(name: str, given: object) -> int:
    number = _number(name, given, "whole number")
    if number != int(number) or abs(number) > _INTEGER_LIMIT:
        raise _fault(name, given, "whole number")
    return int(number)


def _boolean(name: str, given: object) -> bool:
    if isinstance(given, bool):
        return given
    word = str(given).lower()
    if word in _TRUE or given == 1:
        return True
    if word in _FALSE or given == 0:
        return False
    raise _fault(name, given, "yes or no")


def _date(name: str, given: object, zone: tzinfo) -> date:
    if isinstance(given, datetime):
        return walltime.local(given, zone).date() if given.tzinfo else given.date()
    if isinstance(given, date):
        return given
    if isinstance(given, str):
        found = _spelled_date(given)
        if found is not None:
            return found[0]
    raise _fault(name, given, "date")


def _datetime(name: str, given: object, zone: tzinfo) -> datetime:
    moment: datetime | None = None
    if isinstance(given, datetime):
        moment = given
    elif isinstance(given, date):
        moment = datetime.combine(given, time())
    elif isinstance(given, str):
        moment = _spelled_moment(given)
    if moment is None:
        raise _fault(name, given, "time")
    try:
        return moment.astimezone(UTC) if moment.tzinfo else walltime.instant(moment, zone)
    except (OverflowError, ValueError):
        raise _fault(name, given, "time") from None


def _spelled_moment(text: str) -> datetime | None:
    try:
        if not _COMPACT_DATE.match(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    found = _spelled_date(text)
    if found is None:
        return None
    day, rest = found
    if not rest:
        return datetime.combine(day, time())
    clock = _CLOCK.match(rest)
    if clock is None:
        return None
    hour, minute, second = (int(part) for part in clock.groups("0"))
    try:
        return datetime.combine(day, time(hour, minute, second))
    except ValueError:
        return None


def _spelled_date(text: str) -> tuple[date, str] | None:
    """The date a text begins with, and what follows it."""
    found = _DATE.match(text) or _COMPACT_DATE.match(text)
    if found is None:
        return None
    parts = [int(part) for part in found.groups() if part is not None]
    try:
        return date(*parts), text[found.end() :].strip()
    except ValueError:
        return None


def _list(name: str, given: object) -> list[Value]:
    if isinstance(given, str):
        given = re.split(r"[,，;；、|\n]", given)
    if not isinstance(given, list | tuple | set | frozenset):
        given = [given]
    items = [_text(name, item).strip() for item in given if item is not None]
    return list(dict.fromkeys(item for item in items if item))


def _zone_name(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"no time zone '{text[:60]}'", help="write it like 'Asia/Shanghai' or 'Europe/Berlin'"
        ) from None
