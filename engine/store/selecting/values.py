"""What an expression of the language is in SQL: an expression of one sort, NULL where missing.

The sorts are narrower than the language's kinds, because databases are less exact than Python:
whole numbers have a bound (beyond 64 bits they overflow), and other numbers are doubles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.playbook.conditions.tree import Literal
from engine.store.selecting.letters import Change

Sql: TypeAlias = sa.ColumnElement[Any]

EXACT = 2**53
"""Whole numbers below are the same as doubles; fields hold none that are larger."""

LARGEST = 2**63 - 1


class NotInSql(Exception):
    """This part of a condition runs in Python; the message says why."""


@dataclass(frozen=True)
class Missing:
    """Nothing is ever known here."""


@dataclass(frozen=True)
class Written:
    """A text that is written down: text, or what it reads as beside a date or a length."""

    literal: Literal

    @property
    def text(self) -> str:
        """The text itself.

        Raises:
            NotInSql: no database takes such text.
        """
        return storable(str(self.literal.value))


@dataclass(frozen=True)
class Text:
    """Text; of an address it is known that its domain is in lower case."""

    sql: Sql
    is_address: bool = False


@dataclass(frozen=True)
class Folded:
    """Text in lower or upper case: an expression once it is known which letters matter."""

    change: Change
    of: Callable[[frozenset[str]], Sql]


@dataclass(frozen=True)
class Whole:
    """A whole number of at most `bound`, either sign."""

    sql: Sql
    bound: int


@dataclass(frozen=True)
class Number:
    """A number that is kept as a double.

    Attributes:
        is_double: Python has it as a double too; else it may be a whole number there.
        is_worked_out: a whole number of any size may have been rounded to it.
    """

    sql: Sql
    is_double: bool = False
    is_worked_out: bool = False


@dataclass(frozen=True)
class Truth:
    """True or false; where `may_be_null`, NULL stands for false."""

    sql: Sql
    may_be_null: bool = True

    @property
    def strict(self) -> Sql:
        """Never NULL."""
        return sa.func.coalesce(self.sql, sa.false()) if self.may_be_null else self.sql


@dataclass(frozen=True)
class Switch:
    """A boolean field: may be missing."""

    sql: Sql


@dataclass(frozen=True)
class Day:
    """A date, as the text `2026-12-01`."""

    sql: Sql


@dataclass(frozen=True)
class Moment:
    """An instant, as columns of the store keep it."""

    sql: Sql
    is_now: bool = False


@dataclass(frozen=True)
class Length:
    """A length of time, in microseconds."""

    sql: Sql


@dataclass(frozen=True)
class Elapsed:
    """Whole units since a time (sign 1) or until it (-1)."""

    subject: Day | Moment
    unit: timedelta
    sign: int


@dataclass(frozen=True)
class Texts:
    """A list of texts, as JSON."""

    sql: Sql


Value: TypeAlias = (
    Missing
    | Written
    | Text
    | Folded
    | Whole
    | Number
    | Truth
    | Switch
    | Day
    | Moment
    | Length
    | Elapsed
    | Texts
)


def storable(text: str) -> str:
    """`text`, when databases take it.

    Raises:
        NotInSql: it has a NUL, or half a character.
    """
    if "\x00" in text:
        raise NotInSql("a text with a NUL in it")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise NotInSql("a text with half a character in it")
    return text


def text_literal(text: str) -> Sql:
    """A text as a parameter."""
    return sa.literal(storable(text), sa.Text)


def whole_literal(number: int) -> Whole:
    """A whole number as a parameter.

    Raises:
        NotInSql: it is too large.
    """
    if abs(number) > LARGEST:
        raise NotInSql(f"a number as large as {number}")
    return Whole(sa.literal(number, sa.BigInteger), abs(number))


def double_literal(number: float) -> Sql:
    """A double as a parameter."""
    return sa.literal(float(number), sa.Double)
