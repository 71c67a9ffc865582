"""A forecast as a picture: mails a day as bars, and who reached which stage, week by week."""

from collections.abc import Iterator
from datetime import timedelta
from xml.sax.saxutils import escape

from rehearsal.tally import Tally

_WIDTH, _HEIGHT = 760, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 48, 44, 60
_COLORS = ("#b4552d", "#2d6a4f", "#6a4c93", "#8a6d1d", "#1d6a8a", "#8a1d4e")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.t{font-size:15px;font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}}"
)


def plot(tally: Tally, title: str) -> str:
    """The picture, as SVG."""
    width = _WIDTH - _LEFT - _RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img">',
        f"<style>{_STYLE}</style>",
        f'<title>{escape(title)}</title><text class="t" x="{_LEFT}" y="24">{escape(title)}</text>',
        *_axis(tally, width),
        *_bars(tally, width),
        *_lines(tally, width),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _most(tally: Tally) -> int:
    weekly = [number for stages in tally.stages.values() for number in stages.values()]
    return max([1, *tally.mails_a_day, *weekly])


def _y(value: float, most: int) -> float:
    return _HEIGHT - _BOTTOM - value / most * (_HEIGHT - _TOP - _BOTTOM)


def _axis(tally: Tally, width: int) -> Iterator[str]:
    most = _most(tally)
    for value in dict.fromkeys((0, most // 2, most)):
        y = _y(value, most)
        yield (
            f'<line x1="{_LEFT}" x2="{_LEFT + width}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="#888" stroke-opacity=".35"/>'
        )
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,}</text>'
    step = max(1, tally.days // 6)
    for day in range(0, tally.days + 1, step):
        x = _LEFT + day / max(1, tally.days) * width
        date = tally.start + timedelta(days=day)
        yield (
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
            f"{date:%Y-%m-%d}</text>"
        )


def _bars(tally: Tally, width: int) -> Iterator[str]:
    most, wide = _most(tally), width / (tally.days + 1)
    for day, number in enumerate(tally.mails_a_day):
        if number:
            y = _y(number, most)
            yield (
                f'<rect x="{_LEFT + day * wide:.1f}" y="{y:.1f}" width="{max(1, wide - 1):.1f}" '
                f'height="{_HEIGHT - _BOTTOM - y:.1f}" fill="#4a7fb5"/>'
            )
    yield from _legend(0, "#4a7fb5", "mails a day")


def _lines(tally: Tally, width: int) -> Iterator[str]:
    most = _most(tally)
    weeks = range(tally.days // 7 + 1)
    stages = dict.fromkeys(stage for week in tally.stages.values() for stage in week)
    for number, stage in enumerate(stages):
        color = _COLORS[number % len(_COLORS)]
        points = []
        for week in weeks:
            x = _LEFT + min(1.0, (week * 7 + 3.5) / max(1, tally.days)) * width
            value = tally.stages.get(week, {}).get(stage, 0)
            points.append(f"{x:.1f},{_y(value, most):.1f}")
        yield (
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="2"/>'
        )
        yield from _legend(number + 1, color, f"{stage} a week")


def _legend(place: int, color: str, text: str) -> Iterator[str]:
    x, y = _LEFT + place * 130, _HEIGHT - 18
    yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{color}"/>'
    yield f'<text x="{x + 18}" y="{y}">{escape(text)}</text>'
