"""What a value may still be after some comparisons: the range of one name of a condition.

It knows the values' order, not the names; a range that allows nothing is a contradiction.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

Point: TypeAlias = str | int | float | bool | date
"""A value that a condition writes down. Within one range all are of one family."""


@dataclass(frozen=True)
class Range:
    """The values that are possible for one name; by itself every one, and none at all.

    Args:
        missing: there may be no value.
        present: there may be one.
        low: the least value; None: no limit. `above` leaves it out itself.
        high: the greatest value; `below` leaves it out itself.
        only: the only values; None: any.
        without: values that are out.
        whole: only whole numbers, so that nothing lies between 5 and 6.
    """

    missing: bool = True
    present: bool = True
    low: Point | None = None
    above: bool = False
    high: Point | None = None
    below: bool = False
    only: frozenset[Point] | None = None
    without: frozenset[Point] = frozenset()
    whole: bool = False

    def meet(self, other: "Range") -> "Range":
        """What both allow."""
        low, above = _tighter(self.low, self.above, other.low, other.above, upward=True)
        high, below = _tighter(self.high, self.below, other.high, other.below, upward=False)
        if self.only is None or other.only is None:
            only = self.only if other.only is None else other.only
        else:
            only = self.only & other.only
        return Range(
            missing=self.missing and other.missing,
            present=self.present and other.present,
            low=low,
            above=above,
            high=high,
            below=below,
            only=only,
            without=self.without | other.without,
            whole=self.whole or other.whole,
        )

    @property
    def is_empty(self) -> bool:
        """Nothing is possible any more."""
        return not self.missing and not (self.present and self._has_values())

    def _has_values(self) -> bool:
        if self.only is not None:
            return any(self.holds(value) for value in self.only)
        low, high = self.low, self.high
        if low is None or high is None:
            return True
        if self.whole and isinstance(low, int | float) and isinstance(high, int | float):
            least = -(-low // 1) + (1 if self.above and low == low // 1 else 0)
            most = high // 1 - (1 if self.below and high == high // 1 else 0)
            return least < most or (least == most and least not in self.without)
        if low == high:
            return not (self.above or self.below) and low not in self.without
        return _less(low, high)

    def holds(self, value: Point) -> bool:
        """Whether a value that is written down is possible."""
        if not self.present or value in self.without:
            return False
        if self.only is not None and value not in self.only:
            return False
        if self.low is not None and (_less(value, self.low) or (self.above and value == self.low)):
            return False
        return not (
            self.high is not None
            and (_less(self.high, value) or (self.below and value == self.high))
        )

    def defined(self) -> "Range":
        """The same, with a value."""
        return replace(self, missing=False)


def compared(operator: str, value: Point) -> Range:
    """The values for which `x operator value` holds: there is one, and it compares so."""
    match operator:
        case "==":
            return Range(missing=False, only=frozenset((value,)))
        case "!=":
            return Range(missing=False, without=frozenset((value,)))
        case "<" | "<=":
            return Range(missing=False, high=value, below=operator == "<")
        case ">" | ">=":
            return Range(missing=False, low=value, above=operator == ">")
        case _:
            return Range()


OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _tighter(
    one: Point | None, strict: bool, two: Point | None, strict_too: bool, *, upward: bool
) -> tuple[Point | None, bool]:
    if one is None or two is None:
        return (two, strict_too) if one is None else (one, strict)
    if one == two:
        return one, strict or strict_too
    return (one, strict) if _less(two, one) == upward else (two, strict_too)


def _less(one: Point, two: Point) -> bool:
    """The order of two values of a family; of two families, no order: nothing is concluded."""
    try:
        return one < two  # type: ignore[operator]
    except TypeError:
        return False
