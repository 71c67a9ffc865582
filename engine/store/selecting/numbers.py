"""Arithmetic in SQL that comes out as Python's does, or not at all.

Python's whole numbers never overflow and its doubles never fail; databases do both. So whole
numbers carry a bound, and doubles of magnitudes that no record holds are missing, here as there
(`conditions.arithmetic`).
"""

import sqlalchemy as sa

from engine.playbook.conditions.arithmetic import LARGEST_DOUBLE, SMALLEST_DOUBLE
from engine.store.selecting.values import (
    EXACT,
    LARGEST,
    Missing,
    NotInSql,
    Number,
    Sql,
    Truth,
    Value,
    Whole,
    double_literal,
)

_ORDERS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

_TIGHT, _LOOSE = 8, 7
"""How SQLAlchemy ranks `*` and `+`: it decides about parentheses."""


def arithmetic(operator: str, one: Whole | Number, other: Whole | Number) -> Value:
    """`one operator other`.

    Raises:
        NotInSql: SQL could give another number.
    """
    if isinstance(one, Whole) and isinstance(other, Whole) and operator != "/":
        return _whole(operator, one, other)
    if operator == "%":
        raise NotInSql("'%' of numbers that are not whole")
    left, right = _operand(one), _operand(other)
    if operator == "/":
        right = sa.func.nullif(right, sa.literal(0.0, sa.Double))
    is_double = operator == "/" or any(
        isinstance(each, Number) and each.is_double for each in (one, other)
    )
    return Number(
        sa.type_coerce(_joined(left, operator, right), sa.Double), is_double, not is_double
    )


def _whole(operator: str, one: Whole, other: Whole) -> Whole:
    bounds = {
        "+": one.bound + other.bound,
        "-": one.bound + other.bound,
        "*": one.bound * other.bound,
        "%": 2 * other.bound,
    }
    bound = bounds[operator]
    if bound > LARGEST:
        raise NotInSql("a whole number beyond 64 bits")
    if operator != "%":
        joined = _joined(one.sql, operator, other.sql)
        return Whole(sa.type_coerce(joined, sa.BigInteger), bound)
    divisor = sa.func.nullif(other.sql, sa.literal(0, sa.BigInteger))
    rest = (one.sql % divisor + divisor) % divisor  # its sign is the divisor's
    return Whole(sa.type_coerce(rest, sa.BigInteger), other.bound)


def _joined(one: Sql, operator: str, other: Sql) -> Sql:
    return one.op(operator, precedence=_TIGHT if operator in "*/" else _LOOSE)(other)


def _operand(value: Whole | Number) -> Sql:
    if isinstance(value, Whole):
        return double_of(value)
    if value.is_worked_out:
        raise NotInSql("arithmetic with a number that was worked out")
    size = sa.func.abs(value.sql)
    usual = size.between(double_literal(SMALLEST_DOUBLE), double_literal(LARGEST_DOUBLE))
    return sa.case((sa.or_(value.sql == double_literal(0), usual), value.sql))


def double_of(value: Whole) -> Sql:
    """A whole number as the double that equals it.

    Raises:
        NotInSql: it may be too large for that.
    """
    if value.bound > EXACT:
        raise NotInSql("a whole number that is no double")
    written = written_number(value)
    return double_literal(written) if written is not None else sa.cast(value.sql, sa.Double)


def written_number(value: Value) -> float | None:
    """The number that is written down, if it is one."""
    if isinstance(value, Whole | Number) and isinstance(value.sql, sa.BindParameter):
        found: float | None = value.sql.value
        return found
    return None


def negative(value: Value) -> Value:
    """The number with its sign turned; of anything else, missing.

    Raises:
        NotInSql: it is text that may be missing or a list.
    """
    if isinstance(value, Whole):
        return Whole(-value.sql, value.bound)
    if isinstance(value, Number):
        return Number(-value.sql, value.is_double, value.is_worked_out)
    return Missing()


def compare(order: str, one: Whole | Number, other: Whole | Number) -> Truth:
    """`one order other`.

    Raises:
        NotInSql: one of them may have been rounded.
    """
    sign = _ORDERS[order]
    if isinstance(one, Whole) and isinstance(other, Whole):
        return _truth(one.sql, sign, other.sql)
    for each, beside in ((one, other), (other, one)):
        if isinstance(each, Number) and each.is_worked_out and not _is_small(beside):
            raise NotInSql("a number that was worked out beside one that is not written")
    return _truth(_double(one), sign, _double(other))


def _truth(one: Sql, sign: str, other: Sql) -> Truth:
    return Truth(sa.type_coerce(one.op(sign, is_comparison=True)(other), sa.Boolean))


def _double(value: Whole | Number) -> Sql:
    return double_of(value) if isinstance(value, Whole) else value.sql


def _is_small(value: Whole | Number) -> bool:
    """It is written down, and no rounded number comes out as it by accident."""
    written = written_number(value)
    return written is not None and abs(written) < EXACT
