"""Whether people can read a page: how its words stand out from what is behind them.

The measure is that of WCAG 2: 4.5 to 1, or 3 to 1 for large letters. Colors that only a browser
knows, and words on a picture, are passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import tinycss2
from css_inline import CSSInliner, InlineError
from selectolax.lexbor import LexborHTMLParser, LexborNode
from tinycss2.color4 import parse_color

from engine.mail.schemes import Scheme, in_scheme, knows_dark

Color: TypeAlias = tuple[float, float, float]

ENOUGH, ENOUGH_FOR_LARGE = 4.5, 3.0
_LARGE, _LARGE_BOLD = 24.0, 18.66
_DEEP = 300
_CANVAS: dict[Scheme, tuple[Color, Color, Color]] = {
    "light": ((1, 1, 1), (0, 0, 0), (0, 0, 0.93)),
    "dark": ((0.07, 0.07, 0.07), (1, 1, 1), (0.62, 0.62, 1)),
}
"""Of a page that says nothing: what is behind it, its words, and its links."""
_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "small": 0.83}
_BOLD = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_UNITS = {"px": 1.0, "pt": 4 / 3}
_UNSEEN = frozenset({"head", "style", "script", "title", "template", "noscript", "img"})
_FONT_SIZE = re.compile(r"([\d.]+)(px|pt)", re.I)
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_link_tags=True)


@dataclass(frozen=True, slots=True)
class Faint:
    """Words that are hard to read."""

    words: str
    ratio: float
    color: str
    behind: str
    scheme: Scheme
    better: str
    """A color of the same kind that can be read; empty when there is none."""


@dataclass(frozen=True, slots=True)
class _Look:
    """How words look at some place of a page; `behind` is None over a picture."""

    color: Color
    behind: Color | None
    size: float = 16.0
    bold: bool = False
    shown: bool = True


def faint_words(page: str) -> list[Faint]:
    """The words of a page that are hard to read, once for each pair of colors.

    Args:
        page: the page as it is sent.
    """
    schemes: tuple[Scheme, ...] = ("light", "dark") if knows_dark(page) else ("light",)
    found: dict[tuple[str, str], Faint] = {}
    for scheme in schemes:
        for one in _faint_in(page, scheme):
            found.setdefault((one.color, one.behind), one)
    return list(found.values())


def _faint_in(page: str, scheme: Scheme) -> Iterator[Faint]:
    try:
        styled = _INLINER.inline(in_scheme(page, scheme))
    except InlineError:
        return
    body = LexborHTMLParser(styled).body
    if body is None:
        return
    behind, color, _ = _CANVAS[scheme]
    yield from _walked(body, _styled(body, _Look(color, behind), scheme), scheme, 0)


def _walked(node: LexborNode, look: _Look, scheme: Scheme, depth: int) -> Iterator[Faint]:
    child = node.child
    while child is not None and depth < _DEEP:
        tag = child.tag or ""
        if tag == "-text":
            words = " ".join((child.text_content or "").split())
            if look.shown and any(map(str.isalnum, words)):
                yield from _judged(words, look, scheme)
        elif tag and tag[0] not in "-!_" and tag not in _UNSEEN:
            yield from _walked(child, _styled(child, look, scheme), scheme, depth + 1)
        child = child.next


def _judged(words: str, look: _Look, scheme: Scheme) -> Iterator[Faint]:
    if look.behind is None:
        return
    large = look.size >= _LARGE or (look.bold and look.size >= _LARGE_BOLD)
    enough = ENOUGH_FOR_LARGE if large else ENOUGH
    ratio = contrast(look.color, look.behind)
    if ratio + 0.005 < enough:
        better = _better(look.color, look.behind, enough)
        shown = (_written(look.color), _written(look.behind))
        yield Faint(words[:60], ratio, *shown, scheme, better)


def contrast(one: Color, other: Color) -> float:
    """The contrast of two colors, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _better(color: Color, behind: Color, enough: float) -> str:
    """The nearest color towards black or white that stands out enough."""
    for step in range(1, 51):
        for end in (0.0, 1.0):
            red, green, blue = (part + (end - part) * step / 50 for part in color)
            rounded = _color(_written((red, green, blue)))
            if rounded and contrast(rounded[0], behind) >= enough:
                return _written((red, green, blue))
    return ""


def _written(color: Color) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)


def _styled(node: LexborNode, look: _Look, scheme: Scheme) -> _Look:
    """How words look within an element."""
    tag, attributes = node.tag or "", node.attributes
    size = look.size * _SIZES.get(tag, 1.0)
    look = replace(look, size=size, bold=look.bold or tag in _BOLD)
    if tag == "a" and "href" in attributes:
        look = replace(look, color=_CANVAS[scheme][2])
    look = _painted(look, attributes.get("bgcolor") or "")
    if attributes.get("background"):
        look = replace(look, behind=None)
    if tag in ("font", "body") and (found := _color(attributes.get("color") or "")):
        look = replace(look, color=found[0])
    inherited = look if tag != "a" else replace(look)
    for name, value in _declared(attributes.get("style") or ""):
        look = _with(look, name, value, inherited)
    return look


def _declared(style: str) -> list[tuple[str, str]]:
    """The declarations of a style, those that are important last."""
    parsed = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    declarations = [one for one in parsed if one.type == "declaration"]
    ordered = sorted(declarations, key=lambda one: one.important)
    return [(one.lower_name, tinycss2.serialize(one.value).strip()) for one in ordered]


def _with(look: _Look, name: str, value: str, above: _Look) -> _Look:
    low = value.lower()
    match name:
        case "color" if found := _color(value):
            color, alpha = found
            behind = look.behind or (1.0, 1.0, 1.0)
            return replace(look, color=_over(color, alpha, behind))
        case "background-color":
            return _painted(look, value)
        case "background" | "background-image" if "url(" in low or "gradient(" in low:
            return replace(look, behind=None)
        case "background":
            plain = next((part for part in _parts(value) if _color(part)), "")
            return _painted(look, plain)
        case "font-size" | "font":
            bold = look.bold or (name == "font" and re.match(r"(bold|[6-9]00)\b", low) is not None)
            return replace(look, size=_sized(low, above.size), bold=bold)
        case "font-weight":
            return replace(look, bold=low in ("bold", "bolder", "600", "700", "800", "900"))
        case "display" | "visibility":
            return replace(look, shown=look.shown and low not in ("none", "hidden"))
        case "opacity" | "max-height" | "font-size-adjust" if low in ("0", "0px"):
            return replace(look, shown=False)
        case "mso-hide":
            return replace(look, shown=look.shown and low != "all")
        case _:
            return look


def _parts(value: str) -> list[str]:
    return [tinycss2.serialize([one]) for one in tinycss2.parse_component_value_list(value)]


def _sized(value: str, above: float) -> float:
    found = _FONT_SIZE.search(value)
    if found is not None:
        return float(found[1]) * _UNITS[found[2].lower()]
    relative = re.match(r"([\d.]+)(em|rem|%)\Z", value)
    if relative is None:
        return above
    number = float(relative[1])
    return {"em": above * number, "rem": 16 * number, "%": above * number / 100}[relative[2]]


def _painted(look: _Look, value: str) -> _Look:
    found = _color(value)
    if found is None or found[1] == 0:
        return look
    color, alpha = found
    if look.behind is None and alpha < 1:
        return look
    return replace(look, behind=_over(color, alpha, look.behind or color))


def _over(color: Color, alpha: float, behind: Color) -> Color:
    red, green, blue = (
        one * alpha + other * (1 - alpha) for one, other in zip(color, behind, strict=True)
    )
    return red, green, blue


def _color(value: str) -> tuple[Color, float] | None:
    """A color and how dense it is; None when it says none that is known."""
    found = parse_color(value.strip()) if value.strip() else None
    if found is None or isinstance(found, str):
        return None
    try:
        red, green, blue = (min(max(float(one), 0.0), 1.0) for one in found.to("srgb").coordinates)
    except (NotImplementedError, TypeError, ValueError):
        return None
    return (red, green, blue), float(found.alpha)
