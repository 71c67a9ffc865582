"""Five-field cron expressions as a marketer may write them; when one fires is not its business.

It accepts what every cron reads alike, and refuses what they read differently: a sixth field,
`6/10`, a range that wraps, a starred step in one of the two day fields beside the other.
"""

import re
from dataclasses import dataclass

from engine.errors import InputError

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class CronError(InputError):
    """A cron expression that cannot be read, never fires, or is read in several ways."""


@dataclass(frozen=True)
class Cron:
    """A cron expression: its text as written, and the five fields as plain lists of numbers.

    `is_fixed` tells jobs at clock times from jobs at intervals (a starred minute or hour): only
    the latter fire again in the hour that daylight saving repeats.
    """

    text: str
    fields: tuple[str, str, str, str, str]
    is_fixed: bool

    @property
    def plain(self) -> str:
        """The expression with every list written out, as any cron reads it."""
        return " ".join(self.fields)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    example: str = ""


_FIELDS = (
    _Field("minute", 0, 59, example="0 or */15"),
    _Field("hour", 0, 23, example="9 or 9-17"),
    _Field("day of the month", 1, 31, example="1 or L for the last"),
    _Field("month", 1, 12, tuple(_MONTHS), example="1 or JAN"),
    _Field("day of the week", 0, 7, tuple(_WEEKDAYS), example="MON, MON-FRI or MON#1"),
)
_HELP = "five fields: minute, hour, day, month, weekday; '0 9 * * MON' is every monday at 09:00"


def looks_like_cron(text: str) -> bool:
    """It was meant as a cron expression, right or wrong."""
    words = text.split()
    return (
        len(words) in (5, 6)
        and all(re.fullmatch(r"[\w*/,#?-]+", word) for word in words)
        and (words[0][0].isdigit() or words[0][0] == "*")
    ) or text.strip().startswith("@")


def parse_cron(text: str) -> Cron:
    """The cron expression that `text` is.

    Raises:
        CronError: it cannot be read, never fires, or crons differ about it.
    """
    named = _NAMED.get(text.strip().lower())
    words = (named or text).split()
    if len(text) > 200 or len(words) != 5:
        raise CronError(
            f"'{text[:60]}' is no cron expression: it has {len(words)} fields", help=_help(words)
        )
    values = [_values(field, word, text) for field, word in zip(_FIELDS, words, strict=True)]
    day, weekday = words[2], words[4]
    odd = [each for each in (day, weekday) if each.startswith("*/") or "#" in each or each in "Ll"]
    if odd and "*" not in (day, weekday):
        raise CronError(
            f"'{text}' limits both days with '{odd[0]}', which crons read differently",
            help="write the days out, or '*' for one of the two",
        )
    _refuse_never(values, words, text)
    minute, hour = words[:2]
    return Cron(
        text=text.strip(),
        fields=(values[0], values[1], values[2], values[3], values[4]),
        is_fixed=not (minute.startswith("*") or hour.startswith("*")),
    )


def _help(words: list[str]) -> str:
    if len(words) == 6:
        return f"leave out the seconds: '{' '.join(words[1:])}'; {_HELP}"
    return _HELP


def _values(field: _Field, word: str, text: str) -> str:
    """The field with its ranges and steps written out: `*`, or numbers and commas."""
    if word == "*":
        return "*"
    if field.name == "day of the month" and word.upper() == "L":
        return "L"
    if field.name == "day of the week" and "#" in word:
        return _nth_weekday(field, word, text)
    numbers: set[int] = set()
    for part in word.split(","):
        numbers.update(_range(field, part, text))
    if field.name == "day of the week":
        numbers = {number % 7 for number in numbers}
    return ",".join(str(number) for number in sorted(numbers))


def _range(field: _Field, part: str, text: str) -> range:
    span, slash, step = part.partition("/")
    start, dash, end = span.partition("-")
    if slash and not (span == "*" or dash):
        raise _wrong(
            field, part, text, f"crons differ about it; write '{span}-{field.high}/{step}'"
        )
    if slash and not (step.isascii() and step.isdigit() and int(step[:4]) > 0):
        raise _wrong(field, part, text, f"a step is a whole number, such as '*/{5}'")
    low = field.low if span == "*" else _number(field, start, text)
    high = _number(field, end, text) if dash else low
    if span == "*":
        high = 6 if field.high == 7 else field.high
    if dash and field.words == tuple(_WEEKDAYS) and high == 0 and low > 0:
        high = 7
    if high < low:
        raise _wrong(field, part, text, f"a range goes upward; write '{_unwrapped(field, span)}'")
    return range(low, high + 1, int(step[:4]) if slash else 1)


def _unwrapped(field: _Field, span: str) -> str:
    """A range that wraps around, as lists: `FRI,SAT,SUN,MON`, `22-23,0-5`."""
    start, _, end = span.partition("-")
    if start.lower() not in _WEEKDAYS:
        return f"{start}-{field.high},{field.low}-{end}"
    first = _WEEKDAYS.index(start.lower())
    turned = [*_WEEKDAYS[first:], *_WEEKDAYS[:first]]
    last = turned.index(end.lower()) if end.lower() in turned else 0
    return ",".join(turned[: last + 1]).upper()


def _number(field: _Field, word: str, text: str) -> int:
    lowered = word.lower()
    if lowered in field.words:
        return field.words.index(lowered) + (1 if field.name == "month" else 0)
    if not (word.isascii() and word.isdigit() and len(word) <= 2):
        raise _wrong(field, word, text, f"write it like {field.example}")
    number = int(word)
    if not field.low <= number <= field.high:
        raise _wrong(field, word, text, f"it goes from {field.low} to {field.high}")
    return number


def _nth_weekday(field: _Field, word: str, text: str) -> str:
    name, _, nth = word.partition("#")
    if nth not in ("1", "2", "3", "4", "5"):
        raise _wrong(field, word, text, "write it like MON#1, the month's first monday")
    return f"{_number(field, name, text) % 7}#{nth}"


def _wrong(field: _Field, word: str, text: str, help: str) -> CronError:
    return CronError(f"'{word}' is no {field.name} in the cron expression '{text}'", help=help)


def _refuse_never(values: list[str], words: list[str], text: str) -> None:
    """Refuse the 30th of February: a day that none of the months has."""
    if values[2] in ("*", "L") or words[4] != "*":
        return
    months = range(1, 13) if values[3] == "*" else map(int, values[3].split(","))
    first = int(values[2].split(",")[0])
    if all(first > _LONGEST_MONTH[month - 1] for month in months):
        raise CronError(f"'{text}' never fires: no such month has a day {first}", help=_HELP)
