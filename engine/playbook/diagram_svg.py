"""A diagram as an SVG picture that stands alone: no scripts, no fonts, nothing from elsewhere."""

from collections import defaultdict
from collections.abc import Mapping
from html import escape

from engine.playbook.diagnostics import width
from engine.playbook.diagram import Diagram, Node, NodeKind
from engine.playbook.diagram_layout import Layout, Route, lay_out

_COLUMN = 7.4
"""How wide a letter is; a Chinese character is two."""
_SMALL = 6.0
"""How wide a letter of a caption is."""
_LINE, _PAD, _LAYER_GAP, _EDGE, _CAPTION = 18.0, 12.0, 58.0, 28.0, 14.0
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
.id{font-size:10.5px;fill:#6d675d}
.name{font-size:11px;fill:#6d675d;paint-order:stroke;stroke:#fff;stroke-width:4px}
#tip path{fill:#8b857a}
@media (prefers-color-scheme:dark){
text{fill:#ece9e2}
.id,.name{fill:#b5afa3}
.name{stroke:#201f1c}
.line{stroke:#9a948a}
#tip path{fill:#9a948a}
.start .box,.end .box{fill:#2b2a28;stroke:#9a948a}
.send .box{fill:#3a2820;stroke:#d9774f}
.do .box{fill:#22302a;stroke:#77ab80}
.wait .box{fill:#212c38;stroke:#6f9fd0}
.branch .box{fill:#353021;stroke:#cda53f}
}
"""
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)


def svg(drawn: Diagram) -> str:
    """The picture, as one SVG document."""
    lines = {node.number: wrapped(node.label) for node in drawn.nodes}
    ports = defaultdict[int, float](float)
    for edge in drawn.edges:
        ports[edge.source] += port_width(edge.label)
    widths = {
        node.number: max(
            _box_width(lines[node.number]),
            width(node.caption) * _SMALL + 2 * _PAD + 8,
            ports[node.number] + 2 * _PAD + 4,
        )
        for node in drawn.nodes
    }
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
        self.captions = {node.number: node.caption for node in drawn.nodes if node.caption}
        self.lines = lines
        self.widths = widths
        self.layout = layout
        self.left = min(m - self._wide(p) / 2 for p, m in layout.middles.items())
        self.right = max(m + self._wide(p) / 2 for p, m in layout.middles.items())
        self.tops: dict[int, float] = {}
        self.bands: dict[int, tuple[float, float]] = {}
        self.height = _EDGE
        for layer in layout.layers:
            tall = max(self._tall(place) for place in layer)
            for place in layer:
                self.bands[place] = (self.height, self.height + tall)
                self.tops[place] = self.height + (tall - self._tall(place)) / 2
            self.height += tall + _LAYER_GAP
        last = {route.edge.source for route in layout.routes if route.back}
        is_low = any(place in last for place in layout.layers[-1])
        self.height += _EDGE - _LAYER_GAP + (_LAYER_GAP / 2 if is_low else 0)

    def _wide(self, place: int) -> float:
        return self.widths.get(place, 8.0)

    def _tall(self, place: int) -> float:
        if place not in self.lines:
            return 0.0
        caption = _CAPTION if place in self.captions else 0.0
        return len(self.lines[place]) * _LINE + 2 * _PAD + caption

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
        if node.caption:
            below = y + _PAD + _LINE * len(self.lines[node.number]) + 10
            texts += (
                f'<text class="id" x="{x + wide / 2:.1f}" y="{below:.1f}" '
                f'text-anchor="middle">{escape(node.caption)}</text>'
            )
        step = f' data-step="{escape(node.step)}"' if node.step else ""
        return f'<g class="{node.kind}"{step}>{_outline(node.kind, x, y, wide, tall)}{texts}</g>'

    def _line(self, route: Route) -> str:
        """Straight through every layer, so that no box is touched; sideways between layers."""
        target = route.edge.target
        x, y = self._port(route), self._bottom(route.edge.source)
        path = f"M{x:.1f} {y:.1f}"
        y = self.bands[route.edge.source][1]
        path += f"V{y:.1f}"
        for place in (*route.bends, target):
            to_x, (top, low) = self._middle(place), self.bands[place]
            top -= 8 if place == target else 0  # the tip points the way its line ends
            bend = (y + top) / 2
            path += f"C{x:.1f} {bend:.1f} {to_x:.1f} {bend:.1f} {to_x:.1f} {top:.1f}"
            path += f"V{self.tops[place] if place == target else low:.1f}"
            x, y = to_x, low
        return f'<path class="line" d="{path}" marker-end="url(#tip)"/>'

    def _loops(self) -> list[str]:
        """Lines upward go between the layers and around all boxes, on the right."""
        found = []
        out = self.right - self.left + _EDGE + 20
        back = [route for route in self.layout.routes if route.back]
        for number, route in enumerate(back):
            target = route.edge.target
            x, y = self._port(route), self._bottom(route.edge.source)
            end_x = self._middle(target) + self._wide(target) / 4
            low = self.bands[route.edge.source][1] + _LAYER_GAP / 2 + number % 3 * 4
            over = self.bands[target][0] - 14 - number % 3 * 4
            path = (
                f"M{x:.1f} {y:.1f}V{low - 8:.1f}Q{x:.1f} {low:.1f} {x + 8:.1f} {low:.1f}"
                f"H{out - 8:.1f}Q{out:.1f} {low:.1f} {out:.1f} {low - 8:.1f}"
                f"V{over + 8:.1f}Q{out:.1f} {over:.1f} {out - 8:.1f} {over:.1f}"
                f"H{end_x + 6:.1f}Q{end_x:.1f} {over:.1f} {end_x:.1f} {over + 6:.1f}"
                f"V{self.tops[target]:.1f}"
            )
            found.append(f'<path class="line" d="{path}" marker-end="url(#tip)"/>')
            out += 18
        return found

    def _bottom(self, place: int) -> float:
        return self.tops[place] + self._tall(place)

    def _port(self, route: Route) -> float:
        """Where a line leaves its box: side by side, as far apart as their words are wide."""
        source = route.edge.source
        ways = [each for each in self.layout.routes if each.edge.source == source]
        ways.sort(key=lambda each: (each.back, self._heading(each)))
        widths = [port_width(each.edge.label) for each in ways]
        at = ways.index(route)
        return self._middle(source) - sum(widths) / 2 + sum(widths[:at]) + widths[at] / 2

    def _heading(self, route: Route) -> float:
        return self._middle(route.bends[0] if route.bends else route.edge.target)

    def _name(self, route: Route) -> str:
        """A line's word stands on it, where it has left its box."""
        x, y = self._port(route), self._bottom(route.edge.source) + 15
        return (
            f'<text class="name" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">'
            f"{escape(route.edge.label)}</text>"
        )


def port_width(label: str) -> float:
    """How much of a box's lower side a line with this word takes."""
    return max(width(label) * 6.4 + 10, 18.0)


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
