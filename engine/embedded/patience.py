"""How often a child that dies is started again, and after how long: a pure decision."""

from collections.abc import Sequence

WINDOW = 120.0
"""Deaths longer ago than this many seconds are forgiven."""

ENOUGH = 6
LONGEST = 15.0


def delay_after(deaths: Sequence[float]) -> float | None:
    """Seconds to wait before the next start, or None to give up.

    Args:
        deaths: when the child died, on a clock that only counts; the latest last.
    """
    recent = sum(1 for death in deaths if deaths[-1] - death < WINDOW)
    if recent >= ENOUGH:
        return None
    return float(min(0.5 * 2 ** (recent - 1), LONGEST))
