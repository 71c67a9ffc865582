"""A backtest as an SVG picture that stands alone: shares with their intervals, and days before.

It counts nothing: what it draws is what `backtest` found.
"""

from collections.abc import Iterator
from html import escape

from engine.operations.backtest import Backtest, Line
from engine.runtime.foretelling import Share

_LEFT, _WIDTH, _ROW, _BAR, _GAP, _HEAD = 230.0, 300.0, 46.0, 15.0, 60.0, 64.0
_DAYS = 200.0
_TOTAL = _LEFT + _WIDTH + _GAP + _DAYS + 70
_STYLE = (
    'text{font:12px/1.4 -apple-system,"Segoe UI",Roboto,"PingFang SC","Microsoft YaHei",'
    '"Noto Sans CJK SC",sans-serif;fill:#23211d}.dim{fill:#6d675d;font-size:11px}'
    ".grid{stroke:#ddd8cd}.precision{fill:#3f6f9f}.recall{fill:#c2703d}.days{fill:#4b7a53}"
    ".spread{stroke:#23211d;stroke-width:1.4}"
    "@media (prefers-color-scheme:dark){text{fill:#ece9e2}.dim{fill:#b5afa3}"
    ".grid{stroke:#4a463f}.spread{stroke:#ece9e2}}"
)


def picture(found: Backtest) -> str:
    """The picture: a row for each threshold and side."""
    height = _HEAD + _ROW * max(1, len(found.lines)) + 20
    most = max((one.told.lead_days[2] for one in found.lines if one.told.lead_days), default=1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_TOTAL:g} {height:g}" role="img">',
        f"<title>{escape(_title(found))}</title><style>{_STYLE}</style>",
        f'<text x="8" y="18">{escape(_title(found))}</text>',
        *_head(height, most),
    ]
    for number, line in enumerate(found.lines):
        parts += _row(line, found.outcomes, _HEAD + _ROW * number, most)
    return "\n".join((*parts, "</svg>")) + "\n"


def _title(found: Backtest) -> str:
    return f"{found.leads:,} leads, {found.outcomes:,} outcomes, by {found.until:%Y-%m-%d}"


def _head(height: float, most: float) -> Iterator[str]:
    for tenth in range(0, 11, 2):
        x = _LEFT + _WIDTH * tenth / 10
        yield f'<line class="grid" x1="{x:g}" y1="{_HEAD - 10:g}" x2="{x:g}" y2="{height - 16:g}"/>'
        yield f'<text class="dim" x="{x - 10:g}" y="{_HEAD - 16:g}">{tenth * 10} %</text>'
    days = _LEFT + _WIDTH + _GAP
    for x, text in ((_LEFT, "precision, recall"), (days, f"days before (to {most:.0f})")):
        yield f'<text class="dim" x="{x:g}" y="34">{text}</text>'


def _row(line: Line, outcomes: int, top: float, most: float) -> Iterator[str]:
    name = f"{line.playbook}.{line.threshold}"
    yield f'<text x="8" y="{top + 13:g}">{escape(name)}</text>'
    told = f"{line.side} rules, at {line.at:g}: {line.told.crossed:,} crossed"
    yield f'<text class="dim" x="8" y="{top + 29:g}">{escape(told)}</text>'
    shares = (("precision", line.told.precision), ("recall", line.told.recall(outcomes)))
    for place, (kind, share) in enumerate(shares):
        yield from _bar(kind, share, top + place * (_BAR + 3))
    days = line.told.lead_days
    if days is not None:
        left, scale = _LEFT + _WIDTH + _GAP, _DAYS / (most or 1)
        low, middle, high = (left + one * scale for one in days)
        y = top + _BAR
        yield f'<line class="spread" x1="{low:.1f}" y1="{y:g}" x2="{high:.1f}" y2="{y:g}"/>'
        yield f'<circle class="days" cx="{middle:.1f}" cy="{y:g}" r="5"/>'
        yield f'<text class="dim" x="{high + 10:.1f}" y="{y + 4:g}">{days[1]:.0f}</text>'


def _bar(kind: str, share: Share, top: float) -> Iterator[str]:
    if share.value is None:
        yield f'<text class="dim" x="{_LEFT:g}" y="{top + 11:g}">nothing to judge yet</text>'
        return
    low, high = (_LEFT + _WIDTH * one for one in share.interval)
    yield (
        f'<rect class="{kind}" x="{_LEFT:g}" y="{top:g}" width="{_WIDTH * share.value:.1f}" '
        f'height="{_BAR:g}"/>'
    )
    middle = top + _BAR / 2
    yield f'<line class="spread" x1="{low:.1f}" y1="{middle:g}" x2="{high:.1f}" y2="{middle:g}"/>'
