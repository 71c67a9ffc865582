"""A diagram as an SVG picture that stands alone: no scripts, no fonts, nothing from elsewhere."""

from collections.abc import Mapping
from html import escape

from engine.playbook.diagnostics import width
from engine.playbook.diagram import Diagram, Node, NodeKind
from engine.playbook.diagram_layout import Layout, Route, lay_out

_COLUMN = 7.4
"""How wide a letter is; a Chinese character is two."""
_LINE, _PAD, _LAYER_GAP, _EDGE = 18.0, 12.0, 50.0, 28.0
_LONGEST_LINE = 30

_STYLE = """\
text{font:13px/1.4 -apple-system,"Segoe UI",Roboto,"PingFang SC","Microsoft YaHei",\
"Noto Sans CJK SC",sans-serif;fill:#23211d}
.box{stroke-width:1.4}
.start .box,.end .box{fill:#f0ede6;stroke:#8b857a}
.send .box{fill:#fdeee7;stroke:#b4481e}
.do .box{fill:#eef4ee;stroke:#4b7a53}
.wait .box{fill:#eaf1f8;stroke:#3f6f9f}
.branch .box{fill:#fbf5e1;stroke:#a07d1c}
.line{fill:none;stroke:#8b857a;stroke-width:1.4}
.name{font-size:11px;fill:#6d675d;paint-order:stroke;stroke:#fff;stroke-width:4px}
"""
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#8b857a"/></marker></defs>'
)


def svg(drawn: Diagram) -> str:
    """The picture, as one SVG document."""
    lines = {node.number: wrapped(node.label) for node in drawn.nodes}
    widths = {number: _box_width(each) for number, each in lines.items()}
    return _Picture(drawn, lines, widths, lay_out(drawn, widths)).text()


def wrapped(label: str) -> list[str]:
    """A label in lines that fit a box; Chinese breaks anywhere, other text between words."""
    found: list[str] = []
    for part in label.split("\n"):
        line = ""
        for word in _words(part):
            if line and width(line + word.rstrip()) > _LONGEST_LINE:
                found.append(line.rstrip())
                line = word.lstrip()
            else:
                line += word
        found.append(line.rstrip())
    return [line for line in found if line] or [""]


def _words(text: str) -> list[str]:
    words = [""]
    for char in text:
        if width(char) == 2 or len(words[-1]) >= _LONGEST_LINE:
            words.append(char)
        elif char == " ":
            words[-1] += char
            words.append("")
        else:
            words[-1] += char
    return words


def _box_width(lines: list[str]) -> float:
    return max(width(line) for line in lines) * _COLUMN + 2 * _PAD + 8


class _Picture:
    def __init__(
        self,
        drawn: Diagram,
        lines: Mapping[int, list[str]],
        widths: Mapping[int, float],
        layout: Layout,
    ) -> None:
        self.drawn = drawn
        self.lines = lines
        self.widths = widths
        self.layout = layout
        self.left = min(m - self._wide(p) / 2 for p, m in layout.middles.items())
        self.right = max(m + self._wide(p) / 2 for p, m in layout.middles.items())
        self.tops: dict[int, float] = {}
        self.height = _EDGE
        for layer in layout.layers:
            tall = max(self._tall(place) for place in layer)
            for place in layer:
                self.tops[place] = self.height + (tall - self._tall(place)) / 2
            self.height += tall + _LAYER_GAP
        self.height += _EDGE - _LAYER_GAP

    def _wide(self, place: int) -> float:
        return self.widths.get(place, 8.0)

    def _tall(self, place: int) -> float:
        return len(self.lines[place]) * _LINE + 2 * _PAD if place in self.lines else 0.0

    def _middle(self, place: int) -> float:
        return self.layout.middles[place] - self.left + _EDGE

    def text(self) -> str:
        loops = sum(route.back for route in self.layout.routes)
        wide = self.right - self.left + 2 * _EDGE + loops * 18 + (24 if loops else 0)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} '
                f'{self.height:.0f}" width="{wide:.0f}" height="{self.height:.0f}" role="img">',
                f"<title>{escape(self.drawn.title)}</title>",
                f"<style>{_STYLE}</style>",
                _TIP,
                *(self._line(route) for route in self.layout.routes if not route.back),
                *self._loops(),
                *(self._box(node) for node in self.drawn.nodes),
                *(self._name(route) for route in self.layout.routes if route.edge.label),
                "</svg>",
                "",
            ]
        )

    def _box(self, node: Node) -> str:
        wide, tall = self._wide(node.number), self._tall(node.number)
        x, y = self._middle(node.number) - wide / 2, self.tops[node.number]
        texts = "".join(
            f'<text x="{x + wide / 2:.1f}" y="{y + _PAD + _LINE * at + 13:.1f}" '
            f'text-anchor="middle">{escape(line)}</text>'
            for at, line in enumerate(self.lines[node.number])
        )
        step = f' data-step="{escape(node.step)}"' if node.step else ""
        return f'<g class="{node.kind}"{step}>{_outline(node.kind, x, y, wide, tall)}{texts}</g>'

    def _line(self, route: Route) -> str:
        source, target = route.edge.source, route.edge.target
        x, y = self._middle(source), self.tops[source] + self._tall(source)
        path = f"M{x:.1f} {y:.1f}"
        for place in (*route.bends, target):
            to_x, to_y = self._middle(place), self.tops[place]
            bend = (y + to_y) / 2
            path += f"C{x:.1f} {bend:.1f} {to_x:.1f} {bend:.1f} {to_x:.1f} {to_y:.1f}"
            x, y = to_x, to_y
        return f'<path class="line" d="{path}" marker-end="url(#tip)"/>'

    def _loops(self) -> list[str]:
        """Lines upward go around all boxes, on the right."""
        found = []
        out = self.right - self.left + _EDGE + 20
        for route in self.layout.routes:
            if not route.back:
                continue
            source, target = route.edge.source, route.edge.target
            x, y = self._middle(source), self.tops[source] + self._tall(source)
            end_x = self._middle(target) + self._wide(target) / 2
            end_y = self.tops[target] + self._tall(target) / 2
            low = y + _LAYER_GAP / 3
            path = (
                f"M{x:.1f} {y:.1f}V{low - 8:.1f}Q{x:.1f} {low:.1f} {x + 8:.1f} {low:.1f}"
                f"H{out - 8:.1f}Q{out:.1f} {low:.1f} {out:.1f} {low - 8:.1f}"
                f"V{end_y + 8:.1f}Q{out:.1f} {end_y:.1f} {out - 8:.1f} {end_y:.1f}H{end_x:.1f}"
            )
            found.append(f'<path class="line" d="{path}" marker-end="url(#tip)"/>')
            out += 18
        return found

    def _name(self, route: Route) -> str:
        """A line's word stands where the line has left its box."""
        source = route.edge.source
        onward = route.bends[0] if route.bends else route.edge.target
        here = self._middle(source)
        leftward = not route.back and self._middle(onward) < here - 4
        x, anchor = (here - 9, "end") if leftward else (here + 9, "start")
        y = self.tops[source] + self._tall(source) + 13
        return (
            f'<text class="name" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(route.edge.label)}</text>"
        )


def _outline(kind: NodeKind, x: float, y: float, wide: float, tall: float) -> str:
    if kind == "branch":
        cut = min(14.0, tall / 2)
        points = (
            (x + cut, y), (x + wide - cut, y), (x + wide, y + tall / 2),
            (x + wide - cut, y + tall), (x + cut, y + tall), (x, y + tall / 2),
        )  # fmt: skip
        written = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        return f'<polygon class="box" points="{written}"/>'
    round_ = tall / 2 if kind in ("start", "end") else 7
    return (
        f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
        f'rx="{round_:.1f}"/>'
    )
