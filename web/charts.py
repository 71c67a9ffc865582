"""The geometry of charts: values in, coordinates out. Templates draw them; colors are the page's.

A chart has no script, and says in words what it shows; the numbers stand in a table beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.runtime.pipeline_health import StageHealth
from engine.runtime.survival import Curve

WIDTH, HEIGHT = 320, 168
"""Of a curve's picture, in units of its view box."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 22
_MOST_POINTS = 240


@dataclass(frozen=True, slots=True)
class CurvePicture:
    """A survival curve as paths.

    Attributes:
        line: the curve, and `band`: where it lies with 95 % confidence.
        days: where the axis ends, and `ticks`: (place, days) along it.
        limit: where the usual time is; None: it is not known.
        here: the places of the open deals, by how long they have been there.
    """

    line: str
    band: str
    days: float
    ticks: Sequence[tuple[float, float]]
    limit: float | None
    here: Sequence[float]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def middle(self) -> float:
        """The height of one half."""
        return (self.top + self.bottom) / 2


def curve_picture(stage: StageHealth) -> CurvePicture | None:
    """How long deals stay in a stage, as a picture; None: too few have left to say."""
    limit = stage.limit
    if limit is None:
        return None
    days = _axis(stage.stays, limit)
    ages = sorted({round(_x(min(stage.age(deal), days), days), 1) for deal in stage.deals})
    return CurvePicture(
        line=_line(stage.stays, days),
        band=_band(stage.stays, days),
        days=days,
        ticks=[(_x(days * part, days), days * part) for part in (0.0, 0.25, 0.5, 0.75, 1.0)],
        limit=_x(limit, days),
        here=ages,
    )


def tapering(values: Sequence[float]) -> list[tuple[float, float]]:
    """The width of each row of a funnel at its top and at its bottom, in percent of the largest.

    A row ends as wide as the next one begins.
    """
    most = max(values, default=0) or 1
    widths = [max(100 * value / most, 0.6) if value else 0.0 for value in values]
    ends = [*widths[1:], *widths[-1:]]
    return [(top, end if top else 0.0) for top, end in zip(widths, ends, strict=True)]


def _axis(curve: Curve, limit: float) -> float:
    """Where the axis ends: well behind the usual time, at a round number of days."""
    longest = curve.steps[-1].days if curve.steps else limit
    wanted = min(max(limit * 2, 1.0), max(longest, limit, 1.0))
    for size in (1, 2, 4, 8, 12, 20, 40, 60, 80, 120, 160, 200, 280, 400, 600, 800, 1200, 2000):
        if size >= wanted:
            return float(size)
    return wanted


def _line(curve: Curve, days: float) -> str:
    steps = (f"H{_x(at, days):.1f}V{_y(share):.1f}" for at, share, _, _ in _shown(curve, days))
    return "".join([f"M{_LEFT} {_y(1):.1f}", *steps, f"H{_x(days, days):.1f}"])


def _band(curve: Curve, days: float) -> str:
    """Along the upper limits to the right, and back along the lower ones."""
    shown = list(_shown(curve, days))
    upper = [f"H{_x(at, days):.1f}V{_y(high):.1f}" for at, _, _, high in shown]
    lows = [1.0, *(low for _, _, low, _ in shown)]
    end = f"H{_x(days, days):.1f}V{_y(lows[-1]):.1f}"
    back = [
        f"H{_x(at, days):.1f}V{_y(before):.1f}"
        for (at, _, _, _), before in zip(reversed(shown), reversed(lows[:-1]), strict=True)
    ]
    return "".join([f"M{_LEFT} {_y(1):.1f}", *upper, end, *back, "Z"])


def _shown(curve: Curve, days: float) -> Iterable[tuple[float, float, float, float]]:
    """The steps on the axis, as many as a picture can show: (days, share, low, high)."""
    steps = [step for step in curve.steps if step.days <= days]
    every = max(len(steps) // _MOST_POINTS, 1)
    for place, step in enumerate(steps):
        if place % every == 0 or place == len(steps) - 1:
            yield step.days, step.share, step.low, step.high


def _x(at: float, days: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * at / days


def _y(share: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share)
