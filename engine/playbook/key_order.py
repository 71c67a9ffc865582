"""The order in which keys of a playbook are written; keys that are the author's own stay."""

from collections.abc import Mapping

from engine.playbook.model import SendDefaults, SendWindow
from engine.playbook.nodes import MapNode
from engine.playbook.reading import shapes_of
from engine.playbook.step import Common
from engine.playbook.stepreading import VERBS

_HEAD = (
    "playbook", "kind", "title", "note", "cost", "for", "calendar", "score", "range", "enroll",
    "exit", "exit_on_unsubscribe", "send", "fit", "behavior", "decay", "grades", "thresholds",
    "watch", "clock", "levels", "steps", "scenarios",
)  # fmt: skip
_WHEN = (
    "event", "stage", "score", "segment", "cron", "date", "at", "manual", "name", "if", "timezone",
    "every",
)  # fmt: skip
_KNOWN: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("root",): _HEAD,
    ("root", "enroll"): ("when", "if", "key", "again"),
    ("root", "enroll", "when", "-"): _WHEN,
    ("root", "exit", "-"): ("event", "if", "goal", "value"),
    ("root", "send"): tuple(shapes_of(SendDefaults)),
    ("root", "send", "window"): tuple(shapes_of(SendWindow)),
}
_LISTS = frozenset(("steps", "then", "else"))
_LAST = ("on_error", "note", "arms", "winner", "steps", "then", "else")


def order_of(node: MapNode, path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a mapping in the order they are written.

    Args:
        path: the keys that lead to it, `root` first; `-` is an item of a list.
    """
    keys = tuple(node.keys)
    if path[-1:] == ("-",) and path[-2:-1] and path[-2] in _LISTS and "scenarios" not in path:
        return _step(keys)
    if path[-2:] == ("choose", "-"):
        return _by(("if", "steps", "else"), keys)
    if path[:1] == ("root",) and "playbook" not in node.keys and len(path) == 1:
        return keys  # a workspace's sections stand as their author wants them
    return _by(_KNOWN.get(path, ()), keys)


def _by(order: tuple[str, ...], keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys by an order; a stranger among them leaves everything as it is."""
    return tuple(sorted(keys, key=order.index)) if set(keys) <= set(order) else keys


def _step(keys: tuple[str, ...]) -> tuple[str, ...]:
    verbs = [key for key in keys if key in VERBS and key != "if"] or ["if"]
    if len(verbs) != 1 or verbs[0] not in keys:
        return keys
    first = (verbs[0], *(key for key in ("id", "if") if key != verbs[0]))
    options = [key for key in keys if key not in first and key not in _LAST]
    assert set(shapes_of(Common)) <= {"id", "if", "on_error", "note"}
    return _by((*first, *options, *(key for key in _LAST if key not in first)), keys)
