"""How SQLite and PostgreSQL say the same thing: what the two have no common word for.

Every function answers an expression that never fails on any stored value: a cast that could is
guarded by a CASE, because one odd row must not break the question about a million others.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from typing_extensions import override

from engine.store.columns import EPOCH, Instant
from engine.store.selecting.values import Sql

_DIGIT = "[0-9]"
_DATE_GLOB = "-".join((_DIGIT * 4, "[01]" + _DIGIT, "[0-3]" + _DIGIT))
_MOMENT_GLOB = _DATE_GLOB + "T" + ":".join(("[0-2]" + _DIGIT, "[0-5]" + _DIGIT, "[0-5]" + _DIGIT))
_DATE_PATTERN = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK_PATTERN = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{6})?\+00:00"
_MICROSECONDS = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
TOO_LARGE = float("inf")
"""What `longplay_total` answers for a sum that is missing."""


class Speech:
    """SQLite's words: JSON is text, moments are microseconds, case and order know bytes only."""

    is_postgres = False

    def position(self, text: Sql, part: Sql) -> Sql:
        """Where `part` begins in `text`, from 1; 0: nowhere."""
        return sa.func.instr(text, part)

    def ascii_lower(self, text: Sql) -> Sql:
        """`text` with A to Z in lower case."""
        return sa.func.lower(text)

    def ascii_upper(self, text: Sql) -> Sql:
        """`text` with a to z in upper case."""
        return sa.func.upper(text)

    def trim(self, text: Sql, blanks: Sql) -> Sql:
        """`text` without these characters around it."""
        return sa.func.trim(text, blanks)

    def ordered(self, text: Sql) -> Sql:
        """`text` as it compares by code points."""
        return text

    def micros(self, moment: Sql) -> Sql:
        """Microseconds since 1970."""
        if isinstance(moment, sa.BindParameter) and isinstance(moment.value, datetime):
            # Another type given to a parameter is the type that it is bound by.
            return sa.literal((moment.value - EPOCH) // _MICROSECOND, sa.BigInteger)
        return sa.type_coerce(moment, sa.BigInteger)

    def later(self, moment: Sql, by: timedelta) -> Sql:
        """`moment` moved by an exact length."""
        moved = self.micros(moment) + sa.literal(by // _MICROSECOND, sa.BigInteger)
        return sa.type_coerce(moved, Instant())

    def day_later(self, day: Sql, days: int) -> Sql:
        """A date so many days on, as text; NULL beyond the calendar's ends."""
        moved = sa.func.date(day, f"{days:+d} days")
        return sa.case((moved.between("0001-01-01", "9999-12-31"), moved))

    def days_between(self, one: Sql, other: Sql) -> Sql:
        """Days from the date `other` to the date `one`."""
        return sa.cast(sa.func.julianday(one) - sa.func.julianday(other), sa.BigInteger)

    def json_text(self, column: Sql, path: Sequence[str]) -> Sql:
        """Text in a JSON document."""
        return self._of(column, path, ("text",))

    def json_whole(self, column: Sql, path: Sequence[str]) -> Sql:
        """A whole number in a JSON document."""
        return self._of(column, path, ("integer",))

    def json_number(self, column: Sql, path: Sequence[str]) -> Sql:
        """A number in a JSON document."""
        return sa.cast(self._of(column, path, ("integer", "real")), sa.Double)

    def floor(self, number: Sql) -> Sql:
        """The whole number at or below a number."""
        # SQLAlchemy puts Python's own over SQLite's `floor`, which is slow and breaks on NULL.
        return -sa.func.ceil(-number, type_=sa.Double)

    def lesser(self, one: Sql, other: Sql) -> Sql:
        """The lesser of two numbers that are both there: each is worked out once."""
        return sa.func.min(one, other, type_=sa.Double)

    def greater(self, one: Sql, other: Sql) -> Sql:
        """The greater of two numbers that are both there."""
        return sa.func.max(one, other, type_=sa.Double)

    def json_switch(self, column: Sql, path: Sequence[str]) -> Sql:
        """A boolean in a JSON document."""
        return sa.type_coerce(self._of(column, path, ("true", "false")), sa.Boolean)

    def json_texts(self, column: Sql, path: Sequence[str]) -> Sql:
        """A list in a JSON document."""
        return self._of(column, path, ("array",))

    def _of(self, column: Sql, path: Sequence[str], types: Sequence[str]) -> Sql:
        where = sa.literal("$" + "".join(f'."{name}"' for name in path))
        column = sa.type_coerce(column, sa.Text)
        kind = sa.func.json_type(column, where)
        right = kind == types[0] if len(types) == 1 else kind.in_(types)
        return sa.case((right, sa.func.json_extract(column, where)))

    def day(self, text: Sql) -> Sql:
        """A date out of the ISO text of a date or a moment; NULL when it is none."""
        day = sa.func.substr(text, 1, 10)
        return sa.case((sa.or_(self._is_day(text), self._is_moment(text)), day))

    def moment(self, text: Sql) -> Sql:
        """An instant out of ISO text in UTC; NULL when it is none."""
        seconds = sa.cast(sa.func.strftime("%s", sa.func.substr(text, 1, 19)), sa.BigInteger)
        part = sa.cast(sa.func.substr(text, 21, 6), sa.BigInteger)
        whole = sa.case(
            (self._is_moment(text), seconds * _MICROSECONDS + part),
            (self._is_day(text), seconds * _MICROSECONDS),
        )
        return sa.type_coerce(whole, Instant())

    def _is_day(self, text: Sql) -> Sql:
        return sa.and_(
            text.op("GLOB", is_comparison=True)(_DATE_GLOB), self._exists(text, "%Y-%m-%d")
        )

    def _is_moment(self, text: Sql) -> Sql:
        shapes = (f"{_MOMENT_GLOB}+00:00", f"{_MOMENT_GLOB}.{_DIGIT * 6}+00:00")
        shaped = sa.or_(*(text.op("GLOB", is_comparison=True)(shape) for shape in shapes))
        return sa.and_(shaped, self._exists(sa.func.substr(text, 1, 19), "%Y-%m-%dT%H:%M:%S"))

    def _exists(self, text: Sql, shape: str) -> Sql:
        """SQLite makes March of February's 30th: what comes out changed was no date."""
        return sa.and_(sa.func.strftime(shape, text) == text, text >= "0001")

    def has_text(self, texts: Sql, wanted: Sql) -> Sql:
        """Whether the list holds the text."""
        return self.any_text(texts, lambda each: each == wanted)

    def any_text(self, texts: Sql, test: Callable[[Sql], Sql]) -> Sql:
        """Whether `test` holds of a text in the list."""
        items = sa.func.json_each(texts).table_valued("value", "type")
        test_it = test(sa.type_coerce(items.c.value, sa.Text))
        return sa.exists(sa.select(1).select_from(items).where(items.c.type == "text", test_it))

    def size(self, texts: Sql) -> Sql:
        """How many items the list has."""
        return sa.func.json_array_length(texts)

    def total(self, properties: Sql, name: str) -> Sql:
        """The exact sum of a property over rows, of those rows where it is a number."""
        amounts = self._of(properties, (name,), ("integer", "real"))
        total = sa.func.longplay_total(amounts, type_=sa.Double)
        # Of no rows at all SQLite does not even ask the function.
        return sa.func.nullif(sa.func.coalesce(total, 0), TOO_LARGE)

    def is_east_asian(self, text: Sql) -> Sql:
        """Whether there is nothing in the text but characters of Chinese, Japanese, Korean."""
        foreign: Sql = text.op("GLOB", is_comparison=True)(f"*[^{EAST_ASIAN}]*")
        return sa.not_(foreign)


class PostgresSpeech(Speech):
    """PostgreSQL's words: JSONB, timestamptz, and a locale that must be kept out of comparisons."""

    is_postgres = True

    @override
    def position(self, text: Sql, part: Sql) -> Sql:
        return sa.func.strpos(text, part)

    @override
    def ascii_lower(self, text: Sql) -> Sql:
        return sa.func.lower(sa.collate(text, "C"))

    @override
    def ascii_upper(self, text: Sql) -> Sql:
        return sa.func.upper(sa.collate(text, "C"))

    @override
    def trim(self, text: Sql, blanks: Sql) -> Sql:
        return sa.func.btrim(text, blanks)

    @override
    def ordered(self, text: Sql) -> Sql:
        return sa.collate(text, "C")

    @override
    def micros(self, moment: Sql) -> Sql:
        return sa.cast(sa.extract("epoch", moment) * _MICROSECONDS, sa.BigInteger)

    @override
    def later(self, moment: Sql, by: timedelta) -> Sql:
        return sa.type_coerce(moment + sa.literal(by, sa.Interval), Instant())

    @override
    def day_later(self, day: Sql, days: int) -> Sql:
        moved = sa.cast(day, sa.Date) + sa.literal(days, sa.Integer)
        inside = moved.between(sa.text("DATE '0001-01-01'"), sa.text("DATE '9999-12-31'"))
        return sa.case((inside, sa.func.to_char(moved, "YYYY-MM-DD")))

    @override
    def days_between(self, one: Sql, other: Sql) -> Sql:
        between = sa.cast(one, sa.Date) - sa.cast(other, sa.Date)
        return sa.cast(sa.type_coerce(between, sa.Integer), sa.BigInteger)

    @override
    def json_whole(self, column: Sql, path: Sequence[str]) -> Sql:
        shown = self._of(column, path, ("number",))
        return sa.case(
            (shown.op("~", is_comparison=True)("^-?[0-9]{1,18}$"), sa.cast(shown, sa.BigInteger))
        )

    @override
    def json_text(self, column: Sql, path: Sequence[str]) -> Sql:
        return self._of(column, path, ("string",))

    @override
    def json_number(self, column: Sql, path: Sequence[str]) -> Sql:
        return sa.cast(self._of(column, path, ("number",)), sa.Double)

    @override
    def floor(self, number: Sql) -> Sql:
        return sa.func.floor(number, type_=sa.Double)

    @override
    def lesser(self, one: Sql, other: Sql) -> Sql:
        return sa.func.least(one, other, type_=sa.Double)

    @override
    def greater(self, one: Sql, other: Sql) -> Sql:
        return sa.func.greatest(one, other, type_=sa.Double)

    @override
    def json_switch(self, column: Sql, path: Sequence[str]) -> Sql:
        return sa.cast(self._of(column, path, ("boolean",)), sa.Boolean)

    @override
    def json_texts(self, column: Sql, path: Sequence[str]) -> Sql:
        found = self._part(column, path)
        return sa.case((sa.func.jsonb_typeof(found) == "array", found))

    @override
    def _of(self, column: Sql, path: Sequence[str], types: Sequence[str]) -> Sql:
        right = sa.func.jsonb_typeof(self._part(column, path)) == types[0]
        column = sa.type_coerce(column, JSONB)
        shown = sa.func.jsonb_extract_path_text(column, *path, type_=sa.Text)
        return sa.case((right, shown))

    def _part(self, column: Sql, path: Sequence[str]) -> Sql:
        column = sa.type_coerce(column, JSONB)
        return sa.func.jsonb_extract_path(column, *path, type_=JSONB) if path else column

    @override
    def moment(self, text: Sql) -> Sql:
        either = sa.or_(self._is_moment(text), self._is_day(text))
        in_utc = sa.case((sa.func.length(text) == 10, text + "T00:00:00+00:00"), else_=text)
        return sa.case((either, sa.cast(in_utc, Instant())))

    @override
    def _is_day(self, text: Sql) -> Sql:
        return self._fits(text, f"^{_DATE_PATTERN}$")

    @override
    def _is_moment(self, text: Sql) -> Sql:
        return self._fits(text, f"^{_DATE_PATTERN}{_CLOCK_PATTERN}$")

    def _fits(self, text: Sql, pattern: str) -> Sql:
        first = sa.cast(sa.func.substr(text, 1, 7).op("||")("-01"), sa.Date)
        end = first + sa.text("INTERVAL '1 month - 1 day'")
        last = sa.func.to_char(end, "DD")
        return sa.case(
            (text.op("~", is_comparison=True)(pattern), sa.func.substr(text, 9, 2) <= last),
            else_=sa.false(),
        )

    @override
    def has_text(self, texts: Sql, wanted: Sql) -> Sql:
        return sa.func.jsonb_exists(texts, wanted)

    @override
    def any_text(self, texts: Sql, test: Callable[[Sql], Sql]) -> Sql:
        items = sa.func.jsonb_array_elements(texts, type_=JSONB).table_valued("value")
        each = sa.type_coerce(items.c.value, JSONB)
        shown = sa.type_coerce(each.op("#>>")(sa.text("'{}'")), sa.Text)
        is_text = sa.func.jsonb_typeof(each) == "string"
        return sa.exists(sa.select(1).select_from(items).where(is_text, test(shown)))

    @override
    def size(self, texts: Sql) -> Sql:
        return sa.func.jsonb_array_length(texts)

    @override
    def total(self, properties: Sql, name: str) -> Sql:
        whole = sa.func.sum(sa.cast(self._of(properties, (name,), ("number",)), sa.Numeric))
        some = sa.func.coalesce(sa.type_coerce(whole, sa.Numeric), sa.text("0"))
        fits = sa.func.abs(some) <= sa.text("1e150")
        return sa.case((fits, sa.cast(some, sa.Double)))

    @override
    def is_east_asian(self, text: Sql) -> Sql:
        return sa.collate(text, "C").op("~", is_comparison=True)(f"^[{EAST_ASIAN}]*$")


EAST_ASIAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u00b7\u3005\U00020000-\U0003ffff"
"""Characters of names that are written without a blank, family name first."""
