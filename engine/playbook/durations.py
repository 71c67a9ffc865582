"""Lengths of time as a marketer writes them; it refuses whatever could be read in two ways.

A `Duration` keeps apart what the calendar measures (months, days), what the clock measures (hours
and less) and what an opening-hours calendar measures; `engine.runtime.civil` adds it to an instant.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from engine.errors import InputError
from engine.playbook.spelling import closest

_LONGEST = timedelta(days=366 * 100)
_MONTH = timedelta(days=31)


class DurationError(InputError):
    """A length of time that cannot be read, or could be read in two ways."""


@dataclass(frozen=True)
class Duration:
    """A length of time, in the parts it was written in.

    Weeks are seven days. Days are days of the calendar, not 24 hours; `exact` is hours and less.
    Business parts are measured by an opening-hours calendar and never stand beside the others.
    """

    months: int = 0
    days: int = 0
    exact: timedelta = timedelta(0)
    business_days: int = 0
    business: timedelta = timedelta(0)

    @property
    def is_business(self) -> bool:
        """It needs a calendar of opening hours."""
        return bool(self.business_days or self.business)

    @property
    def is_zero(self) -> bool:
        """It is no time at all."""
        return self == Duration()

    @property
    def rough(self) -> timedelta:
        """About how long it is, for comparing and sorting; never for adding."""
        days = self.days + self.business_days
        return self.months * _MONTH + timedelta(days=days) + self.exact + self.business

    @property
    def text(self) -> str:
        """The one spelling of this length; reading it gives the same length."""
        parts = [
            _counted(self.months, "month"),
            _counted(self.days, "day"),
            *_clock(self.exact, ""),
            _counted(self.business_days, "business day"),
            *_clock(self.business, "business "),
        ]
        return " ".join(part for part in parts if part) or "0 seconds"

    def __str__(self) -> str:
        return self.text


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}" if number else ""


def _clock(length: timedelta, prefix: str) -> list[str]:
    seconds = round(length.total_seconds())
    units = [("hour", seconds // 3600), ("minute", seconds // 60 % 60), ("second", seconds % 60)]
    return [_counted(number, prefix + unit) for unit, number in units]


_SPELLINGS = {
    "second": "second seconds sec secs s 秒 秒钟",
    "minute": "minute minutes min mins 分钟",
    "hour": "hour hours hr hrs h 小时 个小时 钟头 个钟头",
    "day": "day days d 天 日",
    "week": "week weeks wk wks w 周 星期 个星期 礼拜 个礼拜",
    "month": "month months 个月",
    "business minute": "工作分钟 个工作分钟",
    "business hour": "工作小时 个工作小时",
    "business day": "工作日 个工作日",
}
_UNITS = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_BUSINESS = {"minute", "hour", "day"}

_AMBIGUOUS = {
    "m": "minutes or months?",
    "mo": "minutes or months?",
    "mon": "months or monday?",
    "分": "minutes, or a part of something?",
    "月": "months, or a month of the year?",
}
_ELSEWHERE = {
    "working": "business",
    "work": "business",
    "workday": "business day",
    "workdays": "business days",
    "weekday": "business day",
    "weekdays": "business days",
    "businessday": "business day",
    "businessdays": "business days",
    "fortnight": "2 weeks",
    "fortnights": "weeks",
    "quarter": "3 months",
    "quarters": "months",
    "year": "12 months",
    "years": "months",
    "年": "12 months",
}
_PART = re.compile(
    r"\s*(?:,\s*|and\s+)?(?P<number>\d+(?P<fraction>[.,]\d+)?)\s*"
    r"(?P<business>business\s+)?(?P<unit>[^\W\d_]+)",
    re.IGNORECASE,
)
_EXAMPLES = "write it like '2 days', '4 hours' or '3 business days'"


def parse_duration(text: str) -> Duration:
    """The length of time that `text` says: `1 day 4 hours`, `3 business days`, `3天`.

    Raises:
        DurationError: it cannot be read, could be read in two ways, or counts months.
    """
    found = parse_offset(text)
    if found.months:
        raise DurationError(
            f"'{text}' counts months, which have no fixed length",
            help="write days or weeks, such as '30 days'; months only before or after a date",
        )
    return found


def parse_offset(text: str) -> Duration:
    """The same for the distance from a date, which may count months: `3 months`.

    Raises:
        DurationError: it cannot be read, or could be read in two ways.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        raise DurationError("a length of time is missing", help=_EXAMPLES)
    if len(plain) > 100:
        raise DurationError("a length of time of more than 100 characters", help=_EXAMPLES)
    amounts = _amounts(plain, text)
    _refuse_mixture(amounts, text)
    return _sum(amounts, text)


def _amounts(plain: str, text: str) -> dict[str, int]:
    """How many of each unit, in the order they are written."""
    amounts: dict[str, int] = {}
    place = 0
    while place < len(plain):
        part = _PART.match(plain, place)
        if part is None:
            raise _unreadable(plain[place:].strip(), text)
        unit = _unit(part, text)
        if part["fraction"]:
            raise DurationError(
                f"'{part['number']}' in '{text}' is not a whole number", help=_whole(part, unit)
            )
        if len(part["number"]) > 9:
            raise DurationError(f"'{text}' is longer than 100 years", help=_EXAMPLES)
        if unit in amounts:
            raise DurationError(f"'{text}' counts {unit}s twice", help="add them up")
        amounts[unit] = int(part["number"])
        place = part.end()
    return amounts


def _unit(part: re.Match[str], text: str) -> str:
    word = part["unit"].lower()
    if word == "business":
        raise DurationError(
            f"'{text}' does not say business what",
            help="write 'business days', 'business hours' or 'business minutes'",
        )
    unit = _UNITS.get(word)
    if unit is None:
        raise _unknown_unit(word, part["number"], text)
    if not part["business"]:
        return unit
    if unit not in _BUSINESS:
        raise DurationError(
            f"there are no business {unit.removeprefix('business ')}s, in '{text}'",
            help="write 'business days', 'business hours' or 'business minutes'",
        )
    return f"business {unit}"


def _unknown_unit(word: str, number: str, text: str) -> DurationError:
    if word in _AMBIGUOUS:
        return DurationError(
            f"'{text}' is ambiguous: {_AMBIGUOUS[word]}",
            help=f"write '{_counted(int(number), 'minute')}' or '{_counted(int(number), 'month')}'",
        )
    if word in _ELSEWHERE:
        return DurationError(
            f"no unit of time '{word}' in '{text}'", help=f"did you mean '{_ELSEWHERE[word]}'?"
        )
    known = ["business", *(each for each in _UNITS if len(each) > 2 and each.isascii())]
    near = closest(word, known)
    meant = f"{near} days" if near == "business" else near
    return DurationError(
        f"no unit of time '{word}' in '{text}'",
        help=f"did you mean '{number} {meant}'?" if near else _EXAMPLES,
    )


def _unreadable(rest: str, text: str) -> DurationError:
    if rest.isdigit():
        return DurationError(
            f"'{text}' has no unit", help=f"write '{rest} days', '{rest} hours' or the like"
        )
    if rest.startswith("-"):
        return DurationError(f"'{text}' is less than nothing", help=_EXAMPLES)
    return DurationError(f"'{rest}' is not a length of time", help=_EXAMPLES)


_SMALLER = {
    "week": (7, "day"),
    "day": (24, "hour"),
    "hour": (60, "minute"),
    "minute": (60, "second"),
    "business hour": (60, "business minute"),
}


def _whole(part: re.Match[str], unit: str) -> str:
    """The same length in whole numbers, when it has one."""
    times, smaller = _SMALLER.get(unit, (0, ""))
    number = float(part["number"].replace(",", "."))
    rest = round((number % 1) * times, 6)
    if not rest or rest != int(rest):
        return _EXAMPLES
    parts = [_counted(int(number), unit), _counted(int(rest), smaller)]
    return f"write '{' '.join(each for each in parts if each)}'"


def _refuse_mixture(amounts: dict[str, int], text: str) -> None:
    business = [unit for unit in amounts if unit.startswith("business ")]
    if business and len(business) < len(amounts):
        raise DurationError(
            f"'{text}' mixes business time with plain time",
            help="write 'business' before every unit, or before none",
        )


def _sum(amounts: dict[str, int], text: str) -> Duration:
    count = amounts.get
    duration = Duration(
        months=count("month", 0),
        days=count("day", 0) + 7 * count("week", 0),
        exact=timedelta(
            hours=count("hour", 0), minutes=count("minute", 0), seconds=count("second", 0)
        ),
        business_days=count("business day", 0),
        business=timedelta(hours=count("business hour", 0), minutes=count("business minute", 0)),
    )
    # Compared part by part: the sum of nine-digit parts does not fit a timedelta.
    if duration.months > 1200 or duration.days > _LONGEST.days or duration.exact > _LONGEST:
        raise DurationError(f"'{text}' is longer than 100 years", help=_EXAMPLES)
    if duration.business_days > 26_000 or duration.business > timedelta(hours=200_000):
        raise DurationError(f"'{text}' is longer than 100 years", help=_EXAMPLES)
    return duration
