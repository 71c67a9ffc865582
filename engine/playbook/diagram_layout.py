"""Where the boxes of a diagram go: layers from top to bottom, few crossings, loops to the side."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.playbook.diagram import START, Diagram, Edge

_SWEEPS = 8
_GAP = 36.0


@dataclass(frozen=True, slots=True)
class Route:
    """A line's way: the places of its bends, from box to box; `back` goes up again."""

    edge: Edge
    bends: tuple[int, ...]
    back: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Layers of places, each place's middle, and the routes.

    A place is a box's number, or a number of its own for the bend of a long line.
    """

    layers: tuple[tuple[int, ...], ...]
    middles: Mapping[int, float]
    routes: tuple[Route, ...]


def lay_out(drawn: Diagram, widths: Mapping[int, float]) -> Layout:
    """Places every box; `widths` are those of the boxes."""
    back = _back_edges(drawn)
    ranks = _ranks(drawn, back)
    layers: list[list[int]] = [[] for _ in range(max(ranks.values()) + 1)]
    for node in drawn.nodes:
        layers[ranks[node.number]].append(node.number)
    routes: list[Route] = []
    links: list[tuple[int, int]] = []
    spare = max(node.number for node in drawn.nodes) + 1
    for edge in drawn.edges:
        bends: list[int] = []
        if edge not in back:
            for rank in range(ranks[edge.source] + 1, ranks[edge.target]):
                layers[rank].append(spare)
                bends.append(spare)
                spare += 1
            links.extend(zip([edge.source, *bends], [*bends, edge.target], strict=True))
        routes.append(Route(edge, tuple(bends), edge in back))
    _order(layers, links)
    return Layout(tuple(map(tuple, layers)), _middles(layers, links, widths), tuple(routes))


def _back_edges(drawn: Diagram) -> frozenset[Edge]:
    """Edges that close a loop."""
    following = defaultdict(list)
    for edge in drawn.edges:
        following[edge.source].append(edge)
    open_, done, back = {START}, set[int](), set[Edge]()
    stack = [(START, iter(following[START]))]
    while stack:
        at, edges = stack[-1]
        onward = next(edges, None)
        if onward is None:
            stack.pop()
            open_.discard(at)
            done.add(at)
        elif onward.target in open_:
            back.add(onward)
        elif onward.target not in done:
            open_.add(onward.target)
            stack.append((onward.target, iter(following[onward.target])))
    return frozenset(back)


def _ranks(drawn: Diagram, back: frozenset[Edge]) -> dict[int, int]:
    """Each box below all that lead to it."""
    ranks = {node.number: 0 for node in drawn.nodes}
    edges = [edge for edge in drawn.edges if edge not in back]
    for _ in drawn.nodes:
        changed = False
        for edge in edges:
            if ranks[edge.target] <= ranks[edge.source]:
                ranks[edge.target] = ranks[edge.source] + 1
                changed = True
        if not changed:
            break
    return ranks


def _order(layers: list[list[int]], links: Sequence[tuple[int, int]]) -> None:
    """Puts each place near the middle of its neighbors, downward and upward in turn."""
    above, below = defaultdict(list), defaultdict(list)
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbors = above if down else below
        for layer in layers if down else reversed(layers):
            spots = {place: at for each in layers for at, place in enumerate(each)}
            means = {
                place: sum(spots[n] for n in neighbors[place]) / len(neighbors[place])
                if neighbors[place]
                else float(spots[place])
                for place in layer
            }
            layer.sort(key=lambda place: (means[place], spots[place]))


def _middles(
    layers: Sequence[Sequence[int]],
    links: Sequence[tuple[int, int]],
    widths: Mapping[int, float],
) -> dict[int, float]:
    """Where each place's middle is: pulled toward its neighbors, never overlapping."""
    linked = defaultdict(list)
    for source, target in links:
        linked[source].append(target)
        linked[target].append(source)
    middles: dict[int, float] = {}
    for layer in layers:
        for place, middle in zip(layer, _spread(layer, [0.0] * len(layer), widths), strict=True):
            middles[place] = middle
    for sweep in range(_SWEEPS * 2):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [
                sum(middles[n] for n in linked[place]) / len(linked[place])
                if linked[place]
                else middles[place]
                for place in layer
            ]
            for place, middle in zip(layer, _spread(layer, wanted, widths), strict=True):
                middles[place] = middle
    return middles


def _spread(
    layer: Sequence[int], wanted: Sequence[float], widths: Mapping[int, float]
) -> list[float]:
    """The wanted middles, moved apart as little as it takes, in order."""
    groups: list[tuple[float, list[int], list[float]]] = []
    for place, want in zip(layer, wanted, strict=True):
        groups.append((want, [place], [0.0]))
        while len(groups) > 1:
            middle, places, offsets = groups[-1]
            left, before, left_offsets = groups[-2]
            reach = _half(before[-1], widths) + _GAP + _half(places[0], widths)
            shift = left_offsets[-1] + reach - offsets[0]
            if middle - left >= shift:
                break
            groups.pop()
            total = len(before) + len(places)
            joined = (left * len(before) + (middle - shift) * len(places)) / total
            groups[-1] = (joined, before + places, left_offsets + [o + shift for o in offsets])
    return [middle + offset for middle, _, offsets in groups for offset in offsets]


def _half(place: int, widths: Mapping[int, float]) -> float:
    return widths.get(place, 8.0) / 2
