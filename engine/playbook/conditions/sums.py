"""Sums of amounts as people write them: 0.1 and 0.2 are 0.3, in whatever order they come."""

from collections.abc import Iterable
from decimal import Context, Decimal

_EXACT = Context(prec=800)
"""More digits than the shortest spellings of doubles can have between them."""

_LARGEST = Decimal("1e150")


def exact_sum(amounts: Iterable[int | float]) -> int | float | None:
    """The sum of the numbers as they are written, rounded once; missing beyond 1e150."""
    whole, parts = 0, Decimal(0)
    has_parts = False
    for amount in amounts:
        if isinstance(amount, int):
            whole += amount
        else:
            parts, has_parts = _EXACT.add(parts, Decimal(repr(amount))), True
    if not has_parts:
        return whole if abs(whole) <= _LARGEST else None
    total = _EXACT.add(parts, Decimal(whole))
    return float(total) if abs(total) <= _LARGEST else None
